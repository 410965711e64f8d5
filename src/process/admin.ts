/**
 * The admin listener: liveness, readiness and metrics, on a port of its own that is bound to loopback by default. Processes of
 * the same machine can also read the served routes, without secrets, and change the log level.
 */
import type { IncomingMessage, Server } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { Readiness } from './readiness.ts';
import { registry } from '../telemetry/metrics.ts';
import { checkHost, type OriginPolicy } from '../transport/http/accept.ts';
import { respondFault } from '../transport/http/respond.ts';
import { boundedServer, closeWithNotFound, plainExpress } from '../transport/http/server.ts';

/** Only for processes of the same machine. */
export interface Inside {
  /** The served routes as a JSON object, without secrets. */
  readonly routes: () => object;
  readonly logLevel: () => string;
  readonly setLogLevel: (level: string) => void;
}

const levels: ReadonlySet<string> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

/**
 * `readiness`: not ready while the process starts, drains, or does not know its routes yet. Upstreams that are down do not affect
 * it. `policy`: the host names of this port. A request with another host name is refused, as at the endpoint (DNS rebinding).
 */
export function adminServer(
  readiness: () => Readiness,
  metrics: () => Promise<string>,
  inside: Inside,
  policy: Omit<OriginPolicy, 'origins'> = loopbackOnly,
): Server {
  const app = plainExpress();
  for (const path of ['/healthz', '/livez', '/startupz'])
    app.get(path, (_request, response) => void response.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, response) => {
    const { isReady, text } = readiness();
    if (!isReady) response.status(503).set('Retry-After', '1');
    response.type('text/plain').send(`${text}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    response.set('Content-Type', registry.contentType).send(await metrics());
  });
  app.get('/routes', (request, response, next) => {
    if (!isFromHere(request)) next();
    else response.json(inside.routes());
  });
  app.get('/log-level', (request, response, next) => {
    if (!isFromHere(request)) next();
    else response.type('text/plain').send(`${inside.logLevel()}\n`);
  });
  app.put('/log-level/:level', (request, response, next) => {
    const { level } = request.params;
    // A browser sends a preflight before a PUT of a web page, and no preflight is answered here.
    if (!isFromHere(request) || !levels.has(level)) next();
    else {
      inside.setLogLevel(level);
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
  });
}

/*
 * Even if pods of the cluster can reach this port, they must not use this; requests of `kubectl port-forward` come from this
 * machine.
 */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  const isProxied = headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined;
  return !isProxied && /^(?:127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '');
}

const loopbackOnly: Omit<OriginPolicy, 'origins'> = { hosts: new Set(), loopback: true };
