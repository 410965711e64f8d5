/**
 * The listener: one path for MCP, served straight from node:http; all else by Express, which would double the cost of a relayed
 * call. Slow and oversized heads are bounded, and so is what one connection has under way.
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

/** How often slow connections are looked for, in ms. */
const slowConnectionCheckMs = 5_000;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An MCP endpoint. */
export interface Endpoint {
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** PEM texts. With `ca`, clients are asked for a certificate; one that none of these has signed is as good as none. */
export interface Secured {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly SNICallback?: NonNullable<ServerOptions['SNICallback']>;
}

/** A server that is not listening yet. `find` gives the endpoint of a request, if it is for one; `pages` adds what Express serves. */
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

/** Over TLS where `secured` is given. */
export function boundedServer(listener: RequestListener, secured?: Secured): Server {
  const bounds = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    // Bounds the receipt of a request; answers may stream for as long as they like.
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: slowConnectionCheckMs,
  };
  const inTurn = pacedByConnection(listener);
  const paced: RequestListener = (request, response) => {
    newcomers.asked(request.socket);
    inTurn(request, response);
  };
  const server =
    secured === undefined
      ? createServer(bounds, paced)
      : createTlsServer(
          {
            ...bounds,
            ...secured,
            handshakeTimeout: headersTimeoutMs,
            ALPNProtocols: ['http/1.1'],
            // Judged by whoever serves the request: replicas come without one.
            requestCert: secured.ca !== undefined,
            rejectUnauthorized: false,
          },
          paced,
        );
  server.on(secured === undefined ? 'connection' : 'secureConnection', (socket: Socket) => newcomers.arrived(socket));
  // One more than allowed, so that reaching the limit can be told from being cut at it.
  server.maxHeadersCount = maxHeadersCount + 1;
  server.maxConnections = maxConnections;
  return server;
}

/** New connections to a server that was made with `Secured` get this certificate. */
export function renewCertificate(server: Server, secured: Secured): void {
  if (server instanceof TlsServer) server.setSecureContext(secured);
}

/** Everything that is not the MCP endpoint. */
function publicPages(pages: (app: express.Express) => void): RequestListener {
  const app = plainExpress();
  pages(app);
  closeWithNotFound(app);
  return (request, response) => void app(request, response);
}

/** Last on every app: any other fault is answered as an unknown page, never with a stack trace (CWE-209). */
export function closeWithNotFound(app: express.Express): void {
  app.use((_request, response) => respondFault(response, new GatewayError('path_unknown')));
  // Express knows a handler of faults by its four parameters.
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
