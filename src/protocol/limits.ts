/**
 * Limits of one message or one event from a peer, which must not exhaust memory or stack. Sizes are in bytes as received.
 */

/** Default maximum size of one JSON-RPC message of a client. Larger bodies are refused before they are scanned. */
export const maxMessageBytes = 4 * 1024 * 1024;

/** The same for an upstream's answer: many servers send a result twice in one message, as text and as structured content. */
export const maxAnswerBytes = 16 * 1024 * 1024;

/** Maximum nesting of arrays and objects; the outermost counts as 1. */
export const maxDepth = 128;

/** Maximum number of values that one scan captures. It limits the memory and the time that a peer can use. */
export const maxCapturedValues = 65_536;

/**
 * Maximum number of keys that one scan remembers to find repeated ones: keys that a shape does not name, in objects with more
 * than a few members.
 */
export const maxRememberedKeys = 16_384;

/** The same two limits for messages of clients, which contain no long lists. */
export const maxClientValues = 16_384;
export const maxClientKeys = 8_192;

/** `clientInfo` is sent to upstreams with each request; a longer one is omitted. */
export const maxClientInfoBytes = 64 * 1024;

/** Maximum size of a watched resource URI or task id. */
export const maxWatchedBytes = 8 * 1024;

/** Messages in one JSON-RPC batch (revision 2025-03-26 only). */
export const maxBatchMessages = 100;

/** Room for the other fields and the line ends of a server-sent event, beside its message. */
export const eventFieldBytes = 64 * 1024;

/** One server-sent event with its field names and line ends. */
export const maxEventBytes = maxAnswerBytes + eventFieldBytes;

/**
 * Maximum size of a part of a message that is parsed as a whole, such as a server's list of revisions, and of a name or URI in a
 * request, in bytes.
 */
export const maxParsedPartBytes = 64 * 1024;
