/**
 * The formats of all sealed identifiers. One number covers the session token and all identifiers bound to a session: event id,
 * cursor, request id, progress token, task id, question id, request state. Replicas of two releases run side by side. So a
 * release opens all formats, and seals in the newest format that the previous release also opens, until the operator changes it
 * (`"format"` of a key in the key file): accept first, then seal, as with keys.
 *
 *     1   version byte in the token; identifiers bound to a session have none, because the session determines their format
 *     2   the name of the gateway is part of all keys, for every derivation; identifiers bound to a session start with the byte 2
 */
export const sealFormats = [1, 2] as const;

export type SealFormat = (typeof sealFormats)[number];

/** The format that a key seals in by default. */
export const defaultSealFormat: SealFormat = 1;

export function isSealFormat(value: unknown): value is SealFormat {
  return value === 1 || value === 2;
}
