/**
 * With whom a session, a list or the description of an upstream may be shared. Nothing of one principal reaches another, and
 * nothing of one session reaches another, unless the upstream keeps no sessions.
 */
import type { UpstreamConfig } from '../../config/model.ts';

/** The largest group that may share one copy. */
export type Sharing = 'everyone' | 'principal' | 'session';

type Asking = Pick<UpstreamConfig, 'forwardHeaders' | 'isPersonal' | 'isPublic'>;

/** Whether requests carry something of the caller, so that what comes of them may be for that caller alone. */
export function isPersonal({ forwardHeaders, isPersonal: more }: Asking): boolean {
  return forwardHeaders.length > 0 || more === true;
}

/**
 * `keepsSession`: what is shared was given within a session, which may list and do what no other does. `principalId` is empty
 * for an anonymous caller: without authentication all callers are one principal.
 */
export function sharingOf(config: Asking, keepsSession: boolean, principalId: string): Sharing {
  if (keepsSession) return 'session';
  // What one caller's own headers brought about is for callers with the same ones (credentials.ts `credentialsKey`).
  return isPersonal(config) || principalId !== '' ? 'principal' : 'everyone';
}

/**
 * Whether an upstream's own word that an answer is for everyone (`cacheScope: public`) may be taken. Between principals only where
 * the configuration says so too: an upstream does not know whom the gateway lets in.
 */
export function mayBePublic(config: Asking, principalId = ''): boolean {
  return !isPersonal(config) && (principalId === '' || config.isPublic === true);
}

/** Whether what comes of a request says something of the upstream's health: what a caller brings may be what it fails on. */
export function tellsOfHealth(config: Asking, isNobody: boolean): boolean {
  return isNobody || !isPersonal(config);
}

/** Whether a session without an id may serve other clients of `principalId` too: not where it was opened with what is a caller's own. */
export function mayPool(config: Asking): boolean {
  return !isPersonal(config);
}
