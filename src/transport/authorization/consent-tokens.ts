/**
 * Tokens of users for one upstream: read from the store, renewed by one replica at a time, and obtained by the user's consent. A
 * user without a token gets the URL of the consent page.
 */
import { randomUUID } from 'node:crypto';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  refreshTokenGrant,
  ResponseBodyError,
  type Configuration,
  type TokenEndpointResponse,
} from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { BoundedMap } from '../../protocol/bounded-map.ts';
import { callbackPath, type ConsentClient, type ConsentClientConfig } from './consent-client.ts';
import type { ConsentSeal, ConsentState, User } from './consent-state.ts';
import { assumedLifeMs, maxHeldTokens } from './held-tokens.ts';
import type { TokenStore } from './token-store.ts';

export interface ConsentConfig extends ConsentClientConfig {
  /** The upstream's resource identifier (RFC 8707). */
  readonly resource: string;
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
  /** When it must be renewed; Unix time in ms. */
  readonly until: number;
}

export interface ConsentTokens {
  /** The token of a user. Rejects with `consent_required`, which contains the link, or `upstream_unreachable`. */
  tokenOf(user: User): string | Promise<string>;
  /** The upstream answered 401 to the token, so it is not used again. */
  refused(user: User, token: string): void;
  /** The URL to which the user is sent; `state` comes back from there. Rejects if the server is unavailable. */
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
  const { issuer, resource, scopes = [] } = config;
  const held = new BoundedMap<string, Tokens>({ maxEntries: maxHeldTokens });
  const underWay = new Map<string, Promise<string>>();
  const nameOf = (user: User): readonly string[] => ['tokens', ...idOf(user), issuer, resource, scopes.join(' ')];
  const isFresh = ({ until }: Tokens): boolean => now() < until;

  const read = async (user: User): Promise<Tokens | undefined> => {
    const text = await store.get(nameOf(user));
    return text === undefined ? undefined : (JSON.parse(text) as Tokens);
  };
  const keep = async (user: User, tokens: Tokens): Promise<string> => {
    await store.set(nameOf(user), JSON.stringify(tokens));
    held.set(JSON.stringify(idOf(user)), tokens);
    return tokens.access;
  };
  const missing = (user: User): GatewayError => {
    const id = randomUUID();
    const url = `${origin}${startPath}?ticket=${seal.seal('ticket', { user, upstream, id })}`;
    const message = `The server "${upstream}" needs your permission. Open the link to give it, then try again.`;
    return new GatewayError('consent_required', `no token of the user for ${upstream}`, {
      about: `open ${url} and try again`,
      data: { elicitations: [{ mode: 'url', elicitationId: id, url, message }] },
    });
  };
  /* A refresh token may be valid only once (RFC 9700 §4.14.2), so only one replica renews at a time. */
  const renew = (user: User, old: Tokens): Promise<string> =>
    store.alone(nameOf(user), async () => {
      const current = await read(user);
      if (current !== undefined && current.access !== old.access && isFresh(current)) return await keep(user, current);
      const refresh = current?.refresh ?? old.refresh;
      if (current === undefined || refresh === undefined) throw missing(user);
      try {
        const answer = await refreshTokenGrant((await client.at(config)).client, refresh, { resource });
        return await keep(user, tokensOf(answer, now(), refresh));
      } catch (fault) {
        if (!(fault instanceof ResponseBodyError && fault.status < 500)) throw fault;
        // The permission was revoked or has expired.
        await store.remove(nameOf(user));
        throw missing(user);
      }
    });
  const load = async (user: User): Promise<string> => {
    const tokens = await read(user);
    if (tokens === undefined) throw missing(user);
    if (!isFresh(tokens)) return await renew(user, tokens);
    held.set(JSON.stringify(idOf(user)), tokens);
    return tokens.access;
  };
  return {
    tokenOf(user) {
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
    },
    refused(user, token) {
      const id = JSON.stringify(idOf(user));
      if (held.get(id)?.access !== token) return;
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
    },
    async begin(state) {
      const { client: at } = await client.at(config);
      return buildAuthorizationUrl(at, {
        redirect_uri: `${origin}${callbackPath}`,
        code_challenge: await calculatePKCECodeChallenge(state.verifier),
        code_challenge_method: 'S256',
        state: seal.seal('state', state),
        resource,
        ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      });
    },
    async consented(user, answer, { verifier, state }) {
      const { client: at } = await client.at(config);
      const given = await grantedBy(at, answer, verifier, state, resource);
      await keep(user, tokensOf(given, now()));
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
  resource: string,
): Promise<TokenEndpointResponse> {
  return authorizationCodeGrant(client, answer, { pkceCodeVerifier: verifier, expectedState: state }, { resource });
}

function tokensOf(answer: TokenEndpointResponse, nowMs: number, former?: string): Tokens {
  const { access_token: access, token_type: type, refresh_token: refresh = former, expires_in: seconds } = answer;
  if (type.toLowerCase() !== 'bearer' || !/^[\x21-\x7e]+$/.test(access))
    throw new GatewayError('upstream_unauthorized', 'not a token of type Bearer');
  const lifeMs = seconds === undefined ? assumedLifeMs : seconds * 1_000;
  return {
    access,
    ...(refresh !== undefined && { refresh }),
    until: nowMs + lifeMs - Math.min(maxEarlyMs, lifeMs / 5),
  };
}

function asFault(fault: unknown): GatewayError {
  if (fault instanceof GatewayError) return fault;
  return new GatewayError('upstream_unreachable', 'the token server, or the store of tokens', { cause: fault });
}
