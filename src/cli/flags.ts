/**
 * Every flag of every command, once: the parser, `--help` and docs/configuration.md all read this table. A flag `--some-name`
 * with a value is also read from the environment as MANIFOLD_SOME_NAME; the command line wins.
 */

import { longNamePolicies, namePolicies } from '../config/naming.ts';

export const sessionPolicies = ['optional', 'required'] as const;
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const logFormats = ['auto', 'json', 'pretty'] as const;
export const principalForms = ['hashed', 'named'] as const;
export const clientAuths = ['require', 'request'] as const;
export const shells = ['bash', 'zsh', 'fish'] as const;

export interface Flag {
  readonly name: string;
  /** The placeholder of the value in the help; a flag without one is a switch. */
  readonly value?: string;
  readonly short?: string;
  /** Takes several values: by repetition, or also separated by commas. */
  readonly list?: 'repeated' | 'commas';
  /** Is not read from the environment. */
  readonly typedOnly?: true;
  /** The default, as a user would type it. */
  readonly standard?: string;
  /** All allowed values; absent: any text. */
  readonly choices?: readonly string[];
  readonly says: string;
}

export interface CommandLine {
  readonly name: string;
  /** The arguments after the name of the command. */
  readonly takes: string;
  readonly says: string;
  readonly examples: readonly string[];
  readonly flags: readonly Flag[];
}

/*
 * The token is bound to both names and to the keys, so commands that seal and commands that explain a token need the same flags.
 */
const sealing: readonly Flag[] = [
  { name: 'session-keys', value: 'FILE', says: 'key ring that seals session tokens, as made by "manifold keygen"' },
  {
    name: 'session-kdf',
    value: 'KDF',
    standard: 'scrypt',
    says: 'how MANIFOLD_SESSION_SECRET becomes a key: scrypt[:N:r:p], pbkdf2-sha256:ITERATIONS, argon2id:KIB:PASSES:LANES or none',
  },
  {
    name: 'gateway-name',
    value: 'NAME',
    standard: 'manifold',
    says: 'name that tokens are bound to; identical on every replica',
  },
  {
    name: 'public-url',
    value: 'URL',
    says: 'URL by which clients reach the endpoint, bound into tokens (default: the path /mcp alone)',
  },
];

const sources: readonly Flag[] = [
  {
    name: 'mcp-config',
    value: 'FILE',
    list: 'repeated',
    says: 'mcpServers file of Claude, Cursor or VS Code, as it is; may be repeated',
  },
  {
    name: 'mcp-json',
    value: 'TEXT',
    list: 'repeated',
    says: 'the same, given as text; may be repeated; write secrets in it as ${VAR}',
  },
];

const runFlags: readonly Flag[] = [
  ...sources,
  {
    name: 'kubernetes',
    says: 'serve the MCPRoutes of a cluster, live, instead of files; the cluster is that of the pod, of KUBECONFIG or of ~/.kube/config',
  },
  {
    name: 'namespace',
    value: 'NAME,…',
    list: 'commas',
    says: 'with --kubernetes: namespaces to watch, or * for all (default: its own)',
  },
  { name: 'selector', value: 'LABELS', says: 'with --kubernetes: only routes with these labels, such as team=search' },
  {
    name: 'gateway-class',
    value: 'NAME',
    says: 'with --kubernetes: only routes that are attached to a Gateway of this class',
  },
  { name: 'strict', says: 'fail if an entry of the configuration is invalid, instead of serving the others' },
  { name: 'host', value: 'ADDRESS', standard: '127.0.0.1', says: 'address to listen on' },
  {
    name: 'port',
    value: 'PORT',
    standard: '1975',
    says: 'port of the MCP endpoint, instead of those of Gateway listeners; 0 chooses a free one',
  },
  {
    name: 'tls-cert',
    value: 'FILE',
    says: 'PEM certificate of the listener, with its chain; read again when it changes',
  },
  { name: 'tls-key', value: 'FILE', says: 'PEM key of the certificate' },
  {
    name: 'tls-client-ca',
    value: 'FILE',
    says: 'PEM certificates of the authorities that sign the certificates of clients',
  },
  {
    name: 'tls-client-auth',
    value: 'POLICY',
    standard: 'require',
    choices: clientAuths,
    says: 'with --tls-client-ca: "require" refuses clients without a certificate, "request" serves them too',
  },
  {
    name: 'tls-client-principal',
    says: 'on routes that require no other credential, the name in its certificate identifies the client',
  },
  { name: 'admin-host', value: 'ADDRESS', standard: '127.0.0.1', says: 'address of probes and metrics' },
  {
    name: 'admin-port',
    value: 'PORT',
    standard: '1064',
    says: 'port of probes and metrics; 0 chooses a free one, "off" disables them',
  },
  {
    name: 'admin-tls-cert',
    value: 'FILE',
    says: 'PEM certificate of the admin port; read again when it changes',
  },
  { name: 'admin-tls-key', value: 'FILE', says: 'PEM key of it' },
  {
    name: 'admin-token-file',
    value: 'FILE',
    says: 'with --admin-tls-cert: a bearer token, with which other machines see more than probes and metrics',
  },
  { name: 'workers', value: 'N', standard: '1', says: 'processes that share the port' },
  ...sealing,
  {
    name: 'sessions',
    value: 'POLICY',
    standard: 'optional',
    choices: sessionPolicies,
    says: '"optional" also serves clients that never return their session id, "required" refuses them',
  },
  {
    name: 'names',
    value: 'POLICY',
    standard: 'always',
    choices: namePolicies,
    says: 'when the names of tools and prompts begin with the id of their server: always; conflict: if several servers have the name; never: then only the first server with a name shows it',
  },
  {
    name: 'name-separator',
    value: 'TEXT',
    standard: '__',
    says: 'text between id and name: 1 to 8 of A-Z a-z 0-9 _ . -',
  },
  {
    name: 'names-charset',
    value: 'CHARSET',
    says: '"models": tools with other characters than A-Z a-z 0-9 _ - in their names, or in the id in front, get an alias that ends in a hash; "any": they are shown with . and / as well, and not at all with others (default: models, or any with a separator that has a .)',
  },
  { name: 'name-max', value: 'N', standard: '64', says: 'longest name that clients accept, 32 to 128' },
  {
    name: 'long-names',
    value: 'POLICY',
    standard: 'warn',
    choices: longNamePolicies,
    says: '"warn" shows longer names and logs it, "shorten" shows an alias that ends in a hash',
  },
  { name: 'session-max-age', value: 'TIME', standard: '24h', says: 'maximum age of a session, 5m to 30d' },
  {
    name: 'sessions-not-before',
    value: 'TIME',
    says: 'refuse sessions that were issued before this time, such as 2026-11-28T09:00:00Z',
  },
  {
    name: 'init-timeout',
    value: 'TIME',
    standard: '5s',
    says: 'longest wait for slow upstreams when a client connects',
  },
  { name: 'drain-timeout', value: 'TIME', standard: '30s', says: 'longest wait for calls in progress after SIGTERM' },
  {
    name: 'drain-delay',
    value: 'TIME',
    standard: '1s',
    says: 'minimum time after SIGTERM in which it still answers, with 503, so that load balancers notice; none for Ctrl-C',
  },
  {
    name: 'allowed-hosts',
    value: 'NAME,…',
    list: 'commas',
    says: 'further allowed names in Host: name, or name:port',
  },
  {
    name: 'allowed-origins',
    value: 'ORIGIN,…',
    list: 'commas',
    says: 'web origins whose pages may call the gateway, such as https://app.example.com',
  },
  {
    name: 'peers',
    value: 'NAME',
    says: 'DNS name with the addresses of all replicas, which then send one another notices about sessions and lists',
  },
  {
    name: 'peer-address',
    value: 'HOST[:PORT]',
    says: 'address of this replica for the others, such as the IP of its pod; default port 1066, and the next ports for further workers',
  },
  {
    name: 'max-message-bytes',
    value: 'SIZE',
    standard: '4MiB',
    says: 'largest message that a client may send, 64KiB to 256MiB',
  },
  {
    name: 'max-answer-bytes',
    value: 'SIZE',
    standard: '16MiB',
    says: 'largest message that a server may answer, 64KiB to 256MiB',
  },
  {
    name: 'memory-budget',
    value: 'SIZE',
    standard: '128MiB',
    says: 'bytes of messages that a process receives, sends and holds at once; above it the largest are refused, with 503',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    standard: 'info',
    choices: logLevels,
    says: 'trace, debug, info, warn, error, fatal or silent',
  },
  {
    name: 'log-format',
    value: 'FORMAT',
    standard: 'auto',
    choices: logFormats,
    says: '"json", "pretty" for people, in colour on a terminal unless NO_COLOR is set, or "auto": pretty on a terminal, else json',
  },
  {
    name: 'log-principals',
    value: 'HOW',
    standard: 'hashed',
    choices: principalForms,
    says: 'how the access log says who calls: "hashed", or "named" by the subject of the access token',
  },
  {
    name: 'token-store',
    value: 'PLACE',
    says: 'store of the sealed tokens of users for upstreams: a file of this machine, or redis://HOST:PORT for several',
  },
  {
    name: 'audit-log',
    value: 'FILE',
    says: 'file with a line for each authorization decision; default: the log',
  },
];

/* Inspecting is for a person at a terminal, so the token is an argument; `-` keeps it out of the process list. */
export const commandLines = {
  run: {
    name: 'run',
    takes: '[FILE…]',
    says: 'Starts the gateway in front of the MCP servers that all of FILE, --mcp-config and --mcp-json name, or that the MCPRoutes of a cluster name. FILE is MCPRoute YAML, an mcpServers file, or a directory of them.',
    examples: [
      'manifold run --mcp-config ~/.cursor/mcp.json',
      'manifold run mcp-route.yaml',
      'manifold run --mcp-json \'{"mcpServers":{"docs":{"url":"https://mcp.example.com/mcp"}}}\'',
      'manifold run --kubernetes --namespace tools,search',
      'manifold run servers.json --host 0.0.0.0 --session-keys keys.json --public-url https://mcp.example.com/mcp',
    ],
    flags: runFlags,
  },
  check: {
    name: 'check',
    takes: 'FILE…',
    says: 'Checks configuration as "run" would read it: prints every fault with its place and exits with 1, or prints the resolved configuration.',
    examples: ['manifold check .vscode/mcp.json', 'manifold check routes/', 'manifold check --diff old.yaml new.yaml'],
    flags: [
      ...sources.map((flag) => ({ ...flag, typedOnly: true as const })),
      {
        name: 'output',
        value: 'FORM',
        short: 'o',
        typedOnly: true,
        standard: 'table',
        says: '"table" for people, "json" for programs',
      },
      {
        name: 'as',
        value: 'CLAIMS',
        typedOnly: true,
        says: 'print what the caller with the claims in this JSON file would see and be allowed, rule by rule',
      },
      { name: 'diff', says: 'take two files, OLD and NEW, and print what a reload would change' },
    ],
  },
  export: {
    name: 'export',
    takes: 'FILE',
    says: 'Turns an mcpServers file into MCPRoute YAML for a cluster, and says what cannot be carried.',
    examples: ['manifold export --format mcproute .cursor/mcp.json > mcp-route.yaml'],
    flags: [
      {
        name: 'format',
        value: 'FORM',
        typedOnly: true,
        standard: 'mcproute',
        says: 'the form of the output: mcproute',
      },
      {
        name: 'namespace',
        value: 'NAME',
        typedOnly: true,
        standard: 'default',
        says: 'namespace of the objects',
      },
      {
        name: 'gateway',
        value: 'NAME',
        typedOnly: true,
        standard: 'manifold',
        says: 'name of the Gateway that the routes are attached to',
      },
    ],
  },
  keygen: {
    name: 'keygen',
    takes: '',
    says: 'Makes a key ring file for --session-keys.',
    examples: ['manifold keygen --out keys.json', 'manifold keygen > keys.json'],
    flags: [
      {
        name: 'out',
        value: 'FILE',
        short: 'o',
        typedOnly: true,
        says: 'write to FILE, readable only by you; an existing file is not changed',
      },
    ],
  },
  tools: {
    name: 'tools',
    takes: '[URL]',
    says: 'Connects as a client and lists the tools it sees, by upstream. URL is http://localhost:1975/mcp unless given.',
    examples: [
      'manifold tools',
      "manifold tools https://mcp.example.com/mcp --header 'Authorization: Bearer ${TOKEN}'",
    ],
    flags: [
      {
        name: 'header',
        value: "'NAME: VALUE'",
        short: 'H',
        list: 'repeated',
        typedOnly: true,
        says: 'header to send, may be repeated; ${VAR} in it is read from the environment',
      },
      { name: 'json', says: 'print JSON' },
    ],
  },
  'token inspect': {
    name: 'token inspect',
    takes: 'TOKEN',
    says: 'Opens a session token with the keys that sealed it and explains it. TOKEN may be "-" for standard input.',
    examples: ['manifold token inspect - --session-keys keys.json < token.txt'],
    flags: sealing,
  },
  version: {
    name: 'version',
    takes: '',
    says: 'Prints the version.',
    examples: ['manifold version'],
    flags: [],
  },
  completion: {
    name: 'completion',
    takes: 'SHELL',
    says: 'Prints the completion script of bash, zsh or fish: commands, flags, and the values that flags have.',
    examples: [
      'source <(manifold completion bash)',
      'source <(manifold completion zsh)',
      'manifold completion fish > ~/.config/fish/completions/manifold.fish',
    ],
    flags: [],
  },
} as const satisfies Record<string, CommandLine>;

export type CommandName = keyof typeof commandLines;

/** The environment variable of a flag; undefined for a flag that is read from the command line only. */
export function variableOf(flag: Flag): string | undefined {
  if (flag.value === undefined || flag.typedOnly === true) return undefined;
  return `MANIFOLD_${flag.name.toUpperCase().replaceAll('-', '_')}`;
}
