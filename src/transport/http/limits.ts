/** All sizes, counts and waits of the transport, by name. Times in ms, sizes in bytes. */
/** A client whose body is refused may continue to send for this long and this much. The input is discarded. */
export const lingerMs = 1_000;
export const lingerBytes = 16 * 1024 * 1024;
/** Of the rest of refused bodies so many bytes are read per second, on all connections together. */
export const maxLingerBytesPerSecond = 16 * 1024 * 1024;
/** Bytes that are read in one turn of the event loop, for all bodies that arrive in pieces; the same for all answers. */
export const maxBodyBytesPerTurn = 256 * 1024;
/**
 * Pieces below this size are small: each costs more than a microsecond, whatever its size. This many are free for each body.
 * Above that, all bodies of the process share one burst and one rate.
 */
export const smallPieceBytes = 256;
export const freeSmallPieces = 1_024;
export const smallPieceBurst = 8_192;
export const maxSmallPiecesPerSecond = 2_000;
/** While they have used that up, connections that have not asked for anything yet are read one after another, this far apart. */
export const newcomerMs = 10;
export const maxHeadersCount = 100;
export const maxHeaderBytes = 32 * 1024;
export const headersTimeoutMs = 10_000;
export const requestTimeoutMs = 30_000;
export const keepAliveMs = 75_000;
export const connectTimeoutMs = 5_000;
export const heartbeatMs = 15_000;
/**
 * A client that reads nothing for this long while data waits for it is disconnected. A full send buffer (4 MiB on Linux) accepts
 * more only when a third of it is free, so a reader of 10 kB/s shows no progress for more than two minutes.
 */
export const stuckClientMs = 180_000;
/** How often a slow client is checked for progress. */
export const slowClientLookMs = 15_000;
/** How much of an upstream's error body is read, to tell a JSON-RPC error or a lost session from other faults. */
export const maxErrorBodyBytes = 64 * 1024;
/** Maximum number of GET streams: of one session, and of all clients of a principal that keep no session id. */
export const maxStreamsPerSession = 32;
export const maxSharedStreams = 1_024;
/** Timeout of the DELETE of an upstream's session. */
export const endSessionMs = 2_000;
/**
 * How long the response head of a client's GET stream waits for the upstreams' streams, and how many bytes of messages are kept
 * meanwhile: above that, the stream opens at once.
 */
export const openingMs = 300;
export const openingBytes = 65_536;
/** How long the gateway waits for the answer to `notifications/initialized`; after that it uses the session. */
export const initializedWaitMs = 1_000;
/** Maximum duration of one call, regardless of progress. */
export const callCeilingMs = 3_600_000;
/** Maximum number of resumptions of a broken answer without an event in between, and the longest pause before one. */
export const maxResumptions = 12;
export const resumptionMaxMs = 5_000;
/** The `retry` value that clients of a closed stream get. */
export const drainRetryMs = 500;
/** Closed upstream streams are opened again after this long; the wait doubles up to the maximum. */
export const rejoinMinMs = 1_000;
export const rejoinMaxMs = 30_000;
/** Maximum pause that an upstream can request. */
export const maxRetryMs = 3_600_000;
/** The same maximum while a client waits for the rest of its answer. */
export const maxPollMs = 30_000;
/** Default polling interval of a task, if its server gives none, and the minimum interval. */
export const taskPollMs = 1_000;
export const minPollMs = 250;
/** Maximum number of failed polls of a task in a row. */
export const maxMissedPolls = 5;
/** Maximum number of tool pages that are read to find the tools that are called as tasks. */
export const maxTaskToolPages = 100;
/** After its answer, the upstream has this long to end the stream normally. */
export const answeredGraceMs = 1_000;
/** Events of one upstream stream: the burst, and the rate per second. A faster stream is paused. */
export const maxEventsPerSecond = 1_000;
/** The same for its lines, including comments and blank lines. An event has a few lines. */
export const maxLinesPerSecond = 8_000;
/** The same for its bytes. */
export const maxStreamBytesPerSecond = 32 * 1024 * 1024;
/** This many bytes of an incomplete answer count as activity; fewer do not. */
export const lifeBytes = 16 * 1024;
/** Timeout of an upstream's answer to `logging/setLevel`; an upstream that misses it keeps its level. */
export const levelDeadlineMs = 5_000;
/** How long `resources/subscribe` waits for the upstream's stream to open, and for the peers to be notified. */
export const watchingMs = 2_000;
/** Maximum delay of a `list_changed` to a client while the peers are notified first. */
export const changeToldMs = 2_000;
/** Timeout of an upstream's answers to all resources of one subscription, and the number of concurrent requests. */
export const subscribingMs = 5_000;
export const subscribesAtOnce = 16;
/**
 * A subscription is acknowledged when its upstreams listen, or after this. Some servers send no response head before their first
 * event.
 */
export const acknowledgingMs = 300;
/** Maximum number of changes that are kept until a subscription is acknowledged. */
export const maxEarlyMessages = 256;
/** Maximum number of resources in one subscription. */
export const maxSubscribedUris = 256;
/** Maximum number of tasks in one subscription. */
export const maxSubscribedTasks = 256;
/**
 * A call whose user is about to give an upstream permission waits this long for it, less than the SDKs wait for an answer; it is looked
 * for this often.
 */
export const consentPatienceMs = 25_000;
export const consentLookMs = 500;
/** How long a call may wait for its next round, in seconds. */
export const callStateSeconds = 600;
/** Maximum wait of the greeting for an upstream. */
export const greetingMs = 3_000;
/** Maximum number of TCP connections of clients. */
export const maxConnections = 20_000;
/** A stream that another reader holds is requested again at least this often: that reader may leave at any time. */
export const contendedMaxMs = 5_000;
/**
 * A broken answer is resumed at the upstream before the client's stream is opened; after this long the stream is opened anyway.
 */
export const resumedHeadMs = 100;
/** Requests that arrive during the last answers are still answered: the wait between the end of listening and the exit. */
export const lastAnswersMs = 2_000;
/**
 * Listening ends after this many turns of the event loop without a new connection; under constant load after this many in all.
 */
export const quietTurns = 10;
export const maxLastTurns = 1_000;
/** After an upstream has exceeded the wait for an initialization or a list, requests do not wait for it again for this long. */
export const blackoutMs = 10_000;
/** Calls in progress at an upstream that was removed from the configuration may take this long. */
export const retiredUpstreamMs = 300_000;
/** How often an upstream that says it is starting is asked again. */
export const startingPollMs = 1_000;
/** How often an upstream that is down is tried again. */
export const probeMs = 10_000;
/**
 * How long a call waits for the stream on which its upstream may send requests. Some servers send the response head only with
 * their first event.
 */
export const standingMs = 300;
/** Questions that arrive within this time of one another form one round. */
export const collectMs = 20;
/**
 * Answers are posted when the stream for the rest is open. A server that sends no response head before its first event gets them
 * after this.
 */
export const headlessMs = 250;
/** Maximum number of rounds of questions in one call, as in the official SDK, and the pause before a round without questions. */
export const maxRounds = 8;
export const roundPaceMs = 250;
/** Maximum number of calls that wait here for answers of their clients. */
export const maxHolds = 10_000;
/** How many bytes one of them counts in the memory budget, besides its questions and answers. */
export const heldCallBytes = 4 * 1024;
/** How long another replica may take to accept an answer. */
export const hopMs = 10_000;
