/**
 * The owner of a session, as 16 bytes of a keyed hash (docs/session-token.md §Payload). Without the key they reveal nothing.
 * They depend on issuer and subject, not on the access token, which is renewed during the session.
 */
import { createHmac } from 'node:crypto';
import { principalBytes } from './claims.ts';
import type { Epoch } from './keyring.ts';
import { lengthPrefixed } from './octets.ts';

/**
 * An authenticated caller. `bind`: empty, or the value of a configured claim (client id, tenant) that the session is bound to as
 * well.
 */
interface Subject {
  readonly iss: string;
  readonly sub: string;
  readonly bind: string;
}

export type Principal = Subject | 'anonymous';

const nobody = Buffer.alloc(principalBytes);

/** 16 bytes for a caller, different under each epoch; all zero for an anonymous one. */
export function principalOf(epoch: Epoch, principal: Principal): Buffer {
  if (principal === 'anonymous') return nobody;
  return createHmac('sha256', epoch.principalKey)
    .update(lengthPrefixed(principal.iss, principal.sub, principal.bind))
    .digest()
    .subarray(0, principalBytes);
}

export function isSamePrincipal(one: Principal, other: Principal): boolean {
  if (one === 'anonymous' || other === 'anonymous') return one === other;
  return one.sub === other.sub && one.iss === other.iss && one.bind === other.bind;
}
