/** The `requestState` of a call: how it continues, and a digest of the call it belongs to (2026-07-28 basic/patterns/mrtr). */
import { createHash, randomBytes } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import { rawOf, textOf } from '../protocol/scan.ts';
import { digestBytes, openRequestState, sealRequestState, type Rest } from '../session/request-state.ts';
import type { Client } from './client.ts';
import { callStateSeconds } from '../transport/http/limits.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

/** `request` is the client's own, which its retry repeats. Throws `upstream_malformed` for a state that is too long. */
export function sealCallState(client: Client, upstream: Upstream, request: Message, rest: Rest): string {
  const expiresAt = nowSeconds() + callStateSeconds;
  return sealRequestState(
    client.session,
    { upstream: upstream.hash, digest: digestOf(request), expiresAt, rest },
    randomBytes,
  );
}

/** How the call continues; undefined for a request without a state. Throws `state_invalid` for every kind of fault. */
export function openCallState(client: Client, upstream: Upstream, request: Message): Rest | undefined {
  const found = request.params?.member('requestState');
  if (found === undefined) return undefined;
  const opened =
    found.kind === 'string' ? openRequestState(client.session, textOf(request.bytes, found), nowSeconds()) : undefined;
  const isThisCall =
    opened !== undefined && opened.upstream === upstream.hash && opened.digest.equals(digestOf(request));
  if (!isThisCall || opened.expiresAt < nowSeconds()) throw new GatewayError('state_invalid');
  return opened.rest;
}

/** A digest over method, name or URI, and arguments, byte for byte: a retry repeats them (2026-07-28 basic/patterns/mrtr). */
function digestOf({ method, params, bytes }: Message): Buffer {
  const hash = createHash('sha256').update(method);
  for (const name of ['name', 'uri', 'arguments']) {
    const found = params?.member(name);
    hash.update('\0').update(found === undefined ? '' : rawOf(bytes, found));
  }
  return hash.digest().subarray(0, digestBytes);
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
