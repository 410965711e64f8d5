/**
 * Slow readers: a hundred clients take 10 KB/s of streams that an upstream pushes at full speed for a minute,
 * one takes nothing, and others call at a steady rate beside them. `npm run bench:slow` after `npm run build`; Linux, as memory
 * and bytes are read from /proc. Some six minutes.
 */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { usageOf } from '../accounting.ts';
import { headersOf, openSessions } from '../idle-streams.ts';
import { launch } from '../launch.ts';
import type { Launched } from '../launch.ts';
import type { Session } from '../mcp-client.ts';
import { pacedCaller, shown } from '../paced.ts';
import { placeLoad } from '../placement.ts';
import type { Taken } from '../pressing.ts';
import { mebi, verdict } from '../verdicts.ts';

const readers = 100;
const bytesPerSecond = 10_240;
const readsPerSecond = 10;
/** How long the slow ones are looked at. */
const seconds = 58;
const callsPerSecond = 200;
/** `stuckClientMs`, and the looks before and after it. */
const stuckWithinSeconds = 240;

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

  const sessions = await openSessions(gateway.url, readers + 1);
  const streams = sessions.map((session, n) =>
    openReader(gateway.url, session, n % 2 === 0 ? 'GET' : 'POST', n === readers ? 0 : bytesPerSecond),
  );
  const opened = await Promise.all(streams);
  const [stuck, slow] = [opened[readers]!, opened.slice(0, readers)];
  const sinceMs = performance.now();
  let peak = before;
  const watch = setInterval(() => void residentBytes(gateway).then((bytes) => (peak = Math.max(peak, bytes))), 500);
  const calling = caller.run(seconds);
  await sleep(seconds * 1_000);
  clearInterval(watch);
  const taken = await takenOf(press);
  const loaded = await io(gateway);
  const delivered = slow.reduce((sum, { bytes }) => sum + bytes(), 0);
  const cut = slow.filter(isGone(gateway)).length;
  const beside = await calling;
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
  while (!isGone(gateway)(stuck) && performance.now() - sinceMs < stuckWithinSeconds * 1_000) await sleep(500);
  const stuckSeconds = ((performance.now() - sinceMs) / 1_000).toFixed(0);
  verdict(isGone(gateway)(stuck), `the stuck client was cut after ${stuckSeconds} s, target 180 s and a little`);
  process.stdout.write(`${slow.filter(isGone(gateway)).length} of the slow readers were cut by then\n`);
  for (const { socket } of opened) socket.destroy();
  await caller.close();
}

async function start(name: string, command: string[], path: string, core: number | undefined): Promise<Launched> {
  const launched = await launch(name, command, { core, directory, path });
  started.push(launched);
  return launched;
}

interface Reader {
  readonly socket: Socket;
  readonly bytes: () => number;
}

/** `rate` in bytes a second; 0 reads the head and no more. */
async function openReader(url: string, session: Session, method: 'GET' | 'POST', rate: number): Promise<Reader> {
  const { hostname, port, pathname, host } = new URL(url);
  const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"press__push","arguments":{}}}';
  const body = method === 'POST' ? call : '';
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  let bytes = 0;
  socket.write(
    `${method} ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${headersOf(session)}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await once(socket, 'readable');
  const timer = setInterval(() => {
    const piece = socket.read(Math.floor(rate / readsPerSecond)) as Buffer | null;
    bytes += piece?.length ?? 0;
  }, 1_000 / readsPerSecond);
  if (rate === 0) clearInterval(timer);
  socket.on('close', () => clearInterval(timer));
  return { socket, bytes: () => bytes };
}

/**
 * Whether the gateway has let go of a client (proc_net_tcp(5), state 01 is established). The client does not see it: what the
 * kernel holds for it comes first.
 */
function isGone({ url }: Launched): (reader: Reader) => boolean {
  const here = `:${hex(Number(new URL(url).port))}`;
  const established = new Set<string>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', state] = line.trim().split(/\s+/);
    if (local.endsWith(here) && state === '01') established.add(remote.slice(-4));
  }
  return ({ socket }) => !established.has(hex(socket.localPort ?? 0));
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

async function takenOf({ url }: Launched): Promise<Taken> {
  return (await (await fetch(new URL('/taken', url))).json()) as Taken;
}

async function residentBytes(launched: Launched): Promise<number> {
  return (await launched.usage())?.rssBytes ?? 0;
}

/** Bytes that the process has read and written in all (proc_pid_io(5)): sockets for the most part. */
async function io({ pid }: Launched): Promise<{ readonly read: number; readonly written: number }> {
  if ((await usageOf(pid)) === undefined) throw new Error('the gateway is gone, or this system keeps no account of it');
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
  return { read: field('rchar'), written: field('wchar') };
}
