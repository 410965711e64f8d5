/**
 * Every size, count and wait of the loopback bridge, by name. Times in ms, sizes in bytes. An object, because tests cross
 * each limit at a smaller figure than a machine is run with.
 */
export interface BridgeLimits {
  /** A server that has not answered `initialize` by then is ended, unless its configuration says otherwise. */
  readonly startTimeoutMs: number;
  /** How long an `initialize` waits for a server that is starting, before it is told so. */
  readonly startPatienceMs: number;
  /** A server is made ready for a new session this long after its `initialize`, unless it is needed before. */
  readonly warmAfterMs: number;
  /** A session without any HTTP request or open stream for this long is ended. */
  readonly idleMs: number;
  /** One with a process whose client opened a stream, closed it, and did nothing for this long, is ended. */
  readonly goneMs: number;
  /** A server that is kept ready for the next session, or for all, is ended when nobody has asked for it for this long. */
  readonly spareIdleMs: number;
  /** Servers kept ready of one upstream, each for clients that say the same of themselves in `initialize`. */
  readonly maxSpares: number;
  /** Answers to `initialize` that are remembered of one upstream, and the longest one in UTF-16 units. */
  readonly maxGreetings: number;
  readonly maxGreetingChars: number;
  /** Sessions of one bridge, with and without a process. */
  readonly maxSessions: number;
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
  /** Bytes waiting for one slow reader of a server that several sessions share, before that reader is cut. */
  readonly maxSharedBacklogBytes: number;
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
  /** Lines (or events) and bytes of one output of a server: the burst, and the rate per second. Reading of a faster one pauses. */
  readonly maxLinesPerSecond: number;
  readonly maxBytesPerSecond: number;
  /** A line that is no message costs as much as this many that are. */
  readonly strayLineCost: number;
  /** The longest time that an output is left unread at once. */
  readonly maxUnreadMs: number;
  /** How much of a line of a server's output goes to the log, and how many entries in a second. */
  readonly maxLoggedBytes: number;
  readonly maxLoggedLinesPerSecond: number;
  /** Lines that belong together (a traceback) are one log entry: its longest size in bytes, and the wait for its next line. */
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
