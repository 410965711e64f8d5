/**
 * The session of a client that never returns its `Mcp-Session-Id`: derived from the client's principal, and identical on every
 * replica, so its cursors and request ids open on any of them. It is never sent to a client.
 *
 * Its identity changes each day: identifiers stop opening at the second midnight (UTC) after they were made. So the number of
 * nonces under one key stays limited, even for a busy principal.
 */
import { createHmac } from 'node:crypto';
import type { LegacyRevision } from '../protocol/revisions.ts';
import { jtiBytes, type SessionClaims } from './claims.ts';
import type { Epoch, Keyring } from './keyring.ts';
import { lengthPrefixed, uint32 } from './octets.ts';
import { type Principal, principalOf } from './principal.ts';
import { OpenSession } from './token.ts';

const daySeconds = 24 * 60 * 60;

/**
 * `route` is the `routeHash`. All anonymous clients of a route share one such session, because they cannot be distinguished. Its
 * claims contain no upstreams and no client capabilities.
 */
export function principalSession(
  keyring: Keyring,
  principal: Principal,
  route: Buffer,
  revision: LegacyRevision,
  nowSeconds: number,
): OpenSession {
  const today = Math.floor(nowSeconds / daySeconds);
  const made = (epoch: Epoch, day: number, others?: () => readonly OpenSession[]): OpenSession =>
    new OpenSession(claimsOf(epoch, principal, route, revision, day), epoch, others);
  return made(keyring.sealing(nowSeconds), today, () =>
    // Yesterday's identity, and every other key: the replica that sealed may already have a newer key, or not have it yet.
    keyring
      .accepted(nowSeconds)
      .flatMap((epoch, index) => [...(index === 0 ? [] : [made(epoch, today)]), made(epoch, today - 1)]),
  );
}

function claimsOf(
  epoch: Epoch,
  principal: Principal,
  route: Buffer,
  revision: LegacyRevision,
  day: number,
): SessionClaims {
  const owner = principalOf(epoch, principal);
  const anonymous = principal === 'anonymous';
  const jti = createHmac('sha256', epoch.sessionlessKey)
    .update(lengthPrefixed(epoch.names.gateway, epoch.names.resource))
    .update(Buffer.from([anonymous ? 1 : 0]))
    .update(owner)
    .update(route)
    .update(uint32(day))
    .digest()
    .subarray(0, jtiBytes);
  return {
    issuedAt: day * daySeconds,
    expiresAt: (day + 2) * daySeconds,
    jti,
    principal: owner,
    anonymous,
    route,
    revision,
    clientCapabilities: 0,
    upstreams: [],
  };
}
