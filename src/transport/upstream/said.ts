import type { LogLevel } from '../../protocol/log-levels.ts';

/** What a client of 2026-07-28 says of itself with each request; upstreams of that revision are told the same. */
export interface Said {
  /** What the gateway carries of its capabilities, as JSON text. */
  readonly capabilities: string;
  /** As JSON text. */
  readonly clientInfo: string | undefined;
  readonly logLevel: LogLevel | undefined;
}
