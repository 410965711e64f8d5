/**
 * The admin listener: liveness, readiness and metrics, on a port of its own that is bound to loopback unless configured
 * otherwise. It shows no configuration and no secret.
 */
import type { Server } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { Readiness } from './readiness.ts';
import { registry } from '../telemetry/metrics.ts';
import { checkHost, type OriginPolicy } from '../transport/http/accept.ts';
import { respondFault } from '../transport/http/respond.ts';
import { boundedServer, closeWithNotFound, plainExpress } from '../transport/http/server.ts';

/**
 * `readiness`: not ready while the process starts, drains or does not know its routes yet. Upstreams that are down are not this process's readiness. `policy`: names
 * the port is called by. A page of the web that has a name of its own lead here (DNS rebinding) is refused, as at the endpoint.
 */
export function adminServer(
  readiness: () => Readiness,
  metrics: () => Promise<string>,
  policy: Omit<OriginPolicy, 'origins'> = loopbackOnly,
): Server {
  const app = plainExpress();
  app.get('/healthz', (_request, response) => void response.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, response) => {
    const { isReady, text } = readiness();
    if (!isReady) response.status(503).set('Retry-After', '1');
    response.type('text/plain').send(`${text}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    response.set('Content-Type', registry.contentType).send(await metrics());
  });
  closeWithNotFound(app);
  return boundedServer((request, response) => {
    try {
      // Probes of some balancers have no Host at all (HTTP/1.0); browsers always send it.
      if (request.headers.host !== undefined) checkHost(request.headers.host, policy);
      else if (request.headers.origin !== undefined) throw new GatewayError('host_not_allowed');
    } catch (fault) {
      respondFault(response, fault);
      return;
    }
    app(request, response);
  });
}

const loopbackOnly: Omit<OriginPolicy, 'origins'> = { hosts: new Set(), loopback: true };
