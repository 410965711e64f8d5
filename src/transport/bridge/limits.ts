/**
 * Every size, count and wait of the loopback bridge, by name. Times in ms, sizes in bytes. An object, because tests cross
 * each limit at a smaller figure than a machine is run with.
 */
export interface BridgeLimits {
  /** A session without any HTTP request or open stream for this long is ended. */
  readonly idleMs: number;
  /** Processes (or, for `sse`, connections) of one bridge, those being ended included. */
  readonly maxProcesses: number;
  /** Requests of one session without an answer. */
  readonly maxCallsInFlight: number;
  /** What the server sent while no stream could carry it. */
  readonly maxParkedMessages: number;
  readonly maxParkedBytes: number;
  /** What a broken stream can be resumed from. */
  readonly maxReplayEvents: number;
  readonly maxReplayBytes: number;
  /** Bytes waiting for one slow reader before the server's output is left unread. */
  readonly maxStreamBacklogBytes: number;
  /** Bytes waiting for a server that does not read its input; further messages are refused. */
  readonly maxInputBacklogBytes: number;
  /** After stdin was closed: SIGTERM to the group, then SIGKILL. Both counted from the close. */
  readonly termAfterMs: number;
  readonly killAfterMs: number;
  /** What a process left in its group when it exited has this long between SIGTERM and SIGKILL. */
  readonly leftoverKillMs: number;
  /** After the exit of a process its pipes are read for this long at most: a grandchild may hold them open. */
  readonly drainAfterExitMs: number;
  /** A process that ends by itself sooner than this has crashed quickly … */
  readonly quickExitMs: number;
  /** … and after this many in a row each further one must wait, twice as long each time. */
  readonly quickExits: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** How much of a line of a server's output goes to the log, and how many lines in a second. */
  readonly maxLoggedBytes: number;
  readonly maxLoggedLinesPerSecond: number;
  /** Wait for the `endpoint` event of the deprecated transport. */
  readonly endpointWaitMs: number;
}

export const bridgeLimits: BridgeLimits = {
  idleMs: 30 * 60_000,
  maxProcesses: 256,
  maxCallsInFlight: 1_024,
  maxParkedMessages: 256,
  maxParkedBytes: 4 * 1024 * 1024,
  maxReplayEvents: 512,
  maxReplayBytes: 4 * 1024 * 1024,
  maxStreamBacklogBytes: 1024 * 1024,
  maxInputBacklogBytes: 32 * 1024 * 1024,
  termAfterMs: 2_000,
  killAfterMs: 5_000,
  leftoverKillMs: 1_000,
  drainAfterExitMs: 500,
  quickExitMs: 10_000,
  quickExits: 3,
  backoffMinMs: 1_000,
  backoffMaxMs: 60_000,
  maxLoggedBytes: 512,
  maxLoggedLinesPerSecond: 50,
  endpointWaitMs: 10_000,
};
