/**
 * What an idle GET stream costs: sessions are opened, then a stream for each, then all are closed, twice. `node bench/scenarios/idle.ts`
 * after `npm run build`; Linux, as memory is read from /proc. Needs open files for the streams: `ulimit -n` at 20,000 is enough.
 *
 * It stands apart from run.ts because nothing is called here: there is no rate to compare, only memory to give back.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import { openSession } from '../mcp-client.ts';
import type { Session } from '../mcp-client.ts';
import { placeLoad } from '../placement.ts';
import { startTarget } from '../targets.ts';
import type { Target } from '../targets.ts';

interface Stage {
  readonly name: string;
  readonly streams: number;
  /** The upstream advertises what it would push, so each stream of a client costs one to the upstream. */
  readonly pushes: boolean;
  readonly targetKib: number;
}

/** The second stage holds two sockets for each client's stream, and every socket is a file. */
const stages: readonly Stage[] = [
  { name: 'the upstream has nothing to push', streams: 10_000, pushes: false, targetKib: 50 },
  { name: 'the upstream pushes', streams: 4_000, pushes: true, targetKib: 75 },
];

const openers = 50;
/** Heartbeats have gone out and the garbage of the opening is collected by then. */
const settleMs = 20_000;
/** With nothing to do V8 collects after some seconds; under traffic the memory is garbage for longer, and free for reuse. */
const givenBackWithinMs = 60_000;
/** Resident memory after the close, over that before the opening. */
const allowedRemainder = 1.2;
/** Resident memory with the streams open for the second time, over the first. */
const allowedGrowth = 1.2;
const kib = 1024;

let missed = false;
for (const stage of stages) await runStage(stage);
process.exitCode = missed ? 1 : 0;

async function runStage(stage: Stage): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'manifold-bench-'));
  const upstream = await startQuietUpstream(stage.pushes);
  let target: Target | undefined;
  try {
    target = await startTarget({ kind: 'gateway', name: 'manifold', kdf: 'none' }, upstream.url, {
      placement: placeLoad(),
      directory,
    });
    const sessions = await openSessions(target.url, stage.streams);
    target.forgetLog();
    await sleep(settleMs);
    const before = await residentBytes(target);
    const { open, streamsUpstream, after, seconds } = await openAndClose(target, sessions, before, upstream.open);
    const again = await openAndClose(target, sessions, before, upstream.open);
    report(stage, { before, open, after, again: again.open, seconds });
    verdict(streamsUpstream === (stage.pushes ? stage.streams : 0), `${streamsUpstream} streams to the upstream`);
    verdict(upstream.open() === 0, `${upstream.open()} streams to the upstream are left after the close`);
  } finally {
    await target?.stop();
    upstream.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Cycle {
  readonly open: number;
  readonly streamsUpstream: number;
  readonly after: number;
  readonly seconds: number;
}

/** Opens a stream for each session and closes all of them. Resident bytes; `seconds` is the wait for their return. */
async function openAndClose(
  target: Target,
  sessions: readonly Session[],
  before: number,
  openUpstream: () => number,
): Promise<Cycle> {
  const streams = await openStreams(target.url, sessions);
  await sleep(settleMs);
  const open = await residentBytes(target);
  const streamsUpstream = openUpstream();
  for (const stream of streams) stream.destroy();
  const startedAt = performance.now();
  let after = await residentBytes(target);
  while (after > before * allowedRemainder && performance.now() - startedAt < givenBackWithinMs) {
    await sleep(1_000);
    after = await residentBytes(target);
  }
  return { open, streamsUpstream, after, seconds: (performance.now() - startedAt) / 1_000 };
}

function report(
  { name, streams, pushes, targetKib }: Stage,
  {
    before,
    open,
    after,
    again,
    seconds,
  }: { before: number; open: number; after: number; again: number; seconds: number },
): void {
  const mebi = (bytes: number): string => (bytes / kib / kib).toFixed(0);
  const each = (open - before) / streams / kib;
  process.stdout.write(
    `${streams} idle GET streams, ${name}: resident ${mebi(before)} MiB before, ${mebi(open)} MiB open, ${mebi(after)} MiB ${seconds.toFixed(0)} s after the close, ${mebi(again)} MiB open again\n`,
  );
  verdict(each <= targetKib, `${each.toFixed(1)} KiB a stream, target ≤ ${targetKib} KiB`);
  verdict(
    again <= open * allowedGrowth,
    `the second opening takes no more than the first, target ≤ ${allowedGrowth} ×`,
  );
  // Memory of so many connections in both directions is free for reuse, and the allocator keeps it.
  if (!pushes)
    verdict(after <= before * allowedRemainder, `memory returned, target ≤ ${allowedRemainder} × within 60 s`);
}

function verdict(isMet: boolean, text: string): void {
  if (!isMet) missed = true;
  process.stdout.write(`- ${isMet ? 'yes' : 'NO'} – ${text}\n`);
}

async function residentBytes(target: Target): Promise<number> {
  const usage = await target.usage();
  if (usage === undefined) throw new Error('the gateway is gone, or this system keeps no account of it');
  return usage.rssBytes;
}

async function openSessions(url: string, count: number): Promise<Session[]> {
  const { origin, pathname } = new URL(url);
  const sessions: Session[] = [];
  await Promise.all(
    Array.from({ length: openers }, async () => {
      const client = new Client(origin);
      for (let left = count / openers; left > 0; left -= 1) sessions.push(await openSession(client, pathname));
      await client.close();
    }),
  );
  return sessions;
}

/** Plain sockets: ten thousand of anything more would measure this process. */
async function openStreams(url: string, sessions: readonly Session[]): Promise<Socket[]> {
  const { hostname, port, pathname, host } = new URL(url);
  const streams: Socket[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: openers }, async () => {
      for (;;) {
        const session = sessions[next];
        next += 1;
        if (session === undefined) return;
        const socket = connect(Number(port), hostname);
        socket.on('error', () => {});
        socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${headersOf(session)}\r\n`);
        const [head] = (await once(socket, 'data')) as [Buffer];
        if (!head.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(`no stream: ${head.toString()}`);
        socket.resume();
        streams.push(socket);
      }
    }),
  );
  return streams;
}

function headersOf({ headers }: Session): string {
  let text = '';
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at] !== 'Content-Type') text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  }
  return text;
}

/** In this process, as it does nothing: sessions, and GET streams that stay silent. */
async function startQuietUpstream(pushes: boolean): Promise<{ url: string; open: () => number; close: () => void }> {
  let open = 0;
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      open += 1;
      response.on('close', () => {
        open -= 1;
      });
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      return;
    }
    let text = '';
    request.on('data', (chunk) => (text += String(chunk)));
    request.on('end', () => {
      const { id, method } = (text === '' ? {} : JSON.parse(text)) as { id?: unknown; method?: string };
      if (id === undefined) {
        response.writeHead(202).end();
        return;
      }
      const capabilities = pushes ? { tools: { listChanged: true } } : { tools: {} };
      const serverInfo = { name: 'quiet', version: '1.0.0' };
      const result =
        method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities, serverInfo } : { tools: [] };
      response
        .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': randomUUID() })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/quiet`,
    open: () => open,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
