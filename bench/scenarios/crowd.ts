/**
 * Ten thousand idle GET streams and 200 calls a second beside them. `npm run bench:crowd` after `npm run build`;
 * Linux, as memory and CPU are read from /proc. Needs `ulimit -n` at 20,000. Some four minutes.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Usage } from '../accounting.ts';
import { openSessions, openStreams } from '../idle-streams.ts';
import { pacedCaller, shown } from '../paced.ts';
import { placeLoad } from '../placement.ts';
import { startTarget, startUpstream } from '../targets.ts';
import type { Target } from '../targets.ts';
import { mebi, verdict } from '../verdicts.ts';

const streams = 10_000;
const callsPerSecond = 200;
const windowSeconds = 30;

const allowedResident = 700 * 1_048_576;
const allowedHeartbeat = 0.1;
const allowedP99 = 2;
const allowedRemainder = 1.2;
const givenBackWithinSeconds = 60;
/** Connections of calls in the pool to the upstream may come and go. */
const allowedSockets = 8;

const directory = mkdtempSync(join(tmpdir(), 'manifold-bench-'));
const around = { placement: placeLoad(), directory };
const upstream = await startUpstream(around, 0);
const target = await startTarget({ kind: 'gateway', name: 'manifold', kdf: 'none' }, upstream.url, around);
try {
  await crowd(target);
} finally {
  await target.stop();
  await upstream.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function crowd(gateway: Target): Promise<void> {
  const sessions = await openSessions(gateway.url, streams);
  const caller = await pacedCaller(gateway.url, callsPerSecond);
  await caller.run(5);
  const baseline = await caller.run(windowSeconds);
  await sleep(10_000);
  const before = await usage(gateway);
  const socketsBefore = socketsOf(gateway);

  const open = await openStreams(gateway.url, sessions);
  await sleep(10_000);
  const settled = await usage(gateway);
  await sleep(windowSeconds * 1_000);
  const idle = await usage(gateway);
  const heartbeat = (idle.cpuMicros - settled.cpuMicros) / windowSeconds / 1_000_000;
  const beside = await caller.run(windowSeconds);
  const full = await usage(gateway);

  for (const stream of open) stream.destroy();
  const closedMs = performance.now();
  let after = await usage(gateway);
  let left = socketsOf(gateway) - socketsBefore;
  const isBack = (): boolean => left <= allowedSockets && after.rssBytes <= before.rssBytes * allowedRemainder;
  while (!isBack() && secondsSince(closedMs) < givenBackWithinSeconds) {
    await sleep(1_000);
    after = await usage(gateway);
    left = socketsOf(gateway) - socketsBefore;
  }
  const seconds = secondsSince(closedMs);
  await caller.close();

  process.stdout.write(
    `${streams} idle GET streams: resident ${mebi(before.rssBytes)} MiB before, ${mebi(full.rssBytes)} MiB with calls beside them, ` +
      `${mebi(after.rssBytes)} MiB ${seconds.toFixed(0)} s after the close\n` +
      `calls at ${callsPerSecond}/s: ${shown(baseline)} before, ${shown(beside)} beside them\n`,
  );
  verdict(
    full.rssBytes <= allowedResident,
    `${mebi(full.rssBytes)} MiB resident, target ≤ ${mebi(allowedResident)} MiB`,
  );
  verdict(
    heartbeat <= allowedHeartbeat,
    `heartbeats every 15 s take ${(heartbeat * 100).toFixed(1)} % of a core, target ≤ ${allowedHeartbeat * 100} %`,
  );
  verdict(
    baseline.failures + beside.failures === 0,
    `${baseline.failures + beside.failures} of ${baseline.calls + beside.calls} calls failed`,
  );
  verdict(
    beside.p99Ms <= baseline.p99Ms * allowedP99,
    `p99 of the calls is ${(beside.p99Ms / baseline.p99Ms).toFixed(2)} × that before, target ≤ ${allowedP99}`,
  );
  verdict(
    after.rssBytes <= before.rssBytes * allowedRemainder,
    `memory returned, target ≤ ${allowedRemainder} × within 60 s`,
  );
  verdict(left <= allowedSockets, `${left} more files open after the close than before the opening`);
}

async function usage(gateway: Target): Promise<Usage> {
  const used = await gateway.usage();
  if (used === undefined) throw new Error('the gateway is gone, or this system keeps no account of it');
  return used;
}

/** Open files of the process, nearly all of them sockets. */
function socketsOf({ pid }: Target): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function secondsSince(ms: number): number {
  return (performance.now() - ms) / 1_000;
}
