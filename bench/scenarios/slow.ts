/**
 * Slow readers (security.md R7): a hundred clients take 10 KB/s of streams that an upstream pushes at full speed for a minute,
 * one takes nothing, and others call at a steady rate beside them. `npm run bench:slow` after `npm run build`; Linux, as memory
 * and bytes are read from /proc. Some four minutes.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'undici';
import { usageOf } from '../accounting.ts';
import { launch } from '../launch.ts';
import type { Launched } from '../launch.ts';
import { openSession } from '../mcp-client.ts';
import type { Session } from '../mcp-client.ts';
import { pacedCaller } from '../paced.ts';
import type { Latencies } from '../paced.ts';
import { placeLoad } from '../placement.ts';
import type { Taken } from '../pressing.ts';
import { mebi, verdict } from '../verdicts.ts';

const readers = 100;
const bytesPerSecond = 10_240;
const readsPerSecond = 10;
const seconds = 60;
const callsPerSecond = 200;
const stuckWithinSeconds = 90;

const allowedGrowth = 200 * 1_048_576;
const allowedHeld = 2 * 1_048_576;
const allowedP99 = 1.25;

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'manifold-bench-'));
const started: Launched[] = [];
try {
  await compare();
} finally {
  for (const each of started.toReversed()) await each.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  const placement = placeLoad();
  const start = async (name: string, command: string[], path: string, core: number | undefined): Promise<Launched> => {
    const launched = await launch(name, command, { core, directory, path });
    started.push(launched);
    return launched;
  };
  const echo = await start('echo', [file('../upstream.ts'), '0'], '/echo', placement.upstream);
  const press = await start('press', [file('../pressing.ts')], '/pressing', placement.upstream);
  const servers = JSON.stringify({ mcpServers: { echo: { url: echo.url }, press: { url: press.url } } });
  const command = [file('../../dist/main.js'), 'run', '--mcp-json', servers, '--port', '0', '--admin-port', 'off'];
  const gateway = await start('manifold', command, '/mcp', placement.target);

  const caller = await pacedCaller(gateway.url, callsPerSecond);
  await caller.run(5);
  const [idle, baseline] = [await io(gateway), await caller.run(seconds)];
  const quiet = await io(gateway);
  const before = await residentBytes(gateway);

  const slow: Reader[] = [];
  for (let n = 0; n < readers; n += 1)
    slow.push(await openReader(gateway.url, n % 2 === 0 ? 'GET' : 'POST', bytesPerSecond));
  const stuck = await openReader(gateway.url, 'GET', 0);
  const stuckSinceMs = performance.now();
  let peak = before;
  const watch = setInterval(() => void residentBytes(gateway).then((bytes) => (peak = Math.max(peak, bytes))), 500);
  const beside = await caller.run(seconds);
  clearInterval(watch);
  const taken = await takenOf(press);
  const loaded = await io(gateway);
  const delivered = slow.reduce((sum, { bytes }) => sum + bytes(), 0);
  const cut = slow.filter(({ isOver }) => isOver()).length;
  // What the calls themselves leave between reading and writing, the log above all, is known from the time before.
  const held =
    loaded.read -
    quiet.read -
    (loaded.written - quiet.written) -
    (quiet.read - idle.read - (quiet.written - idle.written));

  process.stdout.write(
    `${readers} slow readers and a stuck one for ${seconds} s: resident ${mebi(before)} MiB before, ${mebi(peak)} MiB at most; ` +
      `${mebi(delivered)} MiB read by the clients, ${mebi(taken.bytes)} MiB taken from the upstream, the kernel's buffers included\n`,
  );
  process.stdout.write(`calls at ${callsPerSecond}/s: ${shown(baseline)} before, ${shown(beside)} beside them\n`);
  verdict(
    peak - before <= allowedGrowth,
    `memory grew by ${mebi(peak - before)} MiB, target ≤ ${mebi(allowedGrowth)} MiB`,
  );
  verdict(
    held / (readers + 1) <= allowedHeld,
    `${(held / (readers + 1) / 1_024).toFixed(0)} KiB a stream between its reads and writes, target ≤ ${allowedHeld / 1_024} KiB`,
  );
  verdict(cut === 0, `${cut} of the slow readers were cut`);
  verdict(baseline.failures + beside.failures === 0, `${baseline.failures + beside.failures} calls failed`);
  verdict(
    beside.p99Ms <= baseline.p99Ms * allowedP99,
    `p99 of the calls is ${(beside.p99Ms / baseline.p99Ms).toFixed(2)} × that before, target ≤ ${allowedP99}`,
  );
  let open = taken.open;
  while (open > readers - cut && performance.now() - stuckSinceMs < stuckWithinSeconds * 1_000) {
    await sleep(500);
    open = (await takenOf(press)).open;
  }
  const stuckSeconds = (performance.now() - stuckSinceMs) / 1_000;
  verdict(
    open <= readers - cut,
    `the stuck client was cut after ${stuckSeconds.toFixed(0)} s, target 60 s and a little`,
  );
  const afterwards = await caller.run(10);
  process.stdout.write(`calls afterwards, slow readers still there: ${shown(afterwards)}\n`);
  for (const { socket } of [...slow, stuck]) socket.destroy();
  await caller.close();
}

function shown({ calls, p50Ms, p99Ms }: Latencies): string {
  return `${calls} with p50 ${p50Ms.toFixed(2)} ms and p99 ${p99Ms.toFixed(2)} ms`;
}

interface Reader {
  readonly socket: Socket;
  readonly bytes: () => number;
  readonly isOver: () => boolean;
}

/** A stream of a session of its own. `rate` in bytes a second; 0 reads the head and no more. */
async function openReader(url: string, method: 'GET' | 'POST', rate: number): Promise<Reader> {
  const { origin, hostname, port, pathname, host } = new URL(url);
  const client = new Client(origin);
  const session = await openSession(client, pathname);
  await client.close();
  const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"press__push","arguments":{}}}';
  const body = method === 'POST' ? call : '';
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  let isOver = false;
  let bytes = 0;
  socket.on('close', () => (isOver = true));
  socket.on('end', () => (isOver = true));
  socket.write(
    `${method} ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${headersOf(session)}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  await once(socket, 'readable');
  const timer = setInterval(() => {
    const piece = socket.read(Math.floor(rate / readsPerSecond)) as Buffer | null;
    bytes += piece?.length ?? 0;
  }, 1_000 / readsPerSecond);
  if (rate === 0) clearInterval(timer);
  socket.on('close', () => clearInterval(timer));
  return { socket, bytes: () => bytes, isOver: () => isOver };
}

function headersOf({ headers }: Session): string {
  let text = '';
  for (let at = 0; at + 1 < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return text;
}

async function takenOf({ url }: Launched): Promise<Taken> {
  return (await (await fetch(new URL('/taken', url))).json()) as Taken;
}

async function residentBytes({ usage }: Launched): Promise<number> {
  return (await usage())?.rssBytes ?? 0;
}

/** Bytes that the process has read and written in all (proc_pid_io(5)): sockets for the most part. */
async function io({ pid }: Launched): Promise<{ readonly read: number; readonly written: number }> {
  if ((await usageOf(pid)) === undefined) throw new Error('the gateway is gone, or this system keeps no account of it');
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return { read: field('rchar'), written: field('wchar') };
}
