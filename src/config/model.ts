/**
 * The configuration as the rest of the program uses it: validated, complete, frozen, and safe to clone to a worker. Every reader
 * (mcp-servers/, mcp-route/) produces it; the code that uses it does not depend on the kind of file.
 */
import type { UpstreamTls } from './upstream-tls.ts';
import type { BackendSelectorConfig, RouteSecurity, UpstreamGrant } from './security.ts';

export type { UpstreamTls };

/** How the bridge runs a server without Streamable HTTP. Absent members have the defaults of the bridge. */
interface Bridged {
  /** Maximum time until its first answer, in ms. */
  readonly startTimeoutMs?: number;
  /** One process or connection serves all sessions of a principal. */
  readonly shared?: boolean;
}

/** How an upstream is reached. Header and environment values are secrets and are never printed. */
export type UpstreamTransport =
  | {
      readonly kind: 'http';
      /** A query string may hold a credential: it is never printed. */
      readonly url: string;
      readonly headers: readonly (readonly [name: string, value: string])[];
      /**
       * The URL looks like one of the deprecated transport, but the type is not given: if Streamable HTTP is refused, the
       * deprecated transport is tried.
       */
      readonly orSse?: true;
      /** Absent: the public authorities, and the host name of the URL. */
      readonly tls?: UpstreamTls;
      /** Path of the Unix socket that is used instead of the host of the URL. */
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
 * Which items of an upstream are shown and callable, by the upstream's own names (resources: URIs). Exclude has precedence. Then
 * an item is shown if it is in `include` or matches a pattern of it, or if there is no include at all. Patterns are validated RE2
 * and match anywhere.
 */
export interface NameSelector {
  readonly include: ReadonlySet<string> | undefined;
  readonly exclude: ReadonlySet<string>;
  readonly includePatterns?: readonly string[];
  readonly excludePatterns?: readonly string[];
}

export type ToolSelector = NameSelector;

/** How the tools and prompts of several upstreams are distinguished. */
export interface Naming {
  /**
   * Whether a name has the id of its upstream as a prefix: always, only if several upstreams have the name, or never. With
   * `never`, a name that several have belongs to the first in the configuration.
   */
  readonly policy: 'always' | 'conflict' | 'never';
  /** The text between id and name. */
  readonly separator: string;
  /** Maximum length of a name that clients accept, in characters. */
  readonly maxChars: number;
  /** A longer name is shown anyway, or under an alias. */
  readonly tooLong: 'warn' | 'shorten';
  /**
   * Which names of tools are shown unchanged: those that models accept (`[A-Za-z0-9_-]`), all others under an alias; or any name
   * that the specification allows, all others not at all. Default `models`.
   */
  readonly charset?: 'models' | 'any';
}

export interface UpstreamConfig {
  /** As the operator wrote it. */
  readonly name: string;
  /** The prefix of its tools and prompts: `[A-Za-z0-9_.-]{1,64}`; the first separator after it is the gateway's own. */
  readonly id: string;
  /** How its names are distinguished from those of other upstreams; identical for all upstreams of a route. */
  readonly naming: Naming;
  /** It is the only upstream of its route: nothing must be distinguished, so its messages pass unchanged. */
  readonly isOnly?: boolean;
  /** The scheme prefix of its resource URIs: a lower-case RFC 3986 scheme without `+`, unique in the route. */
  readonly scheme: string;
  readonly transport: UpstreamTransport;
  readonly tools: ToolSelector;
  /** Maximum silence of one call, in ms; progress restarts it. */
  readonly timeoutMs: number;
  /** The protocol era in which it is called; `auto` determines it. */
  readonly era: 'auto' | 'legacy' | 'modern';
  /** The behaviour when the upstream no longer knows its session id. */
  readonly onSessionLoss: 'reinitialize' | 'error';
  /** Names (lower case) of client headers that this upstream gets. Empty unless configured. */
  readonly forwardHeaders: readonly string[];
  /** Of these headers, those that it gets under another name (both lower case); a header may have several names. */
  readonly forwardedAs?: readonly (readonly [name: string, as: string])[];
  /** What the `aud` of a caller's access token must hold where `forwardHeaders` passes it on; absent: the URL. `*`: anything. */
  readonly passedAudience?: string;
  /** Absent: all. */
  readonly prompts?: NameSelector;
  readonly resources?: NameSelector;
  /** The source and the destination of the credential in `transport`, for printing. */
  readonly credential?: ShownCredential;
  readonly limits?: UpstreamLimits;
  /** How the gateway gets a token for it. */
  readonly grant?: UpstreamGrant;
  /** Its lists may be shared by all principals, if it gets no data of the caller. */
  readonly isPublic?: boolean;
  /** It gets more data of the caller than `forwardHeaders`: claims as headers, a client id, or a token for the caller. */
  readonly isPersonal?: boolean;
  /** Changes to its tools as clients see them, keyed by the upstream's own name of the tool. */
  readonly overrides?: ReadonlyMap<string, ToolOverride>;
}

/** The credential itself is in the headers or the query of the transport. */
export interface ShownCredential {
  readonly in: 'header' | 'query';
  readonly name: string;
  /** `inline`, or the Secret as `namespace/name`. */
  readonly from: string;
}

/** Absent: the default of the gateway. Times in ms. */
export interface UpstreamLimits {
  readonly connectTimeoutMs?: number;
  /** Time until the head of the answer. */
  readonly firstByteTimeoutMs?: number;
  /** Duration of the whole call, regardless of progress. */
  readonly callTimeoutMs?: number;
  /** For requests that were never sent, and for reads; `attempts` counts only the retries. */
  readonly retries?: { readonly attempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  /** Opens after this many failures in a row, and admits one request after the wait. `off`: never opens. */
  readonly breaker?: { readonly failures: number; readonly openMs: number } | 'off';
  /** Maximum concurrent calls, and maximum waiting calls. */
  readonly concurrency?: { readonly calls: number; readonly queue: number };
}

export interface ToolOverride {
  /** Replaces the upstream's own name, before the prefix. */
  readonly rename?: string;
  readonly title?: string;
  readonly description?: string;
  /** Members of `annotations` that are set or replaced, such as `readOnlyHint`. */
  readonly annotations?: Readonly<Record<string, boolean | string>>;
  /** Keyed by argument. A preset is always sent; a hidden argument is not in the schema that clients see. */
  readonly arguments?: ReadonlyMap<string, { readonly preset?: JsonValue; readonly hidden: boolean }>;
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue };

/** A header that a request must have. `pattern` is validated RE2 for the whole value. `name` is in lower case. */
export interface HeaderMatch {
  readonly name: string;
  readonly kind: 'exact' | 'pattern';
  readonly value: string;
}

/** One endpoint in front of its upstreams, in the order of the file. */
export interface RouteConfig {
  /** The name of an MCPRoute is unique only in its namespace; see `routeKey`. */
  readonly name: string;
  readonly namespace?: string;
  readonly path: string;
  /** How names are distinguished; every upstream has the same value. */
  readonly naming: Naming;
  /** Lower case, exact or `*.` and a suffix, which matches one or more labels. Absent: every host. */
  readonly hosts?: readonly string[];
  /** All of them must match. Absent: none. */
  readonly headers?: readonly HeaderMatch[];
  /** Ports of its listeners. Absent: all ports of the gateway. */
  readonly ports?: readonly number[];
  /** Certificates of those listeners that use TLS. */
  readonly certificates?: readonly ListenerCertificate[];
  readonly upstreams: readonly UpstreamConfig[];
  /** Absent: clients need no credentials. */
  readonly security?: RouteSecurity;
  /** Absent: a session gets all upstreams. */
  readonly backendSelector?: BackendSelectorConfig;
}

/** PEM texts; the key is a secret. */
export interface ListenerCertificate {
  readonly port: number;
  /** Lower case, exact or `*.` and a suffix; absent: any server name. */
  readonly host?: string;
  readonly cert: string;
  readonly key: string;
}

/** Identifies a route: `namespace/name`, or the name if there is no namespace. */
export function routeKey({ namespace, name }: Pick<RouteConfig, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** An entry that cannot be served, with its name in the file. */
export interface UnusableEntry {
  readonly name: string;
  readonly faults: readonly ConfigFault[];
}

export interface Config {
  readonly routes: readonly RouteConfig[];
  /** Entries that are left out because they are invalid, for a reader that may continue without them. */
  readonly unusable?: readonly UnusableEntry[];
  /** Warnings that do not prevent the start, each with its path. */
  readonly warnings: readonly string[];
}

/** One fault of a configuration: its path, the problem and the remedy. Never contains a secret. */
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

/** Thrown by every reader, with all faults of the text at once. */
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
