/**
 * Sealed data that passes through the browser of a user who gives consent: a ticket in the link that the client shows, and the
 * `state` that the authorization server returns (RFC 6749 §10.12). Any replica can continue with either, because they contain all
 * data needed.
 */
import type { Keyring } from '../../session/keyring.ts';
import type { Identity } from '../../oauth/verified.ts';
import { openedText, sealedText } from './sealed-text.ts';

/** An authenticated caller. */
export type User = Exclude<Identity, 'anonymous'>;

/** Who is asked, and for which upstream. */
export interface Ticket {
  readonly user: User;
  /** Identifies the upstream among all that need consent. */
  readonly upstream: string;
  readonly id: string;
  /** The session that asked, as 22 characters of base64url, where it is to be told. */
  readonly session?: string;
}

/** The same data, sent through the authorization server. */
export interface ConsentState extends Ticket {
  /** PKCE (RFC 7636 §4.1). */
  readonly verifier: string;
  /** Digest of the cookie in the browser. */
  readonly browser: string;
}

/** The time that a user has to begin, and then to come back. */
export const consentMs = 600_000;
const label = 'consent';
const maxChars = 4_096;

type ConsentStep = 'ticket' | 'state';

export interface ConsentSeal {
  seal(step: 'ticket', ticket: Ticket): string;
  seal(step: 'state', state: ConsentState): string;
  /** Undefined for a text that is not ours, is for another step, or is too old. */
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
      // Sealed by a replica of this gateway, so the content is trusted.
      const [until, value] = JSON.parse(inside) as [number, ConsentState];
      return nowMs() < until ? value : undefined;
    },
  };
}
