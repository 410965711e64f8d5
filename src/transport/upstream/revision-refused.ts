/**
 * A server's error that it does not support the revision of the request, with the revisions that it supports (2026-07-28
 * basic/versioning).
 */
import { GatewayError } from '../../errors.ts';
import { isLegacyRevision, modernRevision } from '../../protocol/revisions.ts';

/** Maximum number of revisions in such an error, and of UTF-16 units of each. */
const maxNamed = 32;
const maxRevisionChars = 32;

export class RevisionRefused extends GatewayError {
  /** It lists a revision with sessions that the gateway supports. */
  readonly speaksLegacy: boolean;
  /** It lists the very revision of the request: some servers do so at the first contact. */
  readonly speaksModern: boolean;

  /** `supported` is parsed JSON of a peer. */
  constructor(supported: unknown) {
    const named = namedIn(supported);
    super('upstream_revision_refused', `it speaks ${named.join(', ') || 'others'}`);
    this.name = 'RevisionRefused';
    this.speaksLegacy = named.some(isLegacyRevision);
    this.speaksModern = named.includes(modernRevision);
  }
}

function namedIn(supported: unknown): string[] {
  if (!Array.isArray(supported)) return [];
  return supported
    .slice(0, maxNamed)
    .filter((each): each is string => typeof each === 'string' && each.length <= maxRevisionChars);
}
