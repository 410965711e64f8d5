/**
 * The command line and the environment → one checked `Command`. Reads nothing but what it is given. Every fault is a
 * `UsageError` of one line; values of flags are not repeated in it where they may hold secrets.
 */
import { isIP } from 'node:net';
import type { Environment } from '../config/variables.ts';
import type { Naming } from '../config/model.ts';
import { charsets, isForModels, isSeparator, longNamePolicies, namePolicies } from '../config/naming.ts';
import { expand } from '../config/variables.ts';
import { nearest } from '../config/nearest.ts';
import { durationMs } from './duration.ts';
import type { CommandName } from './flags.ts';
import { clientAuths, commandLines, logFormats, logLevels, principalForms, sessionPolicies, shells } from './flags.ts';
import { helpText } from './help.ts';
import type { Given } from './given.ts';
import { readGiven } from './given.ts';
import type { RunOptions, SealingOptions, TlsOptions } from '../process/options.ts';
import { UsageError } from '../process/usage.ts';

export type Shell = (typeof shells)[number];

export interface CheckOptions {
  readonly files: readonly string[];
  readonly mcpConfig: readonly string[];
  readonly mcpJson: readonly string[];
  readonly output: 'table' | 'json';
  /** Compare the first file with the second one: the changes of a reload. */
  readonly diff: boolean;
  /** A file with the claims of a caller, whose rights are printed. */
  readonly as?: string | undefined;
}

export interface ToolsOptions {
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly json: boolean;
}

export type Command =
  | { readonly kind: 'run'; readonly options: RunOptions }
  | ({ readonly kind: 'check' } & CheckOptions)
  | { readonly kind: 'export'; readonly file: string; readonly namespace: string; readonly gateway: string }
  | { readonly kind: 'keygen'; readonly out: string | undefined }
  | { readonly kind: 'tools'; readonly options: ToolsOptions }
  /** `token` is `-` when it is to be read from standard input. */
  | { readonly kind: 'token-inspect'; readonly token: string; readonly options: SealingOptions }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'completion'; readonly shell: Shell };

const defaultPeerPort = 1066;
const maxWorkers = 64;
const maxPort = 65_535;
const minNameMax = 32;
const maxNameMax = 128;
const minute = 60_000;
const day = 86_400_000;
const kib = 1_024;
const mib = 1_024 * kib;

/** `argv` without the program and the script. Throws `UsageError`. */
export function parseCommand(argv: readonly string[], env: Environment): Command {
  const [first, ...rest] = argv;
  if (first === undefined || first === '--help' || first === '-h') return { kind: 'help', text: helpText(undefined) };
  if (first === '--version' || first === '-V') return { kind: 'version' };
  if (first === 'help') return { kind: 'help', text: helpText(rest.length === 0 ? undefined : commandName(rest)) };
  const name = commandName(argv);
  const given = readGiven(name, argv.slice(name === 'token inspect' && argv[1] === 'inspect' ? 2 : 1), env);
  return given.help ? { kind: 'help', text: helpText(name) } : commands[name](given, env);
}

const commands: Readonly<Record<CommandName, (given: Given, env: Environment) => Command>> = {
  run: (given) => ({ kind: 'run', options: runOptions(given) }),
  check: (given) => {
    const [mcpConfig, mcpJson] = [given.list('mcp-config'), given.list('mcp-json')];
    const diff = given.on('diff');
    if (diff && given.words.length !== 2) throw new UsageError('check --diff needs two files: OLD NEW', given.command);
    if (given.words.length + mcpConfig.length + mcpJson.length === 0)
      throw new UsageError('check needs at least one file', given.command);
    const output = oneOf(given, 'output', ['table', 'json']);
    const as = given.one('as');
    if (diff && as !== undefined) throw new UsageError('check takes --diff or --as', given.command);
    return { kind: 'check', files: given.words, mcpConfig, mcpJson, output, diff, as };
  },
  export: (given) => {
    refuseWords(given, 1);
    const [file] = given.words;
    if (file === undefined) throw new UsageError('export needs the mcpServers file', given.command);
    oneOf(given, 'format', ['mcproute']);
    return { kind: 'export', file, namespace: given.value('namespace'), gateway: given.value('gateway') };
  },
  keygen: (given) => {
    refuseWords(given, 0);
    return { kind: 'keygen', out: given.one('out') };
  },
  tools: (given, env) => ({ kind: 'tools', options: toolsOptions(given, env) }),
  'token inspect': tokenInspect,
  version: (given) => {
    refuseWords(given, 0);
    return { kind: 'version' };
  },
  completion: (given) => {
    refuseWords(given, 1);
    const shell = shells.find((name) => name === given.words[0]);
    if (shell === undefined) throw new UsageError(`completion needs the shell: ${shells.join(', ')}`, given.command);
    return { kind: 'completion', shell };
  },
};

function commandName(words: readonly string[]): CommandName {
  const [first = '', second = ''] = words;
  if (first === 'token') {
    if (second === 'inspect' || second === '--help' || second === '-h' || second === '') return 'token inspect';
    throw new UsageError('"token" is followed by "inspect"', 'token inspect');
  }
  if (Object.hasOwn(commandLines, first)) return first as CommandName;
  if (first.startsWith('-'))
    throw new UsageError(`a command comes before ${flagOf(first)}, such as: manifold run ${flagOf(first)} …`);
  if (first.includes('.') || first.includes('/'))
    throw new UsageError('a command comes first, such as: manifold run FILE');
  const near = nearest(first, Object.keys(commandLines));
  throw new UsageError(
    `there is no command ${JSON.stringify(first)}${near === undefined ? '' : `; did you mean "${near}"?`}`,
  );
}

function flagOf(word: string): string {
  return word.split('=', 1)[0]!;
}

function runOptions(given: Given): RunOptions {
  return {
    ...source(given),
    kubernetes: kubernetesOptions(given),
    ...sealingOptions(given),
    strict: given.on('strict'),
    host: withoutBrackets(given.value('host')),
    port: whole(given, 'port', 0, maxPort),
    isPortGiven: given.one('port') !== undefined,
    tls: tlsOptions(given),
    adminHost: withoutBrackets(given.value('admin-host')),
    adminPort: given.value('admin-port') === 'off' ? undefined : whole(given, 'admin-port', 0, maxPort),
    ...adminSecurity(given),
    workers: whole(given, 'workers', 1, maxWorkers),
    sessions: oneOf(given, 'sessions', sessionPolicies),
    naming: naming(given),
    sessionMaxAgeSeconds: Math.floor(span(given, 'session-max-age', 5 * minute, 30 * day) / 1_000),
    sessionsNotBefore: instant(given, 'sessions-not-before'),
    initTimeoutMs: span(given, 'init-timeout', 100, 5 * minute),
    drainTimeoutMs: span(given, 'drain-timeout', 0, 10 * minute),
    drainDelayMs: span(given, 'drain-delay', 0, 10 * minute),
    allowedHosts: given.list('allowed-hosts').map((text) => hostName(text, given)),
    allowedOrigins: given.list('allowed-origins').map((text) => origin(text, given)),
    logLevel: oneOf(given, 'log-level', logLevels),
    logFormat: oneOf(given, 'log-format', logFormats),
    logPrincipals: oneOf(given, 'log-principals', principalForms),
    auditLog: given.one('audit-log'),
    tokenStore: given.one('token-store'),
    maxMessageBytes: size(given, 'max-message-bytes', 64 * kib, 256 * mib),
    maxAnswerBytes: size(given, 'max-answer-bytes', 64 * kib, 256 * mib),
    memoryBudget: size(given, 'memory-budget', 8 * mib, 1_048_576 * mib),
    peers: given.one('peers'),
    peerAddress: peerAddress(given),
  };
}

function tlsOptions(given: Given): TlsOptions | undefined {
  const [cert, key, clientCa] = [given.one('tls-cert'), given.one('tls-key'), given.one('tls-client-ca')];
  const clientPrincipal = given.on('tls-client-principal');
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--tls-cert and --tls-key are given together', given.command);
  if (cert === undefined || key === undefined) {
    if (clientCa === undefined && !clientPrincipal) return undefined;
    throw new UsageError(
      'clients are asked for certificates over TLS only: give --tls-cert and --tls-key',
      given.command,
    );
  }
  if (clientPrincipal && clientCa === undefined)
    throw new UsageError('--tls-client-principal needs --tls-client-ca', given.command);
  return { cert, key, clientCa, clientAuth: oneOf(given, 'tls-client-auth', clientAuths), clientPrincipal };
}

function adminSecurity(given: Given): Pick<RunOptions, 'adminTls' | 'adminTokenFile'> {
  const [cert, key, adminTokenFile] = [
    given.one('admin-tls-cert'),
    given.one('admin-tls-key'),
    given.one('admin-token-file'),
  ];
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--admin-tls-cert and --admin-tls-key are given together', given.command);
  const adminTls = cert === undefined || key === undefined ? undefined : { cert, key };
  if (adminTokenFile !== undefined && adminTls === undefined)
    throw new UsageError(
      'a token is taken over TLS only: give --admin-tls-cert and --admin-tls-key with --admin-token-file',
      given.command,
    );
  return { adminTls, adminTokenFile };
}

/* The form in which people copy it from a URL. */
function withoutBrackets(host: string): string {
  return /^\[[0-9A-Fa-f:.]+\]$/.test(host) ? host.slice(1, -1) : host;
}

function naming(given: Given): Naming {
  const separator = given.value('name-separator');
  if (!isSeparator(separator))
    throw new UsageError('--name-separator must be 1 to 8 of A-Z a-z 0-9 _ . -', given.command);
  const charset = given.one('names-charset') === undefined ? undefined : oneOf(given, 'names-charset', charsets);
  if (charset === 'models' && !isForModels(separator))
    throw new UsageError('--names-charset models does not go with a --name-separator that has a .', given.command);
  return {
    policy: oneOf(given, 'names', namePolicies),
    separator,
    maxChars: whole(given, 'name-max', minNameMax, maxNameMax),
    tooLong: oneOf(given, 'long-names', longNamePolicies),
    charset: charset ?? (isForModels(separator) ? 'models' : 'any'),
  };
}

/* A source on the command line replaces all sources of the environment, so that two are never mixed by accident. */
function source(given: Given): Pick<RunOptions, 'files' | 'mcpConfig' | 'mcpJson'> {
  const typed = given.words.length > 0 || given.typed('mcp-config') || given.typed('mcp-json');
  const of = (name: string): readonly string[] => (!typed || given.typed(name) ? given.list(name) : []);
  const mcpConfig = of('mcp-config');
  const mcpJson = of('mcp-json');
  if (given.on('kubernetes')) {
    if (typed) throw new UsageError('--kubernetes is given in place of files', 'run');
    return { files: [], mcpConfig: [], mcpJson: [] };
  }
  if (given.words.length + mcpConfig.length + mcpJson.length === 0)
    throw new UsageError('run needs FILE, --mcp-config FILE, --mcp-json TEXT or --kubernetes', 'run');
  return { files: given.words, mcpConfig, mcpJson };
}

function kubernetesOptions(given: Given): RunOptions['kubernetes'] {
  if (!given.on('kubernetes')) {
    const idle = ['namespace', 'selector', 'gateway-class'].find((name) => given.typed(name));
    if (idle !== undefined) throw new UsageError(`--${idle} goes with --kubernetes`, 'run');
    return undefined;
  }
  const names = given.list('namespace');
  const wrong = names.find((name) => name !== '*' && !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name));
  if (wrong !== undefined)
    throw new UsageError('--namespace takes names of namespaces, with commas between them, or *', 'run');
  return {
    namespaces: names.includes('*') ? 'all' : names.length === 0 ? undefined : names,
    selector: given.one('selector'),
    gatewayClass: given.one('gateway-class'),
  };
}

function sealingOptions(given: Given): SealingOptions {
  const resource = given.one('public-url');
  if (resource !== undefined) publicUrl(resource, given);
  return {
    sessionKeys: given.one('session-keys'),
    sessionSecret: given.secret('MANIFOLD_SESSION_SECRET'),
    sessionKdf: given.value('session-kdf'),
    gatewayName: given.value('gateway-name'),
    resource,
  };
}

function tokenInspect(given: Given): Command {
  refuseWords(given, 1);
  const options = sealingOptions(given);
  const [token] = given.words;
  if (token === undefined) throw new UsageError('token inspect needs the token, or "-" to read it', given.command);
  if (options.sessionKeys === undefined && options.sessionSecret === undefined) {
    throw new UsageError('token inspect needs --session-keys FILE or MANIFOLD_SESSION_SECRET', given.command);
  }
  return { kind: 'token-inspect', token, options };
}

function toolsOptions(given: Given, env: Environment): ToolsOptions {
  refuseWords(given, 1);
  const url = given.words[0] ?? 'http://localhost:1975/mcp';
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    const bare = /^[A-Za-z0-9.-]+(?::[0-9]+)?(?:\/|$)/.test(url);
    throw new UsageError(
      `the URL must begin with http:// or https://${bare ? `, such as http://${url.split('/', 1)[0]!}/mcp` : ''}`,
      given.command,
    );
  }
  return { url, headers: given.list('header').map((text) => header(text, env)), json: given.on('json') };
}

function header(text: string, env: Environment): readonly [string, string] {
  const expanded = expand(text, env);
  if (expanded.faults !== undefined) throw new UsageError(`--header: ${expanded.faults[0]!.problem}`, 'tools');
  const colon = expanded.text.indexOf(':');
  const name = expanded.text.slice(0, Math.max(colon, 0)).trim();
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
    throw new UsageError("--header is written as 'NAME: VALUE'", 'tools');
  return [name, expanded.text.slice(colon + 1).trim()];
}

function refuseWords(given: Given, most: number): void {
  if (given.words.length > most) {
    throw new UsageError(`${given.command} takes ${most === 0 ? 'no argument' : 'one argument'}`, given.command);
  }
}

function whole(given: Given, name: string, least: number, most: number): number {
  const text = given.value(name);
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}`, given.command);
}

function size(given: Given, name: string, least: number, most: number): number {
  const [, digits = '', unit = ''] = /^([0-9]{1,12})(|B|KiB|MiB|GiB)$/.exec(given.value(name)) ?? [];
  const value = digits === '' ? Number.NaN : Number(digits) * (sizeUnits[unit] ?? 1);
  if (value >= least && value <= most) return value;
  throw new UsageError(
    `--${name} must be a size from ${least} to ${most} bytes, written like 65536, 512KiB or 16MiB`,
    given.command,
  );
}

const sizeUnits: Readonly<Record<string, number>> = { KiB: kib, MiB: mib, GiB: 1_024 * mib };

function span(given: Given, name: string, leastMs: number, mostMs: number): number {
  const value = durationMs(given.value(name));
  if (value !== undefined && value >= leastMs && value <= mostMs) return value;
  const bounds = `from ${spanText(leastMs)} to ${spanText(mostMs)}`;
  throw new UsageError(`--${name} must be a time ${bounds}, written like 500ms, 5s, 2m or 24h`, given.command);
}

/* An ISO 8601 time, in Unix seconds. */
function instant(given: Given, name: string): number | undefined {
  const text = given.one(name);
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new UsageError(`--${name} must be a time such as 2026-11-28T09:00:00Z`, given.command);
  return Math.floor(ms / 1_000);
}

function spanText(ms: number): string {
  if (ms % day === 0 && ms > 0) return `${ms / day}d`;
  if (ms % minute === 0 && ms > 0) return `${ms / minute}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

function oneOf<T extends string>(given: Given, name: string, choices: readonly T[]): T {
  const text = given.value(name);
  const choice = choices.find((c) => c === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`--${name} must be one of: ${choices.join(', ')}`, given.command);
}

/* A name or an address with an optional port; an IPv6 address with a port is in brackets. */
function peerAddress(given: Given): RunOptions['peerAddress'] {
  const text = given.one('peer-address');
  if (text === undefined) return undefined;
  const bare = isIP(text) === 6 ? `[${text}]` : text;
  const parsed = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/.test(bare)
    ? URL.parse(`http://${bare}`)
    : null;
  if (parsed === null)
    throw new UsageError('--peer-address is written like 10.0.0.7, 10.0.0.7:1066 or [fd00::7]:1066', given.command);
  const port = /:([0-9]+)$/.exec(bare)?.[1];
  // Other replicas get this address, and for each of them it would mean itself.
  if (parsed.hostname === '0.0.0.0' || parsed.hostname === '[::]')
    throw new UsageError(
      '--peer-address is one at which the other replicas reach this one, not all of them',
      given.command,
    );
  return { host: parsed.hostname.replace(/^\[|\]$/g, ''), port: port === undefined ? defaultPeerPort : Number(port) };
}

function hostName(text: string, given: Given): string {
  if (/^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/.test(text)) return text.toLowerCase();
  throw new UsageError('--allowed-hosts takes names such as mcp.example.com or mcp.example.com:8443', given.command);
}

function origin(text: string, given: Given): string {
  const parsed = URL.parse(text);
  if (parsed !== null && parsed.origin !== 'null' && `${parsed.origin}/` === parsed.href) return parsed.origin;
  throw new UsageError(
    '--allowed-origins takes origins such as https://app.example.com, without a path',
    given.command,
  );
}

/* RFC 8707 §2: a resource is an absolute URI without a fragment. Ours has no query or credentials either. */
function publicUrl(text: string, given: Given): void {
  const parsed = URL.parse(text);
  const plain =
    parsed !== null &&
    (parsed.protocol === 'https:' || parsed.protocol === 'http:') &&
    parsed.username === '' &&
    parsed.password === '' &&
    !text.includes('?') &&
    !text.includes('#');
  if (!plain) {
    throw new UsageError('--public-url must be an http(s) URL without credentials, query or fragment', given.command);
  }
}
