/**
 * Tokens of users for one upstream: read from the store, renewed by one replica at a time, and obtained by the user's consent. A
 * user without a token gets the URL of the consent page.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  refreshTokenGrant,
  ResponseBodyError,
  type Configuration,
  type TokenEndpointResponse,
} from 'openid-client';
import type { OAuthClientIdentity } from '../../config/security.ts';
import { ConsentRequired, GatewayError } from '../../errors.ts';
import { BoundedMap } from '../../protocol/bounded-map.ts';
import { consentLookMs } from '../http/limits.ts';
import { callbackPath, type ConsentClient, type ConsentClientConfig } from './consent-client.ts';
import type { ConsentSeal, ConsentState, User } from './consent-state.ts';
import { assumedLifeMs, maxHeldTokens } from './held-tokens.ts';
import type { TokenStore } from './token-store.ts';

export interface ConsentConfig extends ConsentClientConfig {
  /** The upstream's resource identifier (RFC 8707). */
  readonly resource: string;
  /** The server refuses to be told. */
  readonly omitsResource?: boolean | undefined;
  /** Asked for where the user is sent. */
  readonly audience?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}

/**
 * A token is renewed this long before its expiry, so that it is still valid when a call arrives: a fifth of its lifetime, at most
 * this.
 */
const maxEarlyMs = 30_000;
export const startPath = '/.manifold/oauth/start';

interface Tokens {
  readonly access: string;
  readonly refresh?: string;
  /** When it came, and when it is renewed; Unix time in ms. */
  readonly since?: number;
  readonly until: number;
  /** Whose tokens they are, unless the operator has said: another replica, or this one later, may be known there as another. */
  readonly client?: OAuthClientIdentity;
}

export interface ConsentTokens {
  /** The token of a user. Rejects with `consent_required`, which contains the link, or `upstream_unreachable`. */
  tokenOf(user: User): string | Promise<string>;
  /**
   * The upstream refused it: it is not given out again, unless it is younger than `leastAgeMs`. Whether another one may be had.
   */
  refused(user: User, token: string, leastAgeMs?: number): boolean;
  /** Resolves when there is a token, after `patienceMs`, or when `isGone`. Rejects with `upstream_unreachable`. */
  permitted(user: User, patienceMs: number, isGone: () => boolean): Promise<void>;
  /** Where the user is sent, and the `state` that comes back from there. Rejects when the server cannot be asked. */
  begin(state: ConsentState): Promise<URL>;
  /** Takes the answer of the authorization server. Rejects if it is invalid. */
  consented(user: User, answer: URL, checks: { readonly verifier: string; readonly state: string }): Promise<void>;
}

export interface ConsentParts {
  /** Identifies the upstream in links. */
  readonly upstream: string;
  readonly config: ConsentConfig;
  readonly client: ConsentClient;
  readonly store: TokenStore;
  readonly seal: ConsentSeal;
  /** The origin at which browsers reach the gateway. */
  readonly origin: string;
  readonly now?: () => number;
}

export function consentTokens(parts: ConsentParts): ConsentTokens {
  const { upstream, config, client, store, seal, origin, now = Date.now } = parts;
  const { issuer, resource, audience, assumesPkce, scopes = [] } = config;
  const named = config.omitsResource === true ? {} : { resource };
  const held = new BoundedMap<string, Tokens>({ maxEntries: maxHeldTokens });
  const underWay = new Map<string, Promise<string>>();
  const nameOf = (user: User): readonly string[] => ['tokens', ...idOf(user), issuer, resource, scopes.join(' ')];
  const isFresh = ({ until }: Tokens): boolean => now() < until;

  const read = async (user: User): Promise<Tokens | undefined> => {
    const text = await store.get(nameOf(user));
    return text === undefined ? undefined : (JSON.parse(text) as Tokens);
  };
  const keep = async (user: User, tokens: Tokens): Promise<Tokens> => {
    await store.set(nameOf(user), JSON.stringify(tokens));
    held.set(JSON.stringify(idOf(user)), tokens);
    return tokens;
  };
  const missing = (user: User): GatewayError =>
    new ConsentRequired(`no token of the user for ${upstream}`, (session) => {
      const id = randomUUID();
      const ticket = { user, upstream, id, ...(session !== undefined && { session }) };
      return {
        id,
        url: `${origin}${startPath}?ticket=${seal.seal('ticket', ticket)}`,
        message: `The server "${upstream}" needs your permission. Open the link to give it, then try again.`,
      };
    });
  const clientOf = (known: OAuthClientIdentity | undefined): ReturnType<ConsentClient['at']> =>
    client.at({ issuer, identity: config.identity ?? known, assumesPkce });
  /* Refresh tokens may be good for once only (RFC 9700 §4.14.2): whoever renews does it alone, on all replicas. */
  const renew = async (user: User, old: Tokens): Promise<string> => {
    // Before the lock, which is for less time than a server that is looked for may take.
    const { client: at, identity } = await clientOf(old.client);
    const renewed = await store.alone(nameOf(user), async () => {
      const current = await read(user);
      if (current !== undefined && current.access !== old.access) return current;
      if (current?.refresh === undefined) throw missing(user);
      try {
        const answer = await refreshTokenGrant(at, current.refresh, named);
        return await keep(user, tokensOf(answer, now(), identity, current.refresh));
      } catch (fault) {
        if (!(fault instanceof ResponseBodyError && fault.status < 500)) throw fault;
        // Somebody else may have used it, whose lock was taken for a dead one's, or the user has given permission anew.
        const since = await read(user);
        if (since !== undefined && since.access !== current.access) return since;
        // It was taken back, or has ended.
        await store.remove(nameOf(user));
        throw missing(user);
      }
    });
    return await fresh(user, renewed);
  };
  const fresh = async (user: User, tokens: Tokens): Promise<string> => {
    if (!isFresh(tokens)) return await renew(user, tokens);
    held.set(JSON.stringify(idOf(user)), tokens);
    return tokens.access;
  };
  const load = async (user: User): Promise<string> => {
    const tokens = await read(user);
    if (tokens === undefined) throw missing(user);
    return await fresh(user, tokens);
  };
  const tokenOf = (user: User): string | Promise<string> => {
    const id = JSON.stringify(idOf(user));
    const tokens = held.renew(id);
    if (tokens !== undefined && isFresh(tokens)) return tokens.access;
    let waited = underWay.get(id);
    if (waited === undefined) {
      waited = load(user)
        .catch((fault: unknown) => {
          held.delete(id);
          throw asFault(fault);
        })
        .finally(() => underWay.delete(id));
      underWay.set(id, waited);
    }
    return waited;
  };
  return {
    tokenOf,
    async permitted(user, patienceMs, isGone) {
      // Of this machine: the clock of the tokens may be another.
      const until = performance.now() + patienceMs;
      while (!isGone()) {
        try {
          await tokenOf(user);
          return;
        } catch (fault) {
          if (!(fault instanceof ConsentRequired)) throw fault;
        }
        const left = until - performance.now();
        if (left <= 0) return;
        await sleep(Math.min(left, consentLookMs));
      }
    },
    refused(user, token, leastAgeMs = 0) {
      const id = JSON.stringify(idOf(user));
      const refused = held.get(id);
      if (refused?.access !== token) return true;
      if (now() - (refused.since ?? 0) < leastAgeMs) return false;
      held.delete(id);
      const waited = read(user)
        .then((tokens) => {
          if (tokens === undefined) throw missing(user);
          return tokens.access === token ? renew(user, tokens) : tokens.access;
        })
        .catch((fault: unknown) => {
          throw asFault(fault);
        })
        .finally(() => underWay.delete(id));
      waited.catch(() => {});
      underWay.set(id, waited);
      return true;
    },
    async begin(state) {
      const { client: at } = await client.at(config);
      return buildAuthorizationUrl(at, {
        redirect_uri: `${origin}${callbackPath}`,
        code_challenge: await calculatePKCECodeChallenge(state.verifier),
        code_challenge_method: 'S256',
        state: seal.seal('state', state),
        ...named,
        ...(audience !== undefined && { audience }),
        ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      });
    },
    async consented(user, answer, { verifier, state }) {
      const { client: at, identity } = await client.at(config);
      const given = await grantedBy(at, answer, verifier, state, named);
      await keep(user, tokensOf(given, now(), identity));
    },
  };
}

function idOf({ iss, sub, bind }: User): readonly string[] {
  return [iss, sub, bind];
}

/** Checks `state`, and the issuer of the answer (RFC 9207 §2.4). */
function grantedBy(
  client: Configuration,
  answer: URL,
  verifier: string,
  state: string,
  named: Record<string, string>,
): Promise<TokenEndpointResponse> {
  return authorizationCodeGrant(client, answer, { pkceCodeVerifier: verifier, expectedState: state }, named);
}

function tokensOf(answer: TokenEndpointResponse, nowMs: number, client: OAuthClientIdentity, former?: string): Tokens {
  const { access_token: access, token_type: type, refresh_token: refresh = former, expires_in: seconds } = answer;
  if (type.toLowerCase() !== 'bearer' || !/^[\x21-\x7e]+$/.test(access))
    throw new GatewayError('upstream_unauthorized', 'not a token of type Bearer');
  const lifeMs = seconds === undefined ? assumedLifeMs : seconds * 1_000;
  return {
    access,
    ...(refresh !== undefined && { refresh }),
    since: nowMs,
    until: nowMs + lifeMs - Math.min(maxEarlyMs, lifeMs / 5),
    client,
  };
}

function asFault(fault: unknown): GatewayError {
  if (fault instanceof GatewayError) return fault;
  return new GatewayError('upstream_unreachable', 'the token server, or the store of tokens', { cause: fault });
}
