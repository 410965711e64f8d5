/**
 * The formats of everything that is sealed. One number covers the session token and all identifiers bound to a session: event id,
 * cursor, request id, progress token, task id, question id, request state. Replicas of two releases work side by side, so a
 * release opens all of these, and seals in the newest that the release before it opens as well, until the operator says otherwise
 * (`"format"` of a key in the key file): accept first, then seal, as with keys.
 *
 *     1   version byte in the token; identifiers bound to a session have none, as the session says it for them
 *     2   the name of the gateway is part of all keys, with every derivation; identifiers bound to a session start with the byte 2
 */
export const sealFormats = [1, 2] as const;

export type SealFormat = (typeof sealFormats)[number];

/** What a key seals in unless it says otherwise. */
export const defaultSealFormat: SealFormat = 1;

export function isSealFormat(value: unknown): value is SealFormat {
  return value === 1 || value === 2;
}
