/** A `node:http` server on loopback that can be stopped at once and started again on the port it had. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const host = '127.0.0.1';

export interface Listener {
  /** `http://localhost:PORT`; localhost, as tests of Host and Origin need a loopback name. */
  readonly origin: string;
  readonly port: number;
  /** Stops listening and resets every connection. */
  stop(): Promise<void>;
  /** Listens again on the same port; only after `stop`. */
  start(): Promise<void>;
}

/** Listens on `port`, or on a free one. Throws what `listen` reports, such as EADDRINUSE. */
export async function listen(handler: RequestListener, port = 0): Promise<Listener> {
  let server = await listening(handler, port);
  const taken = (server.address() as AddressInfo).port;
  return {
    origin: `http://localhost:${taken}`,
    port: taken,
    stop: () => stopped(server),
    start: async () => {
      server = await listening(handler, taken);
    },
  };
}

async function listening(handler: RequestListener, port: number): Promise<Server> {
  const server = createServer(handler);
  // A test decides how long a request may take; the defaults of Node would end a hanging one after five minutes.
  server.requestTimeout = 0;
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

async function stopped(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
