/**
 * The HTTP listener. MCP requests are served directly from node:http; all other paths are served by Express, which would double
 * the cost of a relayed call. Slow or oversized headers are limited, and so are the concurrent requests of one connection.
 */
import express from 'express';
import { createServer as createTlsServer, Server as TlsServer, type ServerOptions } from 'node:https';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { GatewayError } from '../../errors.ts';
import {
  headersTimeoutMs,
  keepAliveMs,
  maxConnections,
  maxHeaderBytes,
  maxHeadersCount,
  requestTimeoutMs,
} from './limits.ts';
import { newcomers } from './newcomers.ts';
import { pacedByConnection } from './pipeline.ts';
import { respondFault } from './respond.ts';

/** How often Node checks for slow connections, in ms. */
const slowConnectionCheckMs = 5_000;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An MCP endpoint. */
export interface Endpoint {
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/**
 * PEM texts. With `ca`, a client certificate is requested; a certificate that none of these authorities has signed is ignored.
 */
export interface Secured {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly SNICallback?: NonNullable<ServerOptions['SNICallback']>;
}

/**
 * Creates a server that is not listening yet. `find` returns the endpoint of a request, if there is one; `pages` adds the pages
 * that Express serves.
 */
export function mcpServer(
  find: (request: IncomingMessage) => Endpoint | undefined,
  pages: (app: express.Express) => void,
  secured?: Secured,
): Server {
  const rest = publicPages(pages);
  return boundedServer((request, response) => {
    const endpoint = find(request);
    if (endpoint === undefined) rest(request, response);
    else endpoint.handle(request, response);
  }, secured);
}

/** Creates the server, with TLS if `secured` is given. */
export function boundedServer(listener: RequestListener, secured?: Secured): Server {
  const bounds = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    // Limits the time to receive a request. Answers may stream for any time.
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: slowConnectionCheckMs,
  };
  const paced = pacedByConnection(listener);
  const server =
    secured === undefined
      ? createServer(bounds, paced)
      : createTlsServer(
          {
            ...bounds,
            ...secured,
            handshakeTimeout: headersTimeoutMs,
            ALPNProtocols: ['http/1.1'],
            // Verified by the code that serves the request, because replicas connect without a certificate.
            requestCert: secured.ca !== undefined,
            rejectUnauthorized: false,
          },
          paced,
        );
  server.on(secured === undefined ? 'connection' : 'secureConnection', (socket: Socket) => newcomers.arrived(socket));
  // One more than allowed, so that an exceeded limit can be detected.
  server.maxHeadersCount = maxHeadersCount + 1;
  server.maxConnections = maxConnections;
  return server;
}

/** New connections to a server that was created with `Secured` use this certificate. */
export function renewCertificate(server: Server, secured: Secured): void {
  if (server instanceof TlsServer) server.setSecureContext(secured);
}

/** All pages except the MCP endpoints. */
function publicPages(pages: (app: express.Express) => void): RequestListener {
  const app = plainExpress();
  pages(app);
  closeWithNotFound(app);
  return (request, response) => void app(request, response);
}

/** The last handler of every app: any other fault gets the answer of an unknown page, never a stack trace (CWE-209). */
export function closeWithNotFound(app: express.Express): void {
  app.use((_request, response) => respondFault(response, new GatewayError('path_unknown')));
  // Express recognizes an error handler by its four parameters.
  app.use((fault: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) =>
    respondFault(response, new GatewayError('path_unknown', String(fault))),
  );
}

export function plainExpress(): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  return app;
}
