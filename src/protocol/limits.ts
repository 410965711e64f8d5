/**
 * Bounds on what a peer may send in one message or one event (security.md T18, T19). Sizes are in bytes of the wire.
 */

/** One JSON-RPC message, either way. Larger bodies are refused before they are scanned. */
export const maxMessageBytes = 4 * 1024 * 1024;

/** Arrays and objects inside one another; the outermost counts as 1. */
export const maxDepth = 128;

/** Values one scan may capture: what a peer can make the scanner remember, whatever the shape. */
export const maxCapturedValues = 262_144;

/**
 * Keys one scan may remember to find them repeated: those that a shape opens and does not name, in objects that have more
 * than a handful.
 */
export const maxRememberedKeys = 131_072;

/** Messages in one JSON-RPC batch (revision 2025-03-26 only). */
export const maxBatchMessages = 100;

/** One server-sent event with its field names and line ends: the largest message and room for its other fields. */
export const maxEventBytes = maxMessageBytes + 64 * 1024;
