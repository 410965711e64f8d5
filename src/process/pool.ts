/** What `run` needs from the serving processes: this process alone, or its workers. */
import type { Prepared } from './prepare.ts';
import type { ProcessState } from './state.ts';
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
  /** The state of each process; one that does not answer in time is left out. */
  state(): Promise<readonly ProcessState[]>;
  /** Sets the log level of all processes. */
  setLogLevel(level: string): void;
  /** See `Serving.open`: of all processes, or of none. */
  open(next: Prepared): Promise<void>;
  /** See `Serving.reload`. Resolves when all processes serve by it. */
  reload(next: Prepared): Promise<void>;
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
