/** The faults of authorization, each with the header fields of its answer. RFC 6750 §3, RFC 9110 §15.5.2. */
import { GatewayError } from '../errors.ts';
import type { Challenges } from './challenge.ts';

const uncached = ['Cache-Control', 'no-store'];

/** 401: no credentials. */
export function tokenMissing(challenge: string): GatewayError {
  return new GatewayError('token_missing', undefined, { headers: ['WWW-Authenticate', challenge, ...uncached] });
}

/** 401: invalid credentials. `detail` is only logged. */
export function tokenInvalid(challenge: string, detail: string, cause?: unknown): GatewayError {
  return new GatewayError('token_invalid', detail, { cause, headers: ['WWW-Authenticate', challenge, ...uncached] });
}

/** 400: credentials in the wrong place, or more than one. */
export function tokenMalformed(challenge: string, detail: string): GatewayError {
  return new GatewayError('token_malformed', detail, { headers: ['WWW-Authenticate', challenge, ...uncached] });
}

/** 403: with a challenge if more scopes would help; otherwise without one, because a new login would not help. */
export function denied(challenges: Challenges | undefined, scopes: readonly string[] | undefined): GatewayError {
  if (challenges === undefined || scopes === undefined || scopes.length === 0) {
    return new GatewayError('access_denied', undefined, { headers: uncached });
  }
  return new GatewayError('scope_insufficient', undefined, {
    headers: ['WWW-Authenticate', challenges.insufficient(scopes), ...uncached],
  });
}

/** 503: the credentials cannot be checked. Never 401, which would make every client log in again. */
export function authorizationUnavailable(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('authorization_unavailable', detail, { cause, headers: ['Retry-After', '5', ...uncached] });
}

/**
 * The same with the status that an operator has set for it, from 400 to 599: 503 unless given. `challenge` is for a 401, which has to
 * name one.
 */
export function unavailableAs(
  status: number | undefined,
  challenge: string,
  detail: string,
  cause?: unknown,
): GatewayError {
  if (status === 403) return denied(undefined, undefined);
  if (status === undefined || status === 503) return authorizationUnavailable(detail, cause);
  const headers = status === 401 ? ['WWW-Authenticate', challenge, ...uncached] : uncached;
  return new GatewayError('authorization_unavailable', detail, { cause, headers, status });
}
