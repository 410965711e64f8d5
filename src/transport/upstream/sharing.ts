/**
 * Who may share a session, a list or the description of an upstream. Nothing of one principal reaches another, and nothing of one
 * session reaches another, unless the upstream keeps no sessions.
 */
import type { UpstreamConfig } from '../../config/model.ts';

/** The largest group that may share one copy. */
export type Sharing = 'everyone' | 'principal' | 'session';

type Asking = Pick<UpstreamConfig, 'forwardHeaders' | 'isPersonal' | 'isPublic'>;

/** Whether requests contain data of the caller, so that their results may be only for that caller. */
export function isPersonal({ forwardHeaders, isPersonal: more }: Asking): boolean {
  return forwardHeaders.length > 0 || more === true;
}

/**
 * `keepsSession`: the shared data comes from a session, whose lists and results may differ from those of other sessions.
 * `principalId` is empty for an anonymous caller: without authentication all callers are one principal.
 */
export function sharingOf(config: Asking, keepsSession: boolean, principalId: string): Sharing {
  if (keepsSession) return 'session';
  // Results that depend on a caller's own headers are for callers with the same headers (credentials.ts `credentialsKey`).
  return isPersonal(config) || principalId !== '' ? 'principal' : 'everyone';
}

/**
 * Whether an upstream's statement that an answer is for everyone (`cacheScope: public`) is accepted. Between principals only if
 * the configuration allows it too: an upstream does not know whom the gateway admits.
 */
export function mayBePublic(config: Asking, principalId = ''): boolean {
  return !isPersonal(config) && (principalId === '' || config.isPublic === true);
}

/** Whether the outcome of a request says something about the upstream's health: data of a caller may cause the failure. */
export function tellsOfHealth(config: Asking, isNobody: boolean): boolean {
  return isNobody || !isPersonal(config);
}

/** Whether a session without an id may serve other clients of `principalId` too: not if it was opened with data of a caller. */
export function mayPool(config: Asking): boolean {
  return !isPersonal(config);
}
