/** The protocol revisions, and which of them a peer may be answered in. 2025-11-25 basic/lifecycle §Version Negotiation. */
const legacyRevisions = ['2025-03-26', '2025-06-18', '2025-11-25'] as const;
/** The revision without sessions. */
export const modernRevision = '2026-07-28';
export type LegacyRevision = (typeof legacyRevisions)[number];

/** Every revision an upstream may be spoken to in. */
export type Revision = LegacyRevision | typeof modernRevision;

export const newestLegacy: LegacyRevision = '2025-11-25';
/** What a request without `MCP-Protocol-Version` speaks (2025-11-25 basic/transports §Protocol Version Header). */
export const assumedRevision: LegacyRevision = '2025-03-26';

export function isLegacyRevision(text: string): text is LegacyRevision {
  return (legacyRevisions as readonly string[]).includes(text);
}

/** The revision to answer an `initialize` with: the client's own where it is known here, else the newest with sessions. */
export function negotiate(requested: string): LegacyRevision {
  return isLegacyRevision(requested) ? requested : newestLegacy;
}

/** Revisions whose clients send the `MCP-Protocol-Version` header. */
export function hasRevisionHeader(revision: Revision): boolean {
  return revision !== '2025-03-26';
}

/** Clients of older revisions fail on an event without data (protocol.md A5). */
export function understandsPriming(revision: Revision): boolean {
  return revision === '2025-11-25';
}

/** Tasks of the core protocol exist in one revision only (2025-11-25 basic/utilities/tasks; an extension since). */
export function hasTasks(revision: Revision): boolean {
  return revision === '2025-11-25';
}

/** Batches exist in one revision only (2025-03-26 basic/index §Batching; removed in 2025-06-18). */
export function hasBatches(revision: Revision): boolean {
  return revision === '2025-03-26';
}
