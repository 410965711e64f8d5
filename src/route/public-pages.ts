/** The pages below `/.well-known/` of all routes of a process, by the host of their resources. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RouteConfig } from '../config/model.ts';
import {
  pageAnswer,
  wellKnownAnswer,
  wellKnownPages,
  type WellKnownAnswer,
  type WellKnownRoute,
} from '../oauth/well-known.ts';
import { relayedMetadata } from '../transport/authorization/discovery.ts';
import { guardedEgress, type Egress } from '../transport/egress/guarded-fetch.ts';
import { respondFault } from '../transport/http/respond.ts';
import { egressOf, protectedResource } from './authentication.ts';

export interface PublicPages {
  /** True if no route has such pages. */
  readonly isEmpty: boolean;
  /** Answers a request for a path below `/.well-known/`. */
  answer(request: IncomingMessage, response: ServerResponse, target: string): void;
  /** Releases the connections over which metadata was relayed; what is under way breaks off. */
  close(): void;
}

export function publicPages(configs: readonly RouteConfig[]): PublicPages {
  const routes: WellKnownRoute[] = [];
  /** Functions that fetch the metadata of an authorization server, keyed by issuer. */
  const relays = new Map<string, (issuer: string) => Promise<string>>();
  const egresses: Egress[] = [];
  for (const { security } of configs) {
    const resource = security === undefined ? undefined : protectedResource(security);
    if (security?.oauth === undefined || resource === undefined) continue;
    const { isDefault = false, relaysServerMetadata = false, issuer } = security.oauth;
    routes.push({ resource, isDefault, relaysServerMetadata });
    if (relaysServerMetadata && !relays.has(issuer))
      relays.set(
        issuer,
        relayedMetadata(
          [issuer],
          lazily(() => {
            const egress = guardedEgress(egressOf(security));
            egresses.push(egress);
            return egress;
          }),
        ),
      );
  }
  const pages = wellKnownPages(routes);
  return {
    isEmpty: routes.length === 0,
    answer(request, response, target) {
      const { method = 'GET', headers } = request;
      const answer = wellKnownAnswer(pages, { method, host: headers.host, target });
      const write = ({ status, headers: fields, body }: WellKnownAnswer): void => {
        // A 204 response has no Content-Length (RFC 9110 §8.6).
        const length = status === 204 ? [] : ['Content-Length', String(Buffer.byteLength(body))];
        response.writeHead(status, [...fields, ...length]);
        response.end(method === 'HEAD' ? undefined : body);
      };
      if (!('kind' in answer)) {
        write(answer);
        return;
      }
      relays.get(answer.issuer)!(answer.issuer).then(
        (body) => write(pageAnswer(body)),
        (fault: unknown) => respondFault(response, fault),
      );
    },
    close: () => egresses.forEach((egress) => void egress.close()),
  };
}

/** The outbound connection, created at the first request. */
function lazily(make: () => Egress): Egress['fetch'] {
  let egress: Egress | undefined;
  return (url, request) => (egress ??= make()).fetch(url, request);
}
