/**
 * The admin listener: probes and metrics, on a port of its own that is bound to loopback by default. Permitted callers
 * (admin-access.ts) can also read the served routes and their state, and change the log level.
 */
import type { Server } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { Readiness } from './readiness.ts';
import { registry } from '../telemetry/metrics.ts';
import { checkHost, type OriginPolicy } from '../transport/http/accept.ts';
import { respondFault } from '../transport/http/respond.ts';
import { boundedServer, closeWithNotFound, plainExpress, type Secured } from '../transport/http/server.ts';
import type { MaySee } from './admin-access.ts';
import type { AdminPages } from './admin-pages.ts';

export interface AdminParts {
  /** Not ready while the process starts, drains, or does not know its routes yet. Upstreams that are down do not affect it. */
  readonly readiness: () => Readiness;
  /** Whether the process has finished its own part of the start. */
  readonly startup: () => Readiness;
  /** In the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
  readonly pages: AdminPages;
  readonly logLevel: () => string;
  readonly setLogLevel: (level: string) => void;
  readonly maySee: MaySee;
  /** The host names of this port. A request with another host name is refused, as at the endpoint (DNS rebinding). */
  readonly policy: Omit<OriginPolicy, 'origins'>;
  /** Undefined: plain HTTP. */
  readonly tls: Secured | undefined;
}

const levels: ReadonlySet<string> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

export function adminServer(parts: AdminParts): Server {
  const { readiness, startup, metrics, pages, logLevel, setLogLevel, maySee, policy, tls } = parts;
  const app = plainExpress();
  for (const path of ['/healthz', '/livez'])
    app.get(path, (_request, response) => void response.type('text/plain').send('ok\n'));
  const probes = { '/startupz': startup, '/readyz': readiness };
  for (const [path, look] of Object.entries(probes))
    app.get(path, (_request, response) => {
      const { isReady, text } = look();
      if (!isReady) response.status(503).set('Retry-After', '1');
      response.type('text/plain').send(`${text}\n`);
    });
  app.get('/metrics', async (_request, response) => {
    response.set('Content-Type', registry.contentType).send(await metrics());
  });
  for (const [path, page] of Object.entries(pages))
    app.get(path, async (request, response, next) => {
      if (maySee(request)) response.set('Cache-Control', 'no-store').json(await page());
      else next();
    });
  app.get('/log-level', (request, response, next) => {
    if (maySee(request)) response.type('text/plain').send(`${logLevel()}\n`);
    else next();
  });
  app.put('/log-level/:level', (request, response, next) => {
    const { level } = request.params;
    // A browser sends a preflight before a PUT of a web page, and no preflight is answered here.
    if (!maySee(request) || !levels.has(level)) next();
    else {
      setLogLevel(level);
      response.type('text/plain').send(`${level}\n`);
    }
  });
  closeWithNotFound(app);
  return boundedServer((request, response) => {
    try {
      // Probes of some load balancers send no Host (HTTP/1.0); browsers always send it.
      if (request.headers.host !== undefined) checkHost(request.headers.host, policy);
      else if (request.headers.origin !== undefined) throw new GatewayError('host_not_allowed');
    } catch (fault) {
      respondFault(response, fault);
      return;
    }
    app(request, response);
  }, tls);
}
