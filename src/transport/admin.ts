/**
 * The admin listener: liveness, readiness and metrics, on a port of its own that is bound to loopback unless told otherwise
 * (security.md T28). It tells nothing of configuration or secrets.
 */
import type { Server } from 'node:http';
import { GatewayError } from '../errors.ts';
import { registry } from '../telemetry/metrics.ts';
import { respondFault } from './respond.ts';
import { boundedServer, plainExpress } from './server.ts';

/** `isReady`: false while the process drains. Upstreams that are down are not this process's readiness. */
export function adminServer(isReady: () => boolean, metrics: () => Promise<string> = () => registry.metrics()): Server {
  const app = plainExpress();
  app.get('/healthz', (_request, response) => void response.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, response) => {
    if (isReady()) response.type('text/plain').send('ready\n');
    else response.status(503).set('Retry-After', '1').type('text/plain').send('draining\n');
  });
  app.get('/metrics', async (_request, response) => {
    response.set('Content-Type', registry.contentType).send(await metrics());
  });
  app.use((_request, response) => respondFault(response, new GatewayError('path_unknown')));
  return boundedServer((request, response) => void app(request, response));
}
