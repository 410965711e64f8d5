/** What `run` needs from the serving processes: this process alone, or its workers. */
import type { Prepared } from './prepare.ts';
import type { Log } from '../telemetry/log.ts';
import type { Bridge } from '../transport/bridge/bridge.ts';
import type { RunOptions } from './options.ts';
import type { CommandIo } from './io.ts';

/** The serving processes: one or several. */
export interface ServingPool {
  /** Its origin: the URL without a path. */
  readonly origin: string;
  readonly greeting: Promise<string>;
  readonly isReady: () => boolean;
  /** What the start waits for, as text; undefined: nothing. */
  readonly waitsFor: () => string | undefined;
  /** The exposition text of all of them; undefined: use that of this process. */
  readonly metrics: (() => Promise<string>) | undefined;
  /** Sets the log level of all processes. */
  setLogLevel(level: string): void;
  /** See `Serving.reload`. */
  reload(next: Prepared): void;
  /** See `Serving.drain`. */
  drain(delayMs: number): Promise<void>;
}

export interface PoolContext {
  readonly options: RunOptions;
  readonly io: CommandIo;
  readonly log: Log;
  readonly version: string;
  readonly bridge: Bridge;
}
