/**
 * The session as the client holds it, in `Mcp-Session-Id`. Sealed once, at `initialize`, and opened on every request by
 * whichever replica gets it. Every fault of a session gives the same error `session_unreadable` (HTTP 404), so
 * a probe learns nothing. Its detail is one word of `SessionFault` and can be a metric label (docs/session-token.md §Opening).
 */
import { createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { LegacyRevision } from '../protocol/revisions.ts';
import {
  decodeClaims,
  encodeClaims,
  encodeUpstream,
  jtiBytes,
  type SessionClaims,
  type SealedUpstream,
} from './claims.ts';
import { type Epoch, hkdf, type Keyring, type Purpose } from './keyring.ts';
import { type Principal, principalOf } from './principal.ts';
import { openMessage, type Random, sealedChars, type SealFault, sealMessage } from './seal.ts';

type SessionFault = SealFault | 'payload' | 'lifetime' | 'future' | 'cut_off' | 'expired' | 'principal' | 'route';

/** The default nginx configuration accepts 4 KB of response headers; above that, its client gets 502. */
const defaultMaxTokenChars = 3_800;
/** The default nginx configuration accepts 8 KB per request header line. Longer tokens are not read. */
export const maxTokenChars = 7_168;
const minSessionSeconds = 5 * 60;
const maxSessionSeconds = 30 * 24 * 60 * 60;
/** Maximum difference between the clocks of replicas. */
export const clockSkewSeconds = 60;
/** A session that was issued further in the future than this is refused: only a clock that is far off creates one. */
const maxAheadSeconds = 120;

const sessionKeyBytes = 32;

/** The expected binding of the session that a request carries. */
export interface ExpectedSession {
  readonly principal: Principal;
  /** `routeHash` of the route matched by this request. */
  readonly route: Buffer;
  /** Maximum age of a session, even if it was issued for longer. Undefined: no further limit. */
  readonly maxAgeSeconds?: number | undefined;
  /** Unix seconds. From this time on, sessions issued before it are refused. Undefined: none are. */
  readonly notBefore?: number | undefined;
}

/** An open session: its claims, and the keys of the identifiers that are bound to it. */
export class OpenSession {
  readonly claims: SessionClaims;
  readonly epoch: Epoch;
  readonly #keys = new Map<string, KeyObject>();
  readonly #others: (() => readonly OpenSession[]) | undefined;
  #made: readonly OpenSession[] | undefined;

  /** `others` returns the sessions that may have sealed an identifier of this one in its place (principal-session.ts). */
  constructor(claims: SessionClaims, epoch: Epoch, others?: () => readonly OpenSession[]) {
    this.claims = claims;
    this.epoch = epoch;
    this.#others = others;
  }

  /** The entry of an upstream; undefined for one that joined later or did not fit. */
  upstream(hash: number): SealedUpstream | undefined {
    for (const upstream of this.claims.upstreams) if (upstream.hash === hash) return upstream;
    return undefined;
  }

  /** Expired on the clock of every replica: identifiers bound to it no longer open. */
  isOver(nowSeconds: number): boolean {
    return nowSeconds > this.claims.expiresAt + clockSkewSeconds;
  }

  /** The key that seals identifiers of this purpose, created at its first use. */
  key(purpose: Purpose): KeyObject {
    return this.#key(purpose, `mcpgw/v${this.epoch.format}/sid`);
  }

  /** The key for the nonces of identifiers that must always be identical (bound.ts). */
  nonceKey(purpose: Purpose): KeyObject {
    return this.#key(purpose, `mcpgw/v${this.epoch.format}/siv`);
  }

  get others(): readonly OpenSession[] {
    this.#made ??= this.#others?.() ?? [];
    return this.#made;
  }

  #key(purpose: Purpose, info: string): KeyObject {
    const name = purpose + info;
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = createSecretKey(hkdf(this.epoch.purposeKeys[purpose], this.claims.jti, info, sessionKeyBytes));
      this.#keys.set(name, key);
    }
    return key;
  }
}

export interface NewSession {
  readonly principal: Principal;
  readonly route: Buffer;
  readonly revision: LegacyRevision;
  /** Client capability bits (protocol/capabilities.ts). */
  readonly clientCapabilities: number;
  readonly upstreams: readonly SealedUpstream[];
  readonly maxAgeSeconds: number;
}

/** Claims for a client that initializes now. Throws a RangeError for an age outside 5 minutes to 30 days. */
export function newClaims(keyring: Keyring, session: NewSession, random: Random, nowSeconds: number): SessionClaims {
  const { principal, maxAgeSeconds, ...rest } = session;
  if (maxAgeSeconds < minSessionSeconds || maxAgeSeconds > maxSessionSeconds) {
    throw new RangeError(`a session lives ${minSessionSeconds} to ${maxSessionSeconds} s, not ${maxAgeSeconds}`);
  }
  return {
    ...rest,
    issuedAt: nowSeconds,
    expiresAt: nowSeconds + maxAgeSeconds,
    jti: random(jtiBytes),
    principal: principalOf(keyring.sealing(nowSeconds), principal),
    anonymous: principal === 'anonymous',
  };
}

/** `claims.principal` must be derived with the epoch that seals at this time; `newClaims` does so. */
export function sealSession(keyring: Keyring, claims: SessionClaims, random: Random, nowSeconds: number): string {
  return sealMessage(keyring.sealing(nowSeconds), encodeClaims(claims), random);
}

/** Throws `session_unreadable` for every fault. */
export function openSession(
  keyring: Keyring,
  text: string,
  expected: ExpectedSession,
  nowSeconds: number,
): OpenSession {
  const opened = openMessage(keyring, text, maxTokenChars, nowSeconds);
  if (opened.kind === 'refused') throw unreadable(opened.fault);
  const claims = decodeClaims(opened.payload);
  if (claims === undefined) throw unreadable('payload');
  const fault = timeFault(claims, expected, nowSeconds);
  if (fault !== undefined) throw unreadable(fault);
  const anonymous = expected.principal === 'anonymous';
  const principal = principalOf(opened.epoch, expected.principal);
  if (claims.anonymous !== anonymous || !timingSafeEqual(claims.principal, principal)) throw unreadable('principal');
  if (!claims.route.equals(expected.route)) throw unreadable('route');
  return new OpenSession(claims, opened.epoch);
}

/** Why a session is not valid at this time, or undefined when it is. */
export function timeFault(
  { issuedAt, expiresAt }: Pick<SessionClaims, 'issuedAt' | 'expiresAt'>,
  { maxAgeSeconds = maxSessionSeconds, notBefore = 0 }: Pick<ExpectedSession, 'maxAgeSeconds' | 'notBefore'>,
  nowSeconds: number,
): SessionFault | undefined {
  const life = expiresAt - issuedAt;
  if (life < minSessionSeconds || life > maxSessionSeconds) return 'lifetime';
  if (issuedAt > nowSeconds + maxAheadSeconds) return 'future';
  // A cut-off in the future is not applied before its time, because until then it would refuse every session, including new ones.
  if (notBefore <= nowSeconds && issuedAt < notBefore) return 'cut_off';
  if (nowSeconds > issuedAt + Math.min(life, maxAgeSeconds) + clockSkewSeconds) return 'expired';
  return undefined;
}

export interface FittedSession {
  readonly text: string;
  /** The sealed session, for the stream that answers `initialize`. */
  readonly session: OpenSession;
  /** Upstreams that did not fit: their sessions are opened again at first use. */
  readonly dropped: readonly number[];
}

/**
 * Seals a session into at most `maxChars` characters: first the upstreams without a session id are left out, then those with the
 * longest ids. An `initialize` never fails because of size. Throws a RangeError for a `maxChars` that cannot hold any session.
 */
export function fitSession(
  keyring: Keyring,
  claims: SessionClaims,
  random: Random,
  nowSeconds: number,
  maxChars = defaultMaxTokenChars,
): FittedSession {
  const dropped = new Set<number>();
  let fitting = claims;
  let bytes = encodeClaims(claims).length;
  if (sealedChars(bytes) > maxChars) {
    const entries = claims.upstreams.map((upstream) => ({ upstream, bytes: encodeUpstream(upstream).length }));
    entries.sort((a, b) => rank(a.upstream) - rank(b.upstream) || b.bytes - a.bytes);
    for (const entry of entries) {
      if (sealedChars(bytes) <= maxChars) break;
      dropped.add(entry.upstream.hash);
      bytes -= entry.bytes;
    }
    if (sealedChars(bytes) > maxChars) throw new RangeError(`no session fits ${maxChars} characters`);
    fitting = { ...claims, upstreams: claims.upstreams.filter((upstream) => !dropped.has(upstream.hash)) };
  }
  return {
    text: sealSession(keyring, fitting, random, nowSeconds),
    session: new OpenSession(fitting, keyring.sealing(nowSeconds)),
    dropped: [...dropped],
  };
}

function rank(upstream: SealedUpstream): number {
  return upstream.sessionId === undefined ? 0 : 1;
}

function unreadable(fault: SessionFault): GatewayError {
  return new GatewayError('session_unreadable', fault);
}
