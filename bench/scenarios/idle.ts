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
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSessions, openStreams } from '../idle-streams.ts';
import type { Session } from '../mcp-client.ts';
import { placeLoad } from '../placement.ts';
import { startTarget } from '../targets.ts';
import type { Target } from '../targets.ts';
import { mebi, verdict } from '../verdicts.ts';

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

/** Heartbeats have gone out and the garbage of the opening is collected by then. */
const settleMs = 20_000;
/** With nothing to do V8 collects after some seconds; under traffic the memory is garbage for longer, and free for reuse. */
const givenBackWithinMs = 60_000;
/** Resident memory after the close, over that before the opening. */
const allowedRemainder = 1.2;
/** Resident memory with the streams open for the second time, over the first. */
const allowedGrowth = 1.2;
const kib = 1024;

for (const stage of stages) await runStage(stage);

async function runStage(stage: Stage): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'manifold-bench-'));
  const upstream = await startQuietUpstream(stage.pushes);
  let target: Target | undefined;
  try {
    target = await startTarget({ kind: 'gateway', name: 'manifold', kdf: 'none' }, upstream.url, {
      placement: placeLoad(),
      directory,
      collects: true,
    });
    const sessions = await openSessions(target.url, stage.streams);
    target.forgetLog();
    await sleep(settleMs);
    const settled = await residentBytes(target);
    // As an operator sees it, with whatever garbage there is: what is given back by itself.
    const { after, seconds } = await openAndClose(target, sessions, settled, upstream.open);
    const before = await collected(target);
    const { open, streamsUpstream } = await openAndClose(target, sessions, settled, upstream.open);
    // The two that are compared begin without garbage: else the second is measured with what V8 has not yet collected of the first.
    const kept = await collected(target);
    const again = await openAndClose(target, sessions, settled, upstream.open);
    report(stage, { settled, before, open, after, kept, again: again.open, seconds });
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

/** Opens a stream for each session and closes all of them. Resident bytes; `seconds` is the wait for a return near `settled`. */
async function openAndClose(
  target: Target,
  sessions: readonly Session[],
  settled: number,
  openUpstream: () => number,
): Promise<Cycle> {
  const streams = await openStreams(target.url, sessions);
  await sleep(settleMs);
  const open = await residentBytes(target);
  const streamsUpstream = openUpstream();
  for (const stream of streams) stream.destroy();
  const startedAt = performance.now();
  let after = await residentBytes(target);
  while (after > settled * allowedRemainder && performance.now() - startedAt < givenBackWithinMs) {
    await sleep(1_000);
    after = await residentBytes(target);
  }
  return { open, streamsUpstream, after, seconds: (performance.now() - startedAt) / 1_000 };
}

function report(
  { name, streams, pushes, targetKib }: Stage,
  {
    settled,
    before,
    open,
    after,
    kept,
    again,
    seconds,
  }: { settled: number; before: number; open: number; after: number; kept: number; again: number; seconds: number },
): void {
  const each = (open - before) / streams / kib;
  process.stdout.write(
    `${streams} idle GET streams, ${name}: resident ${mebi(settled)} MiB before, ${mebi(after)} MiB ${seconds.toFixed(0)} s after the first close, ${mebi(before)} MiB without garbage, ${mebi(open)} MiB open, ${mebi(kept)} MiB closed and without garbage, ${mebi(again)} MiB open again\n`,
  );
  verdict(each <= targetKib, `${each.toFixed(1)} KiB a stream, target ≤ ${targetKib} KiB`);
  verdict(
    again <= open * allowedGrowth,
    `the second opening takes no more than the first, target ≤ ${allowedGrowth} ×`,
  );
  verdict(kept <= settled * allowedRemainder, `no more is kept than there was before, target ≤ ${allowedRemainder} ×`);
  // With as little garbage as in the other stage V8 may see no reason to collect within a minute.
  if (!pushes)
    verdict(
      after <= settled * allowedRemainder,
      `memory returned by itself, target ≤ ${allowedRemainder} × within 60 s`,
    );
}

async function collected(target: Target): Promise<number> {
  await target.collect();
  return await residentBytes(target);
}

async function residentBytes(target: Target): Promise<number> {
  const usage = await target.usage();
  if (usage === undefined) throw new Error('the gateway is gone, or this system keeps no account of it');
  return usage.rssBytes;
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
