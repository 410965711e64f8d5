/** Every size, count and wait of the transport, by name. Times in ms, sizes in bytes. */
/** A client that is refused in the middle of its body may go on sending this long and this much, unread. */
export const lingerMs = 1_000;
export const lingerBytes = 16 * 1024 * 1024;
/** Bytes of bodies in pieces that are read in one turn of the loop. */
export const maxBodyBytesPerTurn = 256 * 1024;
/**
 * Smaller pieces of a body are small: each costs more than a microsecond, whatever it holds. So many of one body are free, and all
 * bodies of the process share the burst and the rate of those beyond.
 */
export const smallPieceBytes = 256;
export const freeSmallPieces = 1_024;
export const smallPieceBurst = 8_192;
export const maxSmallPiecesPerSecond = 2_000;
export const maxHeadersCount = 100;
export const maxHeaderBytes = 32 * 1024;
export const headersTimeoutMs = 10_000;
export const requestTimeoutMs = 30_000;
export const keepAliveMs = 75_000;
export const connectTimeoutMs = 5_000;
export const heartbeatMs = 15_000;
/**
 * A client that takes nothing for this long while bytes wait for it is cut. A full send buffer (4 MiB on Linux) takes more only when
 * a third of it is free again, so that a reader of 10 kB/s shows no sign of life for more than two minutes.
 */
export const stuckClientMs = 180_000;
/** How often it is looked whether a slow client goes on. */
export const slowClientLookMs = 15_000;
/** Upstream error bodies are read this far, for telling a JSON-RPC error or a lost session from other faults. */
export const maxErrorBodyBytes = 64 * 1024;
/** Streams opened by GET: of one session, and of all clients of a principal that keep none. */
export const maxStreamsPerSession = 32;
export const maxSharedStreams = 1_024;
/** Wait for each upstream's answer to the DELETE of its session. */
export const endSessionMs = 2_000;
/**
 * How long the head of a client's GET stream waits for the upstreams' streams, and how much of what they bring meanwhile is kept:
 * more opens it at once.
 */
export const openingMs = 300;
export const openingBytes = 65_536;
/** Wait for the answer to `notifications/initialized`; a session is used without it. */
export const initializedWaitMs = 1_000;
/** Longest life of one call, however much progress it reports. */
export const callCeilingMs = 3_600_000;
/** How often a broken answer is taken up again without an event in between, and the longest pause before it. */
export const maxResumptions = 12;
export const resumptionMaxMs = 5_000;
/** What clients of a closed stream are told to wait before they come back. */
export const drainRetryMs = 500;
/** Upstream streams that were closed are opened again after this long, doubling up to the maximum. */
export const rejoinMinMs = 1_000;
export const rejoinMaxMs = 30_000;
/** An upstream that asks for a longer pause than this gets this one. */
export const maxRetryMs = 3_600_000;
/** The same while a client waits for the rest of its answer. */
export const maxPollMs = 30_000;
/** A task is asked for this often, unless its server names a pause, and never more often than this. */
export const taskPollMs = 1_000;
export const minPollMs = 250;
/** How often in a row a task is asked for in vain. */
export const maxMissedPolls = 5;
/** Pages of tools that are read to learn which are called as tasks. */
export const maxTaskToolPages = 100;
/** After the answer the upstream has this long to end its stream in good order. */
export const answeredGraceMs = 1_000;
/** Events of one upstream stream: the burst, and the rate per second. Reading of a faster stream pauses. */
export const maxEventsPerSecond = 1_000;
/** The same of its lines, whatever they say: an event has two and a few. */
export const maxLinesPerSecond = 8_000;
/** The same of its bytes. */
export const maxStreamBytesPerSecond = 32 * 1024 * 1024;
/** So many bytes of an answer that is not whole yet are a sign of life; fewer are none. */
export const lifeBytes = 16 * 1024;
/** Wait for one upstream's answer to a level of log messages; one that does not answer in time keeps its level. */
export const levelDeadlineMs = 5_000;
/** Whoever asks to watch a resource waits this long for the upstream to listen, and for the peers to be told. */
export const watchingMs = 2_000;
/** A client hears of a changed list this much later at most, while the peers are told first. */
export const changeToldMs = 2_000;
/** Wait for an upstream's answers to all that one subscription watches, and how many it is asked for at once. */
export const subscribingMs = 5_000;
export const subscribesAtOnce = 16;
/** A subscription is acknowledged when its upstreams listen, or after this. Some servers send no head before their first event. */
export const acknowledgingMs = 300;
/** Changes that are kept until a subscription is acknowledged. */
export const maxEarlyMessages = 256;
/** Resources that one subscription may name. */
export const maxSubscribedUris = 256;
/** Tasks that one subscription may name. */
export const maxSubscribedTasks = 256;
/**
 * A call whose user is about to give an upstream permission waits this long for it, less than the SDKs wait for an answer; it is looked
 * for this often.
 */
export const consentPatienceMs = 25_000;
export const consentLookMs = 500;
/** How long a call may wait for its next round, in seconds. */
export const callStateSeconds = 600;
/** The greeting does not wait longer than this for an upstream. */
export const greetingMs = 3_000;
/** TCP connections of clients. */
export const maxConnections = 20_000;
/** A stream that another reader holds is asked for again at least this often: that reader may be gone at any time. */
export const contendedMaxMs = 5_000;
/** A broken answer is taken up at the upstream before the client is told that it goes on; after this long it is told all the same. */
export const resumedHeadMs = 100;
/** Requests that arrive while the last ones leave still get their answer: the wait between the end of listening and the end. */
export const lastAnswersMs = 2_000;
/** Listening ends after this many turns of the loop without a new connection; under constant load after this many in all. */
export const quietTurns = 10;
export const maxLastTurns = 1_000;
/** After an upstream has kept an opening or a list waiting to the end, nobody waits for it again for this long. */
export const blackoutMs = 10_000;
/** Calls under way at an upstream that is no longer configured may take this long. */
export const retiredUpstreamMs = 300_000;
/** One that says it is starting is asked again this often. */
export const startingPollMs = 1_000;
/** An upstream that was down is tried again this often. */
export const probeMs = 10_000;
/** A call waits this long for the stream on which its upstream may ask about it. Some servers send its head with its first event only. */
export const standingMs = 300;
/** Questions that follow one another this closely make one round. */
export const collectMs = 20;
/** Answers are posted once the stream for the rest is open. A server that sends no head before its first event gets them after this. */
export const headlessMs = 250;
/** Rounds of questions in one call, as the official SDK has it, and the pause before one that asks nothing. */
export const maxRounds = 8;
export const roundPaceMs = 250;
/** Calls that wait here for answers of their clients. */
export const maxHolds = 10_000;
/** What one of them counts for in the memory budget, besides its questions and answers. */
export const heldCallBytes = 4 * 1024;
/** What another replica is given to take an answer over. */
export const hopMs = 10_000;
