/**
 * The attacker of scenarios/memory.ts, in a process of its own, so that what it costs is not measured as the latency of others: a
 * hostile server, whose URL it prints, and clients. Over IPC it gets `{ attack, url }`: it begins that attack on that gateway, or with
 * `attack: undefined` ends what it has begun.
 */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { attackNames } from './attacks.ts';

const mib = 1_048_576;

type Attack = (url: URL) => readonly Socket[];

const tiny = '1\r\nx\r\n'.repeat(10_000);
const large = 'x'.repeat(4 * mib - 1_000);

const head = (url: URL, more: string): string =>
  `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n${more}\r\n`;
const callOf = (tool: string, text: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostile__${tool}","arguments":{"text":"${text}"}}}`;
const posted = (url: URL, body: string): string => head(url, `Content-Length: ${body.length}\r\n`) + body;

const attacks: Readonly<Record<(typeof attackNames)[number], Attack>> = {
  '8 bodies of 4 MiB in chunks of one byte': (url) =>
    open(url, 8, (socket) => {
      socket.write(head(url, 'Transfer-Encoding: chunked\r\n'));
      let left = 400;
      const more = (): void => {
        while (left > 0 && !socket.destroyed) {
          left -= 1;
          if (!socket.write(tiny)) {
            socket.once('drain', more);
            return;
          }
        }
      };
      more();
    }),
  '120 bodies of 4 MiB that do not end': (url) =>
    open(url, 120, (socket) => void socket.write(head(url, `Content-Length: ${4 * mib}\r\n`) + large)),
  '60 calls of 4 MiB pipelined on one connection': (url) =>
    open(url, 1, (socket) => {
      for (let n = 0; n < 60; n += 1) socket.write(posted(url, callOf('hang', large)));
    }),
  '120 calls of 4 MiB that wait for their server': (url) =>
    open(url, 120, (socket) => void socket.write(posted(url, callOf('hang', large)))),
  '20 answers of 15 MiB that nobody reads': (url) =>
    open(url, 20, (socket) => {
      socket.pause();
      socket.write(posted(url, callOf('large', '')));
    }),
  '4 answers of 4 MiB in chunks of one byte': (url) =>
    open(url, 4, (socket) => void socket.write(posted(url, callOf('tiny', '')))),
  '4 streams of blank lines and comments': (url) =>
    open(url, 4, (socket) => void socket.write(posted(url, callOf('lines', '')))),
};

function open(url: URL, count: number, begin: (socket: Socket) => void): readonly Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => {});
    socket.on('data', () => {});
    begin(socket);
    return socket;
  });
}

const hostile = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const { id, method, params } = JSON.parse(Buffer.concat(pieces).toString()) as {
      id?: unknown;
      method?: string;
      params?: { name?: string };
    };
    const say = (result: object): void =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    if (id === undefined) response.writeHead(202).end();
    else if (method === 'initialize')
      say({
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'hostile', version: '1' },
      });
    else if (method === 'tools/list')
      say({ tools: ['hang', 'large', 'tiny', 'lines'].map((name) => ({ name, inputSchema: { type: 'object' } })) });
    else if (params?.name === 'large') say({ content: [{ type: 'text', text: 'x'.repeat(15 * mib) }] });
    else if (params?.name === 'tiny')
      endless(response.writeHead(200, { 'content-type': 'application/json' }).socket!, tiny);
    else if (params?.name === 'lines') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      const lines = '\n\n:\n\nretry: 1\n\n'.repeat(4_000);
      endless(response.socket!, `${lines.length.toString(16)}\r\n${lines}\r\n`);
    }
  });
});

/** Writes `piece` for as long as it is read. The head has been begun. */
function endless(socket: Socket, piece: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more);
  socket.on('error', () => {});
  more();
}

let sockets: readonly Socket[] = [];
process.on('message', ({ attack, url }: { attack?: (typeof attackNames)[number]; url?: string }) => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  if (attack === undefined || url === undefined) hostile.closeAllConnections();
  else sockets = attacks[attack](new URL(url));
});
process.on('disconnect', () => process.exit(0));
// It shares a core with the calm client, whose own waits are not to be measured.
setPriority(19);
hostile.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(hostile.address() as AddressInfo).port}/mcp`);
});
