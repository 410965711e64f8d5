/** All sizes, counts and waits of the configuration, by name. Times in ms. */
export const maxConfigChars = 4 * 1024 * 1024;
export const maxUpstreams = 128;
/** Leaves at least half of the 64 characters of a tool name, the limit of many clients, to the tool itself. */
export const maxIdChars = 32;
/** Default maximum silence of one call: a stream without any byte for this long is considered dead. */
export const defaultTimeoutMs = 300_000;
/** The shortest timeout that is accepted. */
export const minTimeoutMs = 100;
/** A timeout below this is in seconds, as Cline and Kilo Code write it. */
export const maxTimeoutSeconds = 1_000;
/** Up to this value, the longest timeout of Cline, seconds may still have been meant. */
export const doubtfulTimeoutMs = 3_600;
export const maxTimeoutMs = 86_400_000;
/** A program that is started for the first time may have to be installed. */
export const defaultStartTimeoutMs = 300_000;
export const minStartTimeoutMs = 1_000;
export const maxStartTimeoutMs = 3_600_000;
