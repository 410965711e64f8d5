/**
 * The configuration as the rest of the program sees it: validated, complete, frozen. Every reader (mcp-servers/, mcp-route/) ends
 * here; nothing behind this file knows which kind of file a setting came from.
 */

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
      readonly url: string;
      readonly headers: readonly (readonly [name: string, value: string])[];
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

/** Which tools of an upstream are shown and callable: exact names as the upstream gives them. Exclude wins. */
export interface ToolSelector {
  readonly include: ReadonlySet<string> | undefined;
  readonly exclude: ReadonlySet<string>;
}

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
  /** How its names are distinguished from those of others; identical for all upstreams of a route. */
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
}

/** One endpoint in front of its upstreams, in the order of the file. */
export interface RouteConfig {
  readonly name: string;
  readonly path: string;
  /** How names are told apart; that of each upstream, too. */
  readonly naming: Naming;
  readonly upstreams: readonly UpstreamConfig[];
}

/** An invalid entry, by the name it has in the file. */
export interface UnusableEntry {
  readonly name: string;
  readonly faults: readonly ConfigFault[];
}

export interface Config {
  readonly routes: readonly RouteConfig[];
  /** Entries that are left out because they are at fault, for a reader that was told to go on without them. */
  readonly unusable?: readonly UnusableEntry[];
  /** Warnings, each with its path. They do not stop the start. */
  readonly warnings: readonly string[];
}

/** One fault of a configuration: where it is, what is wrong and what would be right. Never a secret. */
export interface ConfigFault {
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

export function faultText({ path, problem, remedy }: ConfigFault): string {
  return `${path}: ${problem}. ${remedy}`;
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
