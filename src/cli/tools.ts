/**
 * `manifold tools`: connects like any client and lists what that client sees, by upstream. The official SDK is the client,
 * so the command also shows whether a gateway can be used by one.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as z from 'zod';
import { shownUrl } from '../config/shown.ts';
import type { ToolsOptions } from './arguments.ts';
import { columns, firstLine } from '../process/columns.ts';
import type { CommandIo } from '../process/io.ts';

/** Maximum wait for one answer. */
const answerTimeoutMs = 30_000;
/** Maximum wait for the end of the session. */
const farewellMs = 1_000;
/** The key under which the gateway names the servers that are missing from a list (`_meta`, 2025-11-25 basic/index §_meta). */
const missingKey = 'mcp-manifold/missing';
const endpointPath = '/mcp';
/** A list with more pages than this is a loop. */
const maxPages = 1_000;
const maxDescriptionChars = 80;
const maxNameChars = 128;
const maxFaultChars = 200;

interface Tool {
  readonly name: string;
  readonly description: string;
}

interface Seen {
  readonly server: string;
  readonly version: string;
  readonly tools: readonly Tool[];
  readonly prompts: number;
  readonly resources: number;
  readonly resourceTemplates: number;
  /** Ids of servers that are missing from some list because they do not answer. */
  readonly missing: readonly string[];
}

/** Returns the exit code: 0, or 1 with one line on stderr if a list is not available. */
export async function tools(options: ToolsOptions, io: CommandIo): Promise<number> {
  try {
    const seen = await look(options);
    io.stdout.write(options.json ? jsonText(options.url, seen) : listText(options.url, seen));
    return 0;
  } catch (fault) {
    io.stderr.write(`manifold tools: ${shownUrl(options.url)}: ${reason(fault, options.url)}\n`);
    return 1;
  }
}

async function look(options: ToolsOptions): Promise<Seen> {
  const client = new Client({ name: 'manifold-tools', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(options.url), {
    requestInit: { headers: options.headers.map(([name, value]) => [name, value] as [string, string]) },
  });
  try {
    await client.connect(transport, { timeout: answerTimeoutMs });
    const offered = client.getServerCapabilities() ?? {};
    const missing = new Set<string>();
    const list = async (isOffered: unknown, method: string, member: string): Promise<readonly Item[]> =>
      isOffered === undefined ? [] : await listAll(client, method, member, missing);
    const found = await list(offered.tools, 'tools/list', 'tools');
    const prompts = await list(offered.prompts, 'prompts/list', 'prompts');
    const resources = await list(offered.resources, 'resources/list', 'resources');
    const templates = await list(offered.resources, 'resources/templates/list', 'resourceTemplates');
    const about = client.getServerVersion();
    return {
      server: about?.name ?? '',
      version: about?.version ?? '',
      tools: found.map(({ name, description }) => ({ name, description: description ?? '' })),
      prompts: prompts.length,
      resources: resources.length,
      resourceTemplates: templates.length,
      missing: [...missing],
    };
  } finally {
    // A client should send DELETE; a server that does not answer it must not delay the command.
    await Promise.race([transport.terminateSession().catch(() => {}), pause(farewellMs)]);
    await client.close().catch(() => {});
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}

/* Less strict than the SDK's own list calls: one invalid tool must not hide the others. */
const item = z.looseObject({ name: z.string().catch(''), description: z.string().optional().catch(undefined) });

type Item = z.infer<typeof item>;
const aboutPage = z
  .looseObject({ [missingKey]: z.array(z.string()).catch([]).optional() })
  .optional()
  .catch(undefined);

/* Adds to `missing` the servers that the answers name. */
async function listAll(client: Client, method: string, member: string, missing: Set<string>): Promise<readonly Item[]> {
  const page = z.looseObject({ [member]: z.array(item), nextCursor: z.string().optional() });
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await client.request({ method, params }, page, { timeout: answerTimeoutMs });
    items.push(...(answer[member] as Item[]));
    for (const id of aboutPage.parse(answer['_meta'])?.[missingKey] ?? []) missing.add(id);
    cursor = answer['nextCursor'] as string | undefined;
    if (cursor === undefined) return items;
  }
  throw new Error(`${method} does not end`);
}

/* The upstream is the text before the first `__`; a tool without it belongs to none. */
function byUpstream(seen: Seen): ReadonlyMap<string, readonly Tool[]> {
  const groups = new Map<string, Tool[]>();
  for (const tool of seen.tools) {
    const at = tool.name.indexOf('__');
    const upstream = at > 0 ? tool.name.slice(0, at) : '';
    const group = groups.get(upstream);
    if (group === undefined) groups.set(upstream, [tool]);
    else group.push(tool);
  }
  return groups;
}

function listText(url: string, seen: Seen): string {
  const lines = [`${shownUrl(url)}: ${firstLine(`${seen.server} ${seen.version}`, maxNameChars)}`];
  for (const [upstream, group] of byUpstream(seen)) {
    lines.push(
      '',
      `${upstream === '' ? '(without a prefix)' : firstLine(upstream, maxNameChars)} (${counted(group.length, 'tool')})`,
    );
    const rows = group.map((tool) => [
      firstLine(tool.name, maxNameChars),
      firstLine(tool.description, maxDescriptionChars),
    ]);
    for (const line of columns(rows)) lines.push(`  ${line}`);
  }
  if (seen.missing.length > 0) {
    const names = seen.missing.map((id) => firstLine(id, maxNameChars)).join(', ');
    lines.push('', `Missing, as they do not answer: ${names}`);
  }
  const counts = [
    counted(seen.tools.length, 'tool'),
    counted(seen.prompts, 'prompt'),
    counted(seen.resources, 'resource'),
    counted(seen.resourceTemplates, 'resource template'),
  ];
  return `${[...lines, '', counts.join(', ')].join('\n')}\n`;
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function jsonText(url: string, seen: Seen): string {
  const upstreams = Array.from(byUpstream(seen), ([id, group]) => ({ id, tools: group }));
  const { server, version, prompts, resources, resourceTemplates, missing } = seen;
  return `${JSON.stringify({ url: shownUrl(url), server, version, upstreams, prompts, resources, resourceTemplates, missing }, undefined, 2)}\n`;
}

/* One line of text. Text of a peer is cut and made harmless. */
function reason(fault: unknown, url: string): string {
  if (fault instanceof StreamableHTTPError) {
    if (fault.code === 401)
      return "it asks for authorization (HTTP 401): add --header 'Authorization: Bearer ${TOKEN}'";
    if (fault.code !== undefined && fault.code > 0)
      return `it answered HTTP ${fault.code}; is it an MCP endpoint?${elsewhere(url)}`;
  }
  switch (codeOf(fault)) {
    case 'ECONNREFUSED':
      return 'nothing listens there; is the gateway running?';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is not known';
    default:
      return firstLine(saidLast(fault), maxFaultChars);
  }
}

/* Of fetch() itself the message is "fetch failed" whatever the reason. */
function saidLast(fault: unknown): string {
  if (!(fault instanceof Error)) return 'it cannot be reached';
  return fault.cause instanceof Error ? saidLast(fault.cause) : fault.message;
}

/* Where a gateway has its endpoint, for a URL that names the gateway alone. */
function elsewhere(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === endpointPath ? '' : ` Try ${origin}${endpointPath}`;
}

/* fetch() hides the fault of the socket in `cause`; there are several if a name has several addresses. */
function codeOf(fault: unknown): unknown {
  if (!(fault instanceof Error)) return undefined;
  if (fault.cause !== undefined) return codeOf(fault.cause);
  if ('code' in fault) return fault.code;
  return fault instanceof AggregateError ? codeOf(fault.errors[0]) : undefined;
}
