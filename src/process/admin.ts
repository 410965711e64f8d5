/**
 * The admin listener: liveness, readiness and metrics, on a port of its own that is bound to loopback unless told otherwise
 * (security.md T28). It tells nothing of configuration or secrets.
 */
import type { Server } from 'node:http';
import { registry } from '../telemetry/metrics.ts';
import { boundedServer, closeWithNotFound, plainExpress } from '../transport/http/server.ts';

/** `isReady`: false while the process starts or drains. Upstreams that are down are not this process's readiness. */
export function adminServer(isReady: () => boolean, metrics: () => Promise<string>): Server {
  const app = plainExpress();
  app.get('/healthz', (_request, response) => void response.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, response) => {
    if (isReady()) response.type('text/plain').send('ready\n');
    else response.status(503).set('Retry-After', '1').type('text/plain').send('not ready\n');
  });
  app.get('/metrics', async (_request, response) => {
    response.set('Content-Type', registry.contentType).send(await metrics());
  });
  closeWithNotFound(app);
  return boundedServer((request, response) => void app(request, response));
}
