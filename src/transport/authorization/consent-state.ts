/**
 * What travels through the browser of a user who gives consent, sealed: a ticket in the link that the client shows, and the `state`
 * that the authorization server brings back (RFC 6749 §10.12). Any replica can go on with either, since all that is needed is inside.
 */
import type { Keyring } from '../../session/keyring.ts';
import type { Identity } from '../../oauth/verified.ts';
import { openedText, sealedText } from './sealed-text.ts';

/** A caller that proves who it is. */
export type User = Exclude<Identity, 'anonymous'>;

/** Who is asked, and for which upstream. */
export interface Ticket {
  readonly user: User;
  /** Names the upstream among all that need consent. */
  readonly upstream: string;
  readonly id: string;
  /** The session that asked, as 22 characters of base64url, where it is to be told. */
  readonly session?: string;
}

/** The same, on its way through the authorization server. */
export interface ConsentState extends Ticket {
  /** PKCE (RFC 7636 §4.1). */
  readonly verifier: string;
  /** Digest of what the browser holds in a cookie. */
  readonly browser: string;
}

/** A user has this long to begin, and as long to come back. */
export const consentMs = 600_000;
const label = 'consent';
const maxChars = 4_096;

type ConsentStep = 'ticket' | 'state';

export interface ConsentSeal {
  seal(step: 'ticket', ticket: Ticket): string;
  seal(step: 'state', state: ConsentState): string;
  /** Undefined for what is not ours, for another step, or too old. */
  open(step: 'ticket', text: string): Ticket | undefined;
  open(step: 'state', text: string): ConsentState | undefined;
}

export function consentSeal(keyring: Keyring, nowMs: () => number): ConsentSeal {
  const seconds = (): number => Math.floor(nowMs() / 1_000);
  return {
    seal: (step: ConsentStep, value: Ticket) =>
      sealedText(JSON.stringify([nowMs() + consentMs, value]), step, keyring.derive(label, seconds())),
    open(step: ConsentStep, text: string) {
      if (text.length > maxChars) return undefined;
      const inside = openedText(text, step, keyring.deriveAccepted(label, seconds()));
      if (inside === undefined) return undefined;
      // Sealed by a replica of this gateway, so it is what it was.
      const [until, value] = JSON.parse(inside) as [number, ConsentState];
      return nowMs() < until ? value : undefined;
    },
  };
}
