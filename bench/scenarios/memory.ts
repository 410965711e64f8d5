/**
 * What one client can make the gateway hold: bodies in pieces of one byte, bodies that do not end, calls pipelined on one connection,
 * calls that wait, and the same from an upstream, while a calm client calls beside it. `npm run bench:memory` after `npm run build`;
 * Linux, as memory is read from /proc. Prints the peak, whether others were served, and their p99 as a ratio to the one before.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch } from '../launch.ts';
import type { Launched } from '../launch.ts';
import { pacedCaller } from '../paced.ts';
import { placeLoad } from '../placement.ts';
import { mebi, verdict } from '../verdicts.ts';

const allowedResident = 512 * 1_048_576;
const allowedP99 = 2;
const callsPerSecond = 100;
const seconds = 8;
const mib = 1_048_576;

interface Attack {
  readonly name: string;
  readonly begin: (url: URL) => readonly Socket[];
}

const tiny = '1\r\nx\r\n'.repeat(10_000);
const large = 'x'.repeat(4 * mib - 1_000);

const head = (url: URL, more: string): string =>
  `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n${more}\r\n`;
const callOf = (tool: string, text: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostile__${tool}","arguments":{"text":"${text}"}}}`;
const posted = (url: URL, body: string): string => head(url, `Content-Length: ${body.length}\r\n`) + body;

const attacks: readonly Attack[] = [
  {
    name: '8 bodies of 4 MiB in chunks of one byte',
    begin: (url) =>
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
  },
  {
    name: '120 bodies of 4 MiB that do not end',
    begin: (url) => open(url, 120, (socket) => void socket.write(head(url, `Content-Length: ${4 * mib}\r\n`) + large)),
  },
  {
    name: '60 calls of 4 MiB pipelined on one connection',
    begin: (url) =>
      open(url, 1, (socket) => {
        for (let n = 0; n < 60; n += 1) socket.write(posted(url, callOf('hang', large)));
      }),
  },
  {
    name: '120 calls of 4 MiB that wait for their server',
    begin: (url) => open(url, 120, (socket) => void socket.write(posted(url, callOf('hang', large)))),
  },
  {
    name: '20 answers of 15 MiB that nobody reads',
    begin: (url) =>
      open(url, 20, (socket) => {
        socket.pause();
        socket.write(posted(url, callOf('large', '')));
      }),
  },
  {
    name: '4 answers of 4 MiB in chunks of one byte',
    begin: (url) => open(url, 4, (socket) => void socket.write(posted(url, callOf('tiny', '')))),
  },
  {
    name: '4 streams of blank lines and comments',
    begin: (url) => open(url, 4, (socket) => void socket.write(posted(url, callOf('lines', '')))),
  },
];

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

const directory = mkdtempSync(join(tmpdir(), 'manifold-bench-'));
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const started: Launched[] = [];
try {
  await new Promise<void>((resolve) => void hostile.listen(0, '127.0.0.1', resolve));
  await compare();
} finally {
  for (const each of started.toReversed()) await each.stop();
  hostile.closeAllConnections();
  hostile.close();
  rmSync(directory, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  const placement = placeLoad();
  const echo = await launch('echo', [file('../upstream.ts'), '0'], {
    core: placement.upstream,
    directory,
    path: '/echo',
  });
  started.push(echo);
  const url = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}/mcp`;
  const servers = JSON.stringify({ mcpServers: { echo: { url: echo.url }, hostile: { url } } });
  const command = [file('../../dist/main.js'), 'run', '--mcp-json', servers, '--port', '0', '--admin-port', 'off'];
  process.stdout.write(`| case | peak MiB | failed calls beside | p99 beside, × calm |\n|---|---:|---:|---:|\n`);
  const misses: string[] = [];
  for (const { name, begin } of attacks) {
    // Each begins with a fresh process, so that none pays for the one before.
    const gateway = await launch(`manifold-${started.length}`, command, {
      core: placement.target,
      directory,
      path: '/mcp',
    });
    started.push(gateway);
    const caller = await pacedCaller(gateway.url, callsPerSecond);
    await caller.run(3);
    const calm = await caller.run(seconds);
    let peak = 0;
    const look = async (): Promise<void> => void (peak = Math.max(peak, (await gateway.usage())?.rssBytes ?? 0));
    const watch = setInterval(() => void look(), 50);
    const sockets = begin(new URL(gateway.url));
    const beside = await caller.run(seconds);
    await look();
    clearInterval(watch);
    for (const socket of sockets) socket.destroy();
    const ratio = beside.p99Ms / calm.p99Ms;
    process.stdout.write(`| ${name} | ${mebi(peak)} | ${beside.failures} | ${ratio.toFixed(2)} |\n`);
    if (peak > allowedResident) misses.push(`${name}: ${mebi(peak)} MiB resident`);
    if (beside.failures > 0) misses.push(`${name}: ${beside.failures} calls beside it failed`);
    if (ratio > allowedP99) misses.push(`${name}: p99 beside it is ${ratio.toFixed(2)} × the calm one`);
    await caller.close().catch(() => {});
    await gateway.stop();
    await sleep(200);
  }
  verdict(
    misses.length === 0,
    misses.length === 0 ? 'every case within 512 MiB resident, others served, p99 ≤ 2 ×' : misses.join('; '),
  );
}
