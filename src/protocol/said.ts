import type { LogLevel } from './log-levels.ts';

/** What an upstream of 2026-07-28 is told of the client with each request. */
export interface Said {
  /** What the gateway carries of its capabilities, as bits. */
  readonly capabilities: number;
  /** As JSON text; undefined: the gateway names itself. */
  readonly clientInfo: string | undefined;
  readonly logLevel: LogLevel | undefined;
  /** The client said so itself, in that revision: an upstream's error about it is passed to the client. */
  readonly itself: boolean;
}
