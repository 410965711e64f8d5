/** The protocol revisions, and the revision in which a peer is answered. 2025-11-25 basic/lifecycle §Version Negotiation. */
const legacyRevisions = ['2025-03-26', '2025-06-18', '2025-11-25'] as const;
/** The revision without sessions. */
export const modernRevision = '2026-07-28';
export type LegacyRevision = (typeof legacyRevisions)[number];

/** Every revision in which an upstream may be called. */
export type Revision = LegacyRevision | typeof modernRevision;

export const newestLegacy: LegacyRevision = '2025-11-25';
/** The revision of a request without `MCP-Protocol-Version` (2025-11-25 basic/transports §Protocol Version Header). */
export const assumedRevision: LegacyRevision = '2025-03-26';

export function isLegacyRevision(text: string): text is LegacyRevision {
  return (legacyRevisions as readonly string[]).includes(text);
}

/** The revision in the answer to `initialize`: the client's own if it is known, else the newest with sessions. */
export function negotiate(requested: string): LegacyRevision {
  if (requested === oldestRevision) return assumedRevision;
  return isLegacyRevision(requested) ? requested : newestLegacy;
}

/**
 * The revision before Streamable HTTP. Clients that still request it are served like those of the next revision, which only adds
 * to it.
 */
export const oldestRevision = '2024-11-05';

/**
 * The revision that the client sees in the answer: the requested one if it is served in the same way, else that of `negotiate`.
 */
export function answeredRevision(requested: string): LegacyRevision | typeof oldestRevision {
  return requested === oldestRevision ? oldestRevision : negotiate(requested);
}

/** The revision in the header `MCP-Protocol-Version`; undefined for one without sessions or an unknown one. */
export function headerRevision(text: string): LegacyRevision | undefined {
  if (text === oldestRevision) return assumedRevision;
  return isLegacyRevision(text) ? text : undefined;
}

/** Every revision that a client may use, oldest first. */
export const supportedRevisions: readonly string[] = [...legacyRevisions, modernRevision];

/** Revisions whose clients send the `MCP-Protocol-Version` header. */
export function hasRevisionHeader(revision: Revision): boolean {
  return revision !== '2025-03-26';
}

/** Clients of older revisions fail on an event without data, such as a priming event (SEP-1699). */
export function understandsPriming(revision: Revision): boolean {
  return revision === '2025-11-25';
}

/* Revisions are dates, so their order as texts is that of their publication. */

/** `resource_link` as content, and elicitation: since 2025-06-18 (server/tools §Resource Links, client/elicitation). */
export function hasResourceLinks(revision: string): boolean {
  return revision >= '2025-06-18';
}

export function hasElicitation(revision: string): boolean {
  return revision >= '2025-06-18';
}

/**
 * Since 2025-11-25: elicitation of URLs, enumerations with titles (client/elicitation), and sampling with tools and context as
 * capabilities of their own (client/sampling §Capabilities).
 */
export function hasUrlElicitation(revision: string): boolean {
  return revision >= '2025-11-25';
}

export function hasTitledEnums(revision: string): boolean {
  return revision >= '2025-11-25';
}

export function hasSamplingTools(revision: string): boolean {
  return revision >= '2025-11-25';
}

/** Tasks of the core protocol exist in one revision only (2025-11-25 basic/utilities/tasks; an extension since). */
export function hasTasks(revision: Revision): boolean {
  return revision === '2025-11-25';
}

/** Batches exist in one revision only (2025-03-26 basic/index §Batching; removed in 2025-06-18). */
export function hasBatches(revision: Revision): boolean {
  return revision === '2025-03-26';
}
