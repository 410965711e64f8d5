/** Permissions of users for the upstreams of all routes: their tokens, and the pages on which users give them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { UpstreamGrant } from '../config/security.ts';
import { GatewayError } from '../errors.ts';
import type { Keyring } from '../session/keyring.ts';
import type { Log } from '../telemetry/log.ts';
import { consentClient } from '../transport/authorization/consent-client.ts';
import { answerConsent } from '../transport/authorization/consent-pages.ts';
import { consentSeal, type Ticket } from '../transport/authorization/consent-state.ts';
import { leastAgeMs } from '../transport/authorization/held-tokens.ts';
import { consentTokens, type ConsentTokens } from '../transport/authorization/consent-tokens.ts';
import type { TokenStore } from '../transport/authorization/token-store.ts';
import { guardedEgress } from '../transport/egress/guarded-fetch.ts';
import { principalId } from '../transport/http/caller.ts';
import type { Notice } from '../transport/peers/notice.ts';
import type { OwnCredential } from '../transport/upstream/credentials.ts';
import { opened } from './authentication.ts';

export interface Consents {
  /** `upstream` is its name among the upstreams of all routes; `url` is its address. A later one of the same name replaces it. */
  credentialFor(upstream: string, grant: UpstreamGrant, url: string): OwnCredential & { close(): void };
  answer(request: IncomingMessage, response: ServerResponse, target: string): void;
}

/** `origin` is called when a user needs it: the origin at which browsers reach the gateway. `onConsent` is called for each new permission. */
export function consentsOf(
  store: TokenStore,
  keyring: Keyring,
  origin: () => string,
  log: Log,
  onConsent: (notice: Extract<Notice, { kind: 'consented' }>) => void,
): Consents {
  const seal = consentSeal(keyring, Date.now);
  const byName = new Map<string, () => ConsentTokens>();
  return {
    credentialFor(upstream, grant, url) {
      const { issuer, clientId, credential, scopes, resource, omitsResource, audience, assumesPkce } = grant;
      const egress = guardedEgress(opened(grant.egress ?? {}, [issuer]));
      let made: ConsentTokens | undefined;
      const tokens = (): ConsentTokens =>
        (made ??= consentTokens({
          upstream,
          config: {
            issuer,
            resource: resource ?? resourceAt(url),
            omitsResource,
            audience,
            assumesPkce,
            scopes,
            ...(clientId !== '' && { identity: { clientId, credential } }),
          },
          client: consentClient(origin(), egress, store),
          store,
          seal,
          origin: origin(),
        }));
      byName.set(upstream, tokens);
      return {
        for({ principal }) {
          if (principal === 'anonymous')
            throw new GatewayError('upstream_unauthorized', 'only a caller who proves who it is has a token there');
          const token = tokens().tokenOf(principal);
          return token instanceof Promise ? token.then(headersOf) : headersOf(token);
        },
        refused({ principal }, headers, status) {
          if (principal === 'anonymous') return false;
          return tokens().refused(principal, headers.at(-1)?.slice('Bearer '.length) ?? '', leastAgeMs(status));
        },
        async permitted({ principal }, patienceMs, isGone) {
          if (principal !== 'anonymous') await tokens().permitted(principal, patienceMs, isGone);
        },
        close() {
          if (byName.get(upstream) === tokens) byName.delete(upstream);
          void egress.close();
        },
      };
    },
    answer(request, response, target) {
      const pages = {
        origin: origin(),
        seal,
        store,
        find: (upstream: string) => byName.get(upstream)?.(),
        onConsent: ({ user, upstream, session: jti, id: elicitationId }: Ticket) => {
          log.info({ upstream }, 'a user has given permission');
          const told = jti === undefined ? {} : { told: { jti, elicitationId } };
          onConsent({ kind: 'consented', principalId: principalId(user), upstream, ...told });
        },
        onFault: (fault: unknown, upstream: string) =>
          log.warn({ upstream, err: fault }, 'permission could not be got'),
      };
      void answerConsent(pages, request, response, target);
    },
  };
}

function headersOf(token: string): readonly string[] {
  return ['authorization', `Bearer ${token}`];
}

/* RFC 8707 §2: without a fragment. The query is removed too, because it may hold a credential. */
function resourceAt(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
