/**
 * The configuration as the rest of the program sees it: checked, complete, frozen, safe to clone to a worker. Every reader
 * (mcp-servers/, mcp-route/) ends here; nothing behind this file knows which kind of file a setting came from.
 */
import type { UpstreamTls } from './upstream-tls.ts';
import type { BackendSelectorConfig, RouteSecurity, UpstreamGrant } from './security.ts';

export type { UpstreamTls };

/** How the bridge runs a server that speaks no Streamable HTTP. What is absent is as the bridge has it by default. */
interface Bridged {
  /** How long it may take until its first answer, in ms. */
  readonly startTimeoutMs?: number;
  /** One process or connection serves all sessions of a principal. */
  readonly shared?: boolean;
}

/** How an upstream is reached. Header and environment values are secrets: they are never printed. */
export type UpstreamTransport =
  | {
      readonly kind: 'http';
      /** A query string may hold a credential: it is never printed. */
      readonly url: string;
      readonly headers: readonly (readonly [name: string, value: string])[];
      /** The URL looks like one of the deprecated transport, and nothing says which it is: that one is tried where this is refused. */
      readonly orSse?: true;
      /** Absent: the public authorities, and the host of the URL. */
      readonly tls?: UpstreamTls;
      /** Path of the Unix socket that stands for the host of the URL. */
      readonly socketPath?: string;
    }
  | (Bridged & {
      readonly kind: 'sse';
      readonly url: string;
      readonly headers: readonly (readonly [name: string, value: string])[];
    })
  | (Bridged & {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string | undefined;
    });

/**
 * Which things of an upstream are shown and callable, by the names (of resources: URIs) that the upstream gives them. Exclude
 * wins; then one is shown that is in `include` or matches a pattern of it, or every one when neither is there. Patterns are RE2,
 * match anywhere, and have been checked.
 */
export interface NameSelector {
  readonly include: ReadonlySet<string> | undefined;
  readonly exclude: ReadonlySet<string>;
  readonly includePatterns?: readonly string[];
  readonly excludePatterns?: readonly string[];
}

export type ToolSelector = NameSelector;

/** How the tools and prompts of several upstreams are told apart. */
export interface Naming {
  /**
   * Whether a name is shown with the id of its upstream in front: always, only where several upstreams have the name, or never;
   * then a name that several have is that of the first in the configuration.
   */
  readonly policy: 'always' | 'conflict' | 'never';
  /** Stands between id and name. */
  readonly separator: string;
  /** The longest name that clients take, in characters. */
  readonly maxChars: number;
  /** What becomes of a longer one: it is shown all the same, or under an alias. */
  readonly tooLong: 'warn' | 'shorten';
  /**
   * Which names of tools are shown as they are: those that models take (`[A-Za-z0-9_-]`), others under an alias; or any that the
   * specification takes, others not at all. `models` unless given.
   */
  readonly charset?: 'models' | 'any';
}

export interface UpstreamConfig {
  /** As the operator wrote it, for people to read. */
  readonly name: string;
  /** The prefix of its tools and prompts: `[A-Za-z0-9_.-]{1,64}`; the first separator behind it is the gateway's own. */
  readonly id: string;
  /** How its names are told from those of others; alike in all of a route. */
  readonly naming: Naming;
  /** It is the only upstream of its route: nothing has to be told apart, so its messages pass as they are. */
  readonly isOnly?: boolean;
  /** The scheme prefix of its resource URIs: a lower-case RFC 3986 scheme without `+`, unique in the route. */
  readonly scheme: string;
  readonly transport: UpstreamTransport;
  readonly tools: ToolSelector;
  /** Longest silence of one call, in ms; progress starts it anew. */
  readonly timeoutMs: number;
  /** Which protocol era it is spoken to in; `auto` finds out. */
  readonly era: 'auto' | 'legacy' | 'modern';
  /** What happens when the upstream no longer knows its session id. */
  readonly onSessionLoss: 'reinitialize' | 'error';
  /** Names (lower case) of client headers that this upstream is meant to get. Empty unless configured. */
  readonly forwardHeaders: readonly string[];
  /** Of these headers, those that it gets under another name (lower case both); a header may have several. */
  readonly forwardedAs?: readonly (readonly [name: string, as: string])[];
  /** Absent: all. */
  readonly prompts?: NameSelector;
  readonly resources?: NameSelector;
  /** Where the credential in `transport` came from and goes to, for people to read. */
  readonly credential?: ShownCredential;
  readonly limits?: UpstreamLimits;
  /** A token that the gateway gets for it. */
  readonly grant?: UpstreamGrant;
  /** What it says to one principal may be said to all, where it gets nothing of the caller. */
  readonly isPublic?: boolean;
  /** It gets more of the caller than `forwardHeaders`: claims as headers, a client id, a token of the caller's. */
  readonly isPersonal?: boolean;
  /** What clients are shown in place of what the upstream says, by its own name of the tool. */
  readonly overrides?: ReadonlyMap<string, ToolOverride>;
}

/** The credential itself stands in the headers or the query of the transport. */
export interface ShownCredential {
  readonly in: 'header' | 'query';
  readonly name: string;
  /** `inline`, or the Secret as `namespace/name`. */
  readonly from: string;
}

/** Absent: as the gateway does by default. Times in ms. */
export interface UpstreamLimits {
  readonly connectTimeoutMs?: number;
  /** Until the head of the answer. */
  readonly firstByteTimeoutMs?: number;
  /** The whole of a call, whatever its progress. */
  readonly callTimeoutMs?: number;
  /** For what was never sent, and for reads; `attempts` counts the further ones. */
  readonly retries?: { readonly attempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  /** Opens after so many failures in a row, and lets one request try after the wait. `off`: never opens. */
  readonly breaker?: { readonly failures: number; readonly openMs: number } | 'off';
  /** Calls at once, and how many may wait for their turn. */
  readonly concurrency?: { readonly calls: number; readonly queue: number };
}

export interface ToolOverride {
  /** In place of the upstream's own name, before the prefix. */
  readonly rename?: string;
  readonly title?: string;
  readonly description?: string;
  /** Members of `annotations` that are set or replaced, such as `readOnlyHint`. */
  readonly annotations?: Readonly<Record<string, boolean | string>>;
  /** By argument. A preset is sent whatever the client says; a hidden one is not in the schema that clients see. */
  readonly arguments?: ReadonlyMap<string, { readonly preset?: JsonValue; readonly hidden: boolean }>;
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue };

/** A header that a request must have. `pattern` is RE2 for the whole value, checked. `name` is in lower case. */
export interface HeaderMatch {
  readonly name: string;
  readonly kind: 'exact' | 'pattern';
  readonly value: string;
}

/** One endpoint in front of its upstreams, in the order of the file. */
export interface RouteConfig {
  /** Of an MCPRoute: unique in its namespace only; see `routeKey`. */
  readonly name: string;
  readonly namespace?: string;
  readonly path: string;
  /** How names are told apart; that of each upstream, too. */
  readonly naming: Naming;
  /** Lower case, exact or `*.` and a suffix, which stands for one or more labels. Absent: every host. */
  readonly hosts?: readonly string[];
  /** All of them must match. Absent: none. */
  readonly headers?: readonly HeaderMatch[];
  /** Ports of the listeners it is attached to. Absent: whatever the gateway listens on. */
  readonly ports?: readonly number[];
  /** Certificates of those listeners that speak TLS. */
  readonly certificates?: readonly ListenerCertificate[];
  readonly upstreams: readonly UpstreamConfig[];
  /** Absent: nothing is asked of clients. */
  readonly security?: RouteSecurity;
  /** Absent: a session gets all upstreams. */
  readonly backendSelector?: BackendSelectorConfig;
}

/** PEM texts; the key is a secret. */
export interface ListenerCertificate {
  readonly port: number;
  /** Lower case, exact or `*.` and a suffix; absent: whatever name is asked for. */
  readonly host?: string;
  readonly cert: string;
  readonly key: string;
}

/** Tells a route from all others: `namespace/name`, or the name where there is no namespace. */
export function routeKey({ namespace, name }: Pick<RouteConfig, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** An entry that cannot be served, by the name it has in the file. */
export interface UnusableEntry {
  readonly name: string;
  readonly faults: readonly ConfigFault[];
}

export interface Config {
  readonly routes: readonly RouteConfig[];
  /** Entries that are left out because they are at fault, for a reader that was told to go on without them. */
  readonly unusable?: readonly UnusableEntry[];
  /** Things a person should know and that stop nothing, each with its path. */
  readonly warnings: readonly string[];
}

/** One fault of a configuration: where it is, what is wrong and what would be right. Never a secret. */
export interface ConfigFault {
  /** `file:line:column`, where known. */
  readonly place?: string;
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

export function faultText({ place, path, problem, remedy }: ConfigFault): string {
  return `${place === undefined ? '' : `${place}: `}${path}: ${problem}. ${remedy}`;
}

/** Thrown by every reader with all faults of the text at once. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(source: string, faults: readonly ConfigFault[]) {
    super(
      [
        `${source}: ${faults.length} fault${faults.length === 1 ? '' : 's'}`,
        ...faults.map((fault) => `  ${faultText(fault)}`),
      ].join('\n'),
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}
