/** How a replica knows that a request has come from another one, and lately: a keyed digest of it, by a key of the key ring. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Keyring } from '../../session/keyring.ts';
import type { RawHeaders } from '../forward.ts';

/** Its value is `SECONDS HEX`, over the time, the path, the session token and the body. */
export const signatureHeader = 'manifold-hop';
/** A request is refused when the clocks differ by more than this, so that an old one cannot be sent again later. */
const maxAgeSeconds = 60;
const label = 'hop';

export interface Signed {
  readonly path: string;
  readonly rawHeaders: RawHeaders;
  readonly body: Buffer;
}

export function signatureOf(keyring: Keyring, nowSeconds: number, request: Signed): string {
  return `${nowSeconds} ${sign(keyring.derive(label, nowSeconds), nowSeconds, request)}`;
}

/** Whether a request has come from a replica that has the keys of this one, and lately. */
export function isFromReplica(keyring: Keyring, nowSeconds: number, request: Signed): boolean {
  const [time = '', hex = ''] = valueOf(request.rawHeaders, signatureHeader)?.split(' ') ?? [];
  const at = Number(time);
  if (!Number.isSafeInteger(at) || Math.abs(at - nowSeconds) > maxAgeSeconds) return false;
  const given = Buffer.from(hex, 'hex');
  return keyring.deriveAccepted(label, nowSeconds).some((key) => {
    const expected = Buffer.from(sign(key, at, request), 'hex');
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
}

function sign(key: Buffer, at: number, { path, rawHeaders, body }: Signed): string {
  const session = valueOf(rawHeaders, 'mcp-session-id') ?? '';
  return createHmac('sha256', key).update(`${at}\n${path}\n${session}\n`).update(body).digest('hex');
}

function valueOf(rawHeaders: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1];
  return undefined;
}
