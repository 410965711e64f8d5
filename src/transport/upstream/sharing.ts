/**
 * With whom a session, a list or the description of an upstream may be shared. Nothing of one principal reaches another, and
 * nothing of one session reaches another, unless the upstream keeps no sessions.
 */
import type { UpstreamConfig } from '../../config/model.ts';

/** The largest group that may share one copy. */
export type Sharing = 'everyone' | 'principal' | 'session';

/**
 * `keepsSession`: what is shared was given within a session, which may list and do what no other does. `principalId` is empty
 * for an anonymous caller: without authentication all callers are one principal.
 */
export function sharingOf(
  { forwardHeaders }: Pick<UpstreamConfig, 'forwardHeaders'>,
  keepsSession: boolean,
  principalId: string,
): Sharing {
  if (keepsSession) return 'session';
  // What one caller's own headers brought about is for callers with the same ones (credentials.ts `credentialsKey`).
  return forwardHeaders.length > 0 || principalId !== '' ? 'principal' : 'everyone';
}

/** Whether an upstream's own word that an answer is for everyone (`cacheScope: public`) may be taken. */
export function mayBePublic({ forwardHeaders }: Pick<UpstreamConfig, 'forwardHeaders'>): boolean {
  return forwardHeaders.length === 0;
}

/** Whether what comes of a request says something of the upstream's health: a caller's own headers may be what it fails on. */
export function tellsOfHealth({ forwardHeaders }: Pick<UpstreamConfig, 'forwardHeaders'>, isNobody: boolean): boolean {
  return isNobody || forwardHeaders.length === 0;
}

/** Whether a session without an id may serve other clients of `principalId` too: not where it was opened with a caller's own headers. */
export function mayPool({ forwardHeaders }: Pick<UpstreamConfig, 'forwardHeaders'>): boolean {
  return forwardHeaders.length === 0;
}
