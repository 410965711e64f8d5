/**
 * All sizes, counts and waits of the loopback bridge, by name. Times in ms, sizes in bytes. They form an object so that tests can
 * use smaller values.
 */
export interface BridgeLimits {
  /** A server that has not answered `initialize` after this time is ended. The configuration can set another value. */
  readonly startTimeoutMs: number;
  /** How long an `initialize` waits for a server that is starting before it is answered with a "starting" fault. */
  readonly startPatienceMs: number;
  /** A server is started for a new session this long after its `initialize`, unless it is needed earlier. */
  readonly warmAfterMs: number;
  /** A session with no HTTP request and no open stream for this long is ended. */
  readonly idleMs: number;
  /** A session with a process is ended when its client opened a stream, closed it, and then did nothing for this long. */
  readonly goneMs: number;
  /** A spare server, or a server that answers for all, is ended when nobody has used it for this long. */
  readonly spareIdleMs: number;
  /** Spare servers of one upstream, each for clients with the same `initialize` params. */
  readonly maxSpares: number;
  /** Remembered answers to `initialize` of one upstream, and the longest one in UTF-16 units. */
  readonly maxGreetings: number;
  readonly maxGreetingChars: number;
  /** Sessions of one bridge, with and without a process. */
  readonly maxSessions: number;
  /** Processes (or, for `sse`, connections) of one bridge, including those that are ending. */
  readonly maxProcesses: number;
  /** Requests of one session without an answer. */
  readonly maxCallsInFlight: number;
  /** Messages that the server sent while no stream could carry them. */
  readonly maxParkedMessages: number;
  readonly maxParkedBytes: number;
  /** Events from which a broken stream can be resumed. */
  readonly maxReplayEvents: number;
  readonly maxReplayBytes: number;
  /** Bytes waiting for one slow reader; above this the server's output is not read. */
  readonly maxStreamBacklogBytes: number;
  /** Bytes waiting for one slow reader of a shared server; above this the reader is disconnected. */
  readonly maxSharedBacklogBytes: number;
  /** Bytes waiting for a server that does not read its input; above this further messages are refused. */
  readonly maxInputBacklogBytes: number;
  /** Time from closing stdin to SIGTERM for the process group, then to SIGKILL. Both are counted from the close. */
  readonly termAfterMs: number;
  readonly killAfterMs: number;
  /** Processes left in the group after the main process exited have this long between SIGTERM and SIGKILL. */
  readonly leftoverKillMs: number;
  /** After a process exits, its pipes are read for at most this long: a grandchild may keep them open. */
  readonly drainAfterExitMs: number;
  /** A process that exits by itself sooner than this has crashed quickly … */
  readonly quickExitMs: number;
  /** … and after this many quick crashes in a row each start waits, twice as long each time. */
  readonly quickExits: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Lines (or events) and bytes of one output of a server: the burst, and the rate per second. A faster output is paused. */
  readonly maxLinesPerSecond: number;
  readonly maxBytesPerSecond: number;
  /** A line that is not a message costs as much as this many messages. */
  readonly strayLineCost: number;
  /** The longest single pause of an output. */
  readonly maxUnreadMs: number;
  /** How many bytes of one output line are logged, and how many entries per second. */
  readonly maxLoggedBytes: number;
  readonly maxLoggedLinesPerSecond: number;
  /** Related lines (a traceback) form one log entry: its maximum size in bytes, and the wait for its next line. */
  readonly maxEntryBytes: number;
  readonly entryWaitMs: number;
  /** Wait for the `endpoint` event of the deprecated transport. */
  readonly endpointWaitMs: number;
}

export const bridgeLimits: BridgeLimits = {
  startTimeoutMs: 5 * 60_000,
  startPatienceMs: 300,
  warmAfterMs: 100,
  idleMs: 30 * 60_000,
  goneMs: 5 * 60_000,
  spareIdleMs: 5 * 60_000,
  maxSpares: 2,
  maxGreetings: 16,
  maxGreetingChars: 256 * 1024,
  maxSessions: 4_096,
  maxProcesses: 256,
  maxCallsInFlight: 1_024,
  maxParkedMessages: 256,
  maxParkedBytes: 4 * 1024 * 1024,
  maxReplayEvents: 512,
  maxReplayBytes: 4 * 1024 * 1024,
  maxStreamBacklogBytes: 1024 * 1024,
  maxSharedBacklogBytes: 8 * 1024 * 1024,
  maxInputBacklogBytes: 32 * 1024 * 1024,
  termAfterMs: 2_000,
  killAfterMs: 5_000,
  leftoverKillMs: 1_000,
  drainAfterExitMs: 500,
  quickExitMs: 10_000,
  quickExits: 3,
  backoffMinMs: 1_000,
  backoffMaxMs: 60_000,
  maxLinesPerSecond: 5_000,
  maxBytesPerSecond: 64 * 1024 * 1024,
  strayLineCost: 10,
  maxUnreadMs: 1_000,
  maxLoggedBytes: 512,
  maxLoggedLinesPerSecond: 50,
  maxEntryBytes: 8 * 1024,
  entryWaitMs: 50,
  endpointWaitMs: 10_000,
};
