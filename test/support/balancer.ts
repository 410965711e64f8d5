/**
 * A plain HTTP balancer without affinity: nginx where it is installed (nginx.ts), else this one, which decides as nginx does with
 * `proxy_next_upstream error timeout http_503`. Each request goes to the next backend in turn, whatever session it belongs
 * to. One that refuses the connection is passed over, as is one that answers 503 to a request that may be sent twice. Once the
 * bytes of a POST were sent nothing is sent again: its 503 is the client's, and a broken answer breaks the client's connection.
 */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hasNginx, startNginx } from './nginx.ts';
import { Turns } from './turns.ts';

export interface Balancer {
  readonly kind: 'nginx' | 'own';
  readonly origin: string;
  /** Answers by status, and `cut` for those that broke before their head. */
  readonly statuses: ReadonlyMap<number | 'cut', number>;
  close(): Promise<void>;
}

/**
 * `ports` of backends on loopback. One that failed (it refused, broke off, or was passed over for its 503) gets nothing new for
 * `failTimeoutMs`, nginx's `max_fails=1 fail_timeout`; with 0 no failure is remembered.
 */
export function startBalancer(ports: readonly number[], failTimeoutMs: number): Promise<Balancer> {
  return hasNginx() ? startNginx(ports, failTimeoutMs) : startOwn(ports, failTimeoutMs);
}

async function startOwn(ports: readonly number[], failTimeoutMs: number): Promise<Balancer> {
  const statuses = new Map<number | 'cut', number>();
  const turns = new Turns(ports, failTimeoutMs, () => performance.now());
  const count = (outcome: number | 'cut'): void => void statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);

  /** `tried`: the backends that this request has met. */
  const pass = (incoming: IncomingMessage, response: ServerResponse, body: Buffer, tried: Set<number>): void => {
    const port = turns.next(tried);
    if (port === undefined) {
      count(502);
      response.writeHead(502).end();
      return;
    }
    tried.add(port);
    const isLast = tried.size === ports.length;
    const { method, url, rawHeaders } = incoming;
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers: rawHeaders, agent: false });
    response.on('close', () => onward.destroy());
    onward.on('response', (answer) => {
      if (answer.statusCode === 503 && method !== 'POST' && !isLast) {
        turns.failed(port);
        answer.resume();
        pass(incoming, response, body, tried);
        return;
      }
      turns.served(port);
      count(answer.statusCode ?? 0);
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      response.flushHeaders();
      answer.on('error', () => {});
      answer.on('close', () => {
        // What broke there breaks here too, and what ended there ends here.
        if (answer.complete) response.end();
        else response.destroy();
      });
      answer.pipe(response, { end: false });
    });
    onward.on('error', (fault: NodeJS.ErrnoException) => {
      if (response.headersSent || response.destroyed) return;
      turns.failed(port);
      if (fault.code === 'ECONNREFUSED' && !isLast) pass(incoming, response, body, tried);
      else {
        count('cut');
        response.destroy();
      }
    });
    onward.end(body);
  };

  const server: Server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => pass(incoming, response, Buffer.concat(chunks), new Set()));
    response.on('error', () => {});
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    kind: 'own',
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    statuses,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
