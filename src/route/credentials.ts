/** What the upstreams of a route get with each request: forwarded headers, headers about the caller, the gateway's own tokens. */
import { isDeepStrictEqual } from 'node:util';
import type { UpstreamConfig } from '../config/model.ts';
import type { UpstreamGrant } from '../config/security.ts';
import { GatewayError } from '../errors.ts';
import { isMeantFor } from '../oauth/passed-token.ts';
import { guardedEgress, type Egress } from '../transport/egress/guarded-fetch.ts';
import { leastAgeMs } from '../transport/authorization/held-tokens.ts';
import { upstreamCredentials, type UpstreamCredentials } from '../transport/authorization/upstream-credentials.ts';
import type { Caller } from '../transport/http/caller.ts';
import { credentialsFor, forwarded, type Credentials, type OwnCredential } from '../transport/upstream/credentials.ts';
import { opened, type RouteAuthentication } from './authentication.ts';
import type { Consents } from './consents.ts';

interface Granted {
  readonly grant: UpstreamGrant;
  readonly egress: Egress;
  readonly credentials: UpstreamCredentials;
}

export interface RouteCredentials extends Credentials {
  /**
   * Deletes the tokens of grants that no upstream of `configs` has. Users may then give permission to the upstreams of `configs`.
   */
  settle(configs: readonly UpstreamConfig[]): void;
  close(): void;
}

/** `authentication` returns the one in force; `consents` has the tokens of users. */
export function routeCredentials(
  route: string,
  authentication: () => Pick<RouteAuthentication, 'isWithheld' | 'tokenOf'>,
  consents?: Consents,
): RouteCredentials {
  const granted = new Map<string, Granted>();
  const personal = new Map<string, Personal>();
  const ofUser = ({ id, grant, transport }: UpstreamConfig & { readonly grant: UpstreamGrant }): OwnCredential => {
    const url = transport.kind === 'stdio' ? '' : transport.url;
    let known = personal.get(id);
    if (known === undefined || known.url !== url || !isDeepStrictEqual(known.grant, grant)) {
      if (consents === undefined) throw new GatewayError('upstream_unauthorized', 'there is no --token-store');
      known?.credential.close();
      known = { grant, url, credential: consents.credentialFor(upstreamName(route, id), grant, url) };
      personal.set(id, known);
    }
    return known.credential;
  };
  const tokenOf = (caller: Caller): string | undefined => authentication().tokenOf(caller);
  const ownOf = (config: UpstreamConfig): OwnCredential | undefined => {
    const { id, grant } = config;
    if (grant === undefined) return undefined;
    if (grant.kind === 'userConsent') return ofUser({ ...config, grant });
    let known = granted.get(id);
    if (known === undefined || !isDeepStrictEqual(known.grant, grant)) {
      void known?.egress.close();
      known = grantedBy({ ...grant, kind: grant.kind });
      granted.set(id, known);
    }
    const { credentials } = known;
    return {
      for: (caller) => {
        const credential = credentials.for(tokenOf(caller));
        return credential instanceof Promise ? credential.then(({ headers }) => headers) : credential.headers;
      },
      // The credential comes last.
      refused: (caller, headers, status) =>
        credentials.refused(tokenOf(caller), { headers: headers.slice(-2) }, leastAgeMs(status)),
    };
  };
  const whole = credentialsFor((name) => authentication().isWithheld(name), ownOf);
  return {
    for(config, caller) {
      // If callers do not authenticate and the gateway needs no token, only the client's forwarded headers apply.
      if (config.grant === undefined && caller.http === undefined) return forwarded.for(config, caller);
      if (passesToken(config) && tokenOf(caller) !== undefined) checkPassed(config, caller);
      return whole.for(config, caller);
    },
    refused: (...asked) => whole.refused?.(...asked) ?? false,
    permitted: async (...asked) => await whole.permitted?.(...asked),
    settle(configs) {
      for (const [id, { egress }] of granted) {
        if (configs.some((config) => config.id === id && config.grant !== undefined)) continue;
        void egress.close();
        granted.delete(id);
      }
      // Users may come back to another replica than the one that sent them.
      for (const config of configs) if (config.grant?.kind === 'userConsent' && consents !== undefined) ownOf(config);
      for (const [id, { credential }] of personal) {
        if (configs.some((config) => config.id === id && config.grant?.kind === 'userConsent')) continue;
        credential.close();
        personal.delete(id);
      }
    },
    close() {
      for (const { egress } of granted.values()) void egress.close();
      for (const { credential } of personal.values()) credential.close();
    },
  };
}

/* A credential of the gateway's own stands in the place of the caller's. */
function passesToken({ forwardHeaders, grant }: UpstreamConfig): boolean {
  return grant === undefined && forwardHeaders.includes('authorization');
}

function checkPassed({ transport, passedAudience }: UpstreamConfig, { claims }: Caller): void {
  if (transport.kind === 'stdio' || isMeantFor(claims['aud'], transport.url, passedAudience)) return;
  throw new GatewayError('upstream_unauthorized', 'the token of the caller is not meant for this upstream');
}

/** Names an upstream among those of all routes. */
export function upstreamName(route: string, id: string): string {
  return `${route}/${id}`;
}

interface Personal {
  readonly grant: UpstreamGrant;
  readonly url: string;
  readonly credential: OwnCredential & { close(): void };
}

function grantedBy(grant: UpstreamGrant & { readonly kind: 'clientCredentials' | 'tokenExchange' }): Granted {
  const { egress: settings, ...auth } = grant;
  const egress = guardedEgress(
    opened(settings ?? {}, [
      grant.issuer,
      grant.tokenEndpoint,
      grant.assertedAt?.issuer,
      grant.assertedAt?.tokenEndpoint,
    ]),
  );
  return { grant, egress, credentials: upstreamCredentials(auth, egress) };
}
