/**
 * A plain HTTP balancer: each request goes to the next backend in turn, whatever session it belongs to. A backend that refuses
 * the connection is passed over; once bytes were sent nothing is sent twice, so a broken one breaks the client's connection.
 */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Balancer {
  readonly origin: string;
  /** Answers by status, and `cut` for those that broke before their head. */
  readonly statuses: ReadonlyMap<number | 'cut', number>;
  close(): Promise<void>;
}

/** `ports` of backends on loopback. Their number is fixed; one that is down is skipped. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const statuses = new Map<number | 'cut', number>();
  let next = 0;
  const count = (outcome: number | 'cut'): void => void statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);

  /** Other requests move on meanwhile, so each one counts its own way round the backends. */
  const pass = (incoming: IncomingMessage, response: ServerResponse, body: Buffer, at: number, tries: number): void => {
    const port = ports[at % ports.length];
    const { method, url, rawHeaders } = incoming;
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers: rawHeaders, agent: false });
    response.on('close', () => onward.destroy());
    onward.on('response', (answer) => {
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
      if (fault.code === 'ECONNREFUSED' && tries > 1) pass(incoming, response, body, at + 1, tries - 1);
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
    incoming.on('end', () => {
      next += 1;
      pass(incoming, response, Buffer.concat(chunks), next, ports.length);
    });
    response.on('error', () => {});
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
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
