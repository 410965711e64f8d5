import type { LogLevel } from './log-levels.ts';

/** The description of the client that an upstream of 2026-07-28 gets with each request. */
export interface Said {
  /** The client's capabilities that the gateway supports, as bits. */
  readonly capabilities: number;
  /** As JSON text; undefined: the gateway's own name. */
  readonly clientInfo: string | undefined;
  readonly logLevel: LogLevel | undefined;
  /** The client itself sent it, in that revision: an upstream's error about it is passed to the client. */
  readonly itself: boolean;
}
