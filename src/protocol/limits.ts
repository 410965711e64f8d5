/**
 * Bounds on what a peer may send in one message or one event, since neither may exhaust memory or stack. Sizes are in bytes as
 * they arrive.
 */

/** One JSON-RPC message of a client, unless the operator says otherwise. Larger bodies are refused before they are scanned. */
export const maxMessageBytes = 4 * 1024 * 1024;

/** The same for what an upstream answers: many servers say a result twice in one message, as text and as structure. */
export const maxAnswerBytes = 16 * 1024 * 1024;

/** Arrays and objects inside one another; the outermost counts as 1. */
export const maxDepth = 128;

/** Values that one scan may capture, whatever the shape. It bounds the memory and the time that a peer can take. */
export const maxCapturedValues = 65_536;

/**
 * Keys one scan may remember to find them repeated: those that a shape opens and does not name, in objects that have more
 * than a handful.
 */
export const maxRememberedKeys = 16_384;

/** The same two for what a client posts, which has no long lists that the gateway reads. */
export const maxClientValues = 16_384;
export const maxClientKeys = 8_192;

/** `clientInfo` is sent on to upstreams with each request; a longer one is not. */
export const maxClientInfoBytes = 64 * 1024;

/** A resource URI or a task id that is watched. */
export const maxWatchedBytes = 8 * 1024;

/** Messages in one JSON-RPC batch (revision 2025-03-26 only). */
export const maxBatchMessages = 100;

/** Room for the other fields and the line ends of a server-sent event, beside its message. */
export const eventFieldBytes = 64 * 1024;

/** One server-sent event with its field names and line ends. */
export const maxEventBytes = maxAnswerBytes + eventFieldBytes;

/** A part of a message that is parsed whole, such as the revisions that a server names, and a name or URI in a request, in bytes. */
export const maxParsedPartBytes = 64 * 1024;
