/**
 * `ttlMs` and `cacheScope` of an answer: those that upstreams send, and those of an answer merged from several (2026-07-28
 * server/utilities/caching).
 */
import { numberOf, textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';

type CacheScope = 'public' | 'private';

export interface CacheHints {
  /** A whole number of ms, not negative. */
  readonly ttlMs: number;
  readonly cacheScope: CacheScope;
}

/** The hints of an answer to which an upstream of the session era, or a failed one, contributes. */
export const notToBeKept: CacheHints = { ttlMs: 0, cacheScope: 'private' };

/** Upper bound on the `ttlMs` of an upstream, in ms, because nobody may be listening for its changes. */
const maxTtlMs = 3_600_000;

/** The cache hints of an upstream for one answer. */
export interface Stated {
  /** Undefined if absent. */
  readonly ttlMs: number | undefined;
  /** It may be shown to anyone. */
  readonly isPublic: boolean;
}

export const unstated: Stated = { ttlMs: undefined, isPublic: false };

/** A `ttlMs` that is not a number counts as absent, a negative one as 0. Every scope except "public" is private. */
export function readHints(bytes: Buffer, result: Found | undefined): Stated {
  const ttl = result?.member('ttlMs');
  const scope = result?.member('cacheScope');
  return {
    ttlMs: ttl?.kind === 'number' ? boundedTtlMs(numberOf(bytes, ttl)) : undefined,
    isPublic: scope?.kind === 'string' && textOf(bytes, scope) === 'public',
  };
}

function boundedTtlMs(ttlMs: number): number {
  return Math.min(Math.max(Math.floor(ttlMs), 0), maxTtlMs);
}

/** One part of an answer. */
export interface Part {
  /** The end of its validity according to its upstream, in ms of the caller's clock; minus infinity if unknown. */
  readonly statedUntil: number;
  readonly isPublic: boolean;
}

export function statedUntil({ ttlMs }: Stated, nowMs: number): number {
  return ttlMs === undefined ? -Infinity : nowMs + ttlMs;
}

/** An answer is valid as long as its shortest-lived part, and public only if every part is. */
export function mergeHints(parts: readonly Part[], nowMs: number): CacheHints {
  if (parts.length === 0) return notToBeKept;
  let until = Infinity;
  let isPublic = true;
  for (const part of parts) {
    until = Math.min(until, part.statedUntil);
    isPublic &&= part.isPublic;
  }
  return { ttlMs: Math.max(Math.floor(until - nowMs), 0), cacheScope: isPublic ? 'public' : 'private' };
}
