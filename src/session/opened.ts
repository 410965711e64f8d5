/**
 * Sessions opened lately, by their whole text: saves a hot path some 15 µs and changes no answer. An entry is used only for
 * the caller and the route it was opened for, under a key still in the ring, and before the session expires.
 *
 * Two generations instead of a list in order of use: a hit in the young one costs one look-up, and when the young one is full
 * the old one is let go of as a whole.
 */
import type { Keyring } from './keyring.ts';
import { isSamePrincipal, type Principal } from './principal.ts';
import { type ExpectedSession, isExpired, openSession, type OpenSession } from './token.ts';

interface Entry {
  readonly session: OpenSession;
  readonly principal: Principal;
}

const defaultOpenedSessions = 10_000;

export class OpenedSessions {
  readonly #half: number;
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();

  constructor(capacity = defaultOpenedSessions) {
    this.#half = Math.max(1, Math.floor(capacity / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** As `openSession`, and the same answer. Throws `session_unreadable` for every fault alike; faults are not remembered. */
  open(keyring: Keyring, text: string, expected: ExpectedSession, nowSeconds: number): OpenSession {
    const known = this.#young.get(text) ?? this.#promote(text);
    if (known !== undefined && holds(known, keyring, expected, nowSeconds)) return known.session;
    const session = openSession(keyring, text, expected, nowSeconds);
    this.#remember(text, { session, principal: expected.principal });
    return session;
  }

  #promote(text: string): Entry | undefined {
    const entry = this.#old.get(text);
    if (entry !== undefined) {
      this.#old.delete(text);
      this.#remember(text, entry);
    }
    return entry;
  }

  #remember(text: string, entry: Entry): void {
    if (this.#young.size >= this.#half && !this.#young.has(text)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, entry);
  }
}

function holds(entry: Entry, keyring: Keyring, expected: ExpectedSession, nowSeconds: number): boolean {
  const { claims, epoch } = entry.session;
  return (
    isSamePrincipal(entry.principal, expected.principal) &&
    claims.route.equals(expected.route) &&
    !isExpired(claims, nowSeconds) &&
    keyring.accepting(epoch.kid, nowSeconds) === epoch
  );
}
