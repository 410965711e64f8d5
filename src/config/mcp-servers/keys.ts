/**
 * The keys of one server in an `mcpServers` file: their values, their meaning, and their names in other clients. The reader, its
 * remedies and docs/configuration.md all use this table.
 */
import * as z from 'zod';
import { defaultStartTimeoutMs, defaultTimeoutMs, maxTimeoutSeconds } from '../limits.ts';

const names = z.array(z.string());

/** A server as written, once its values are known to be of the right kind. */
export const serverShape = z.object({
  type: z.string().optional(),
  url: z.string().optional(),
  headers: z.map(z.string(), z.string()).optional(),
  command: z.string().optional(),
  args: z.array(z.string()).optional(),
  // VS Code allows numbers, and null to remove a variable.
  env: z.map(z.string(), z.union([z.string(), z.number(), z.null()])).optional(),
  envFile: z.string().optional(),
  cwd: z.string().optional(),
  includeTools: names.optional(),
  excludeTools: names.optional(),
  disabled: z.boolean().optional(),
  timeout: z.number().optional(),
  startTimeout: z.number().optional(),
  shared: z.boolean().optional(),
  era: z.enum(['auto', 'legacy', 'modern']).optional(),
  onSessionLoss: z.enum(['reinitialize', 'error']).optional(),
  forwardHeaders: names.optional(),
  acknowledgeTokenPassthrough: z.boolean().optional(),
  passthroughAudience: z.string().min(1).optional(),
});

export type ServerText = z.infer<typeof serverShape>;
export type ServerKey = keyof ServerText;

interface KeyText {
  /** Completes "Give …". */
  readonly wants: string;
  /** For the reference page. */
  readonly says: string;
  /** Names of the same key in other clients. */
  readonly alsoCalled?: readonly string[];
  /** The kind of server that has the key; absent: both. */
  readonly only?: 'remote' | 'stdio';
  /** A key of this gateway, which clients do not have. */
  readonly ours?: true;
}

export const serverKeys = {
  type: {
    wants: '"http", "sse" or "stdio"',
    says: '`http` (also `streamable-http`, `streamableHttp`, `streamable_http`, `remote`), `stdio` (also `local`), or `sse`, the deprecated transport. May be left out: a `url` means `http`, or `sse` too where it ends in `/sse` and `http` is refused; a `command` means `stdio`.',
    alsoCalled: ['transport', 'transportType'],
  },
  url: {
    wants: 'an http:// or https:// URL',
    says: 'The endpoint of the server. A query string is kept. Credentials do not belong in it: use `headers`.',
    alsoCalled: ['serverUrl', 'httpUrl', 'baseUrl'],
    only: 'remote',
  },
  headers: {
    wants: 'an object of strings, such as {"Authorization": "Bearer ${TOKEN}"}',
    says: 'Headers for every request to the server. Those that the protocol itself sets are left out, with a warning.',
    only: 'remote',
  },
  command: {
    wants: 'the name of a program',
    says: 'The program to start, found on the PATH. It is run without a shell.',
    only: 'stdio',
  },
  args: { wants: 'a list of strings, such as ["--port", "3000"]', says: 'Its arguments.', only: 'stdio' },
  env: {
    wants: 'an object of strings, such as {"API_KEY": "${API_KEY}"}',
    says: 'Environment variables for the program. Beyond these it gets only the few that programs need to run, such as PATH and HOME.',
    only: 'stdio',
  },
  envFile: {
    wants: 'the path of a file with lines such as API_KEY=…',
    says: 'A file of such variables, as `.env` has them. `env` has precedence. A relative path begins at the workspace folder (see [variables](#variables)).',
    only: 'stdio',
  },
  cwd: {
    wants: 'a directory',
    says: "The directory to start it in; the gateway's own when absent.",
    only: 'stdio',
  },
  includeTools: {
    wants: 'a list of tool names',
    says: 'The tools to show, by the names the server gives them; all when absent, or with `["*"]`. A tool that is not shown cannot be called.',
    alsoCalled: ['tools', 'enabledTools'],
  },
  excludeTools: {
    wants: 'a list of tool names',
    says: 'Tools to leave out, even when included; `["*"]` leaves out all of them.',
    alsoCalled: ['disabledTools'],
  },
  disabled: {
    wants: 'true or false',
    says: '`true` leaves the server out; nothing else of it is checked. `enabled: false` and `isActive: false` say the same.',
  },
  timeout: {
    wants: 'milliseconds, such as 60000',
    says: `Longest silence of one call in **milliseconds**; progress starts it anew. ${defaultTimeoutMs} when absent. A figure below ${maxTimeoutSeconds} is in seconds, as Cline and Kilo Code write it; \`check\` notes it.`,
  },
  startTimeout: {
    wants: 'milliseconds, such as 600000',
    says: `How long the program may take until its first answer, in **milliseconds**: it may have to be installed first. ${defaultStartTimeoutMs} when absent.`,
    only: 'stdio',
    ours: true,
  },
  shared: {
    wants: 'true or false',
    says: '`true`: one process serves all sessions of a caller, instead of one for each session. For servers that keep no state per session; see docs/stdio.md for what such a server cannot do.',
    only: 'stdio',
    ours: true,
  },
  era: {
    wants: '"auto", "legacy" or "modern"',
    says: 'The protocol of the server: the one with sessions (`legacy`: 2025-03-26 to 2025-11-25), the stateless one (`modern`: 2026-07-28), or the one that it answers to (`auto`, the default).',
    only: 'remote',
    ours: true,
  },
  onSessionLoss: {
    wants: '"reinitialize" or "error"',
    says: 'What to do when the server no longer knows its session: open a new one within the same request (`reinitialize`, the default), or return an error to the client (`error`), for servers whose state must not be lost without an error.',
    ours: true,
  },
  forwardHeaders: {
    wants: 'a list of header names, such as ["X-Tenant"]',
    says: 'Headers of the client that this server is meant to get. None when absent. `Host` and the headers of one hop are refused.',
    only: 'remote',
    ours: true,
  },
  acknowledgeTokenPassthrough: {
    wants: 'true or false',
    says: 'Must be `true` for `forwardHeaders` to name `Authorization` or `Cookie`: the server then gets credentials that were issued for this gateway, which MCP forbids unless both are one service. A token that the route has verified goes on only where its `aud` holds the URL of the server, or `passthroughAudience`.',
    only: 'remote',
    ours: true,
  },
  passthroughAudience: {
    wants: 'an audience, or "*" for any',
    says: 'What the `aud` of a token that is passed on must hold in place of the URL of the server; `"*"` passes on tokens for whomever they are.',
    only: 'remote',
    ours: true,
  },
} as const satisfies Record<ServerKey, KeyText>;

/** Keys that concern only the client. A gateway ignores them without a warning. */
export const clientKeys: ReadonlySet<string> = new Set([
  '$schema',
  '//',
  '_comment',
  'alwaysAllow',
  'autoApprove',
  'autoStart',
  'comment',
  'description',
  'dev',
  'disabledAutoApproveTools',
  'displayName',
  'fromGalleryId',
  'gallery',
  'id',
  'icon',
  'icons',
  'installSource',
  'isTrusted',
  'logoUrl',
  'longRunning',
  'metadata',
  'name',
  'note',
  'preventAutoReplace',
  'provider',
  'providerUrl',
  'source',
  'tags',
  'title',
  'trust',
  'version',
  'watchPaths',
]);

/** Keys that have an effect in a client and none here: they give a warning. */
export const refusedKeys: ReadonlyMap<string, string> = new Map([
  ['auth', 'the gateway does not log in by itself; give the credential in "headers"'],
  ['authorization', 'the gateway does not log in by itself; give the credential in "headers"'],
  ['oauth', 'the gateway does not log in by itself; give the credential in "headers"'],
  ['authProviderType', 'the gateway does not log in by itself; give the credential in "headers"'],
  ['headersHelper', 'no helper program is run; give the headers in "headers", with ${VAR} for secrets'],
  ['sandbox', 'the program is not put into a sandbox here'],
  ['sandboxEnabled', 'the program is not put into a sandbox here'],
]);
