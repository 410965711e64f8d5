/**
 * State of clients of the session era that upstreams without sessions cannot keep: the level of log messages,
 * and the resources they subscribe to (docs/adr/0006-both-eras.md). A session's token cannot change, so this is the memory of one
 * replica; the others get a notice and may miss it. Bounded: the session that asked longest ago is evicted.
 */
import type { LogLevel } from '../protocol/log-levels.ts';
import { clockSkewSeconds } from '../session/token.ts';
import { maxSubscribedUris } from '../transport/http/limits.ts';

const defaultMaxSessions = 10_000;
const defaultMaxUris = 100_000;

interface Wish {
  /** Unix seconds. */
  readonly expiresAt: number;
  level: LogLevel | undefined;
  /** The upstreams' own URIs, keyed by the hash of the upstream. */
  readonly watched: Map<number, Set<string>>;
  uris: number;
}

/** A session, as every replica identifies it. */
export interface WishingSession {
  /** base64url. */
  readonly jti: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

export class Wishes {
  /** Keyed by jti, ordered by latest change. */
  readonly #bySession = new Map<string, Wish>();
  readonly #nowSeconds: () => number;
  readonly #maxSessions: number;
  readonly #maxUris: number;
  #uris = 0;

  constructor(nowSeconds: () => number, maxSessions = defaultMaxSessions, maxUris = defaultMaxUris) {
    this.#nowSeconds = nowSeconds;
    this.#maxSessions = maxSessions;
    this.#maxUris = maxUris;
  }

  levelOf(jti: string): LogLevel | undefined {
    return this.#bySession.get(jti)?.level;
  }

  setLevel(session: WishingSession, level: LogLevel): void {
    this.#renewed(session).level = level;
    this.#makeRoom();
  }

  /** The resources that the session watches at the upstream with this hash, in order of subscription. */
  watchedBy(jti: string, upstream: number): readonly string[] {
    return [...(this.#bySession.get(jti)?.watched.get(upstream) ?? [])];
  }

  /** Starts to watch. Returns false when the session has reached its limit. */
  watch(session: WishingSession, upstream: number, uri: string): boolean {
    const wish = this.#renewed(session);
    const uris = wish.watched.get(upstream) ?? new Set<string>();
    if (!uris.has(uri)) {
      if (wish.uris >= maxSubscribedUris) return false;
      uris.add(uri);
      wish.watched.set(upstream, uris);
      this.#count(wish, 1);
    }
    this.#makeRoom();
    return true;
  }

  unwatch(jti: string, upstream: number, uri: string): void {
    const wish = this.#bySession.get(jti);
    const uris = wish?.watched.get(upstream);
    if (wish === undefined || uris === undefined || !uris.delete(uri)) return;
    if (uris.size === 0) wish.watched.delete(upstream);
    this.#count(wish, -1);
  }

  forget(jti: string): void {
    const wish = this.#bySession.get(jti);
    if (wish === undefined) return;
    this.#bySession.delete(jti);
    this.#count(wish, -wish.uris);
  }

  #renewed({ jti, expiresAt }: WishingSession): Wish {
    const wish = this.#bySession.get(jti) ?? { expiresAt, level: undefined, watched: new Map(), uris: 0 };
    this.#bySession.delete(jti);
    this.#bySession.set(jti, wish);
    return wish;
  }

  #count(wish: Wish, change: number): void {
    wish.uris += change;
    this.#uris += change;
  }

  #makeRoom(): void {
    const now = this.#nowSeconds();
    for (const [jti, { expiresAt }] of this.#bySession) {
      const isPast = expiresAt + clockSkewSeconds < now;
      if (!isPast && this.#bySession.size <= this.#maxSessions && this.#uris <= this.#maxUris) return;
      this.forget(jti);
    }
  }
}
