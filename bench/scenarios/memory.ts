/**
 * What one client can make the gateway hold: bodies in pieces of one byte, bodies that do not end, calls pipelined on one connection,
 * calls that wait, and the same from an upstream, while a calm client calls beside it. `npm run bench:memory` after `npm run build`,
 * with words of the names of cases to run only these; Linux, as memory is read from /proc. Prints the peak, whether others were
 * served, their p99 as a ratio to the one before, and the CPU time of the longest turn of the gateway's loop.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { attackNames } from '../attacks.ts';
import { launch } from '../launch.ts';
import type { Launched } from '../launch.ts';
import { pacedCaller } from '../paced.ts';
import { placeLoad } from '../placement.ts';
import { mebi, verdict } from '../verdicts.ts';

const allowedResident = 512 * 1_048_576;
const allowedP99 = 2;
const callsPerSecond = 100;
const seconds = 8;

const directory = mkdtempSync(join(tmpdir(), 'manifold-bench-'));
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const started: Launched[] = [];
let attacker: ChildProcess | undefined;
try {
  await compare();
} finally {
  for (const each of started.toReversed()) await each.stop();
  attacker?.kill();
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
  attacker = fork(file('../attacker.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [url] = (await once(attacker, 'message')) as [string];
  const servers = JSON.stringify({ mcpServers: { echo: { url: echo.url }, hostile: { url } } });
  const command = [file('../../dist/main.js'), 'run', '--mcp-json', servers, '--port', '0', '--admin-port', 'off'];
  process.stdout.write(
    `| case | peak MiB | failed calls beside | p99 calm, ms | beside, × calm | longest turn, ms of CPU |\n|---|---:|---:|---:|---:|---:|\n`,
  );
  const misses: string[] = [];
  const words = process.argv.slice(2);
  for (const name of attackNames) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    // Each begins with a fresh process, so that none pays for the one before.
    const log = `manifold-${started.length}`;
    const gateway = await launch(log, command, {
      core: placement.target,
      directory,
      path: '/mcp',
      turns: true,
    });
    started.push(gateway);
    const caller = await pacedCaller(gateway.url, callsPerSecond);
    await caller.run(3);
    const calm = await caller.run(seconds);
    let peak = 0;
    const look = async (): Promise<void> => void (peak = Math.max(peak, (await gateway.usage())?.rssBytes ?? 0));
    const watch = setInterval(() => void look(), 50);
    process.kill(gateway.pid, 'SIGUSR2');
    attacker.send({ attack: name, url: gateway.url });
    const beside = await caller.run(seconds);
    await look();
    clearInterval(watch);
    process.kill(gateway.pid, 'SIGUSR2');
    await sleep(200);
    const longest = readFileSync(join(directory, `${log}.log`), 'utf8')
      .match(/longest turn: [\d.]+/g)
      ?.at(-1)
      ?.slice(14);
    attacker.send({});
    const ratio = beside.p99Ms / calm.p99Ms;
    process.stdout.write(
      `| ${name} | ${mebi(peak)} | ${beside.failures} | ${calm.p99Ms.toFixed(1)} | ${ratio.toFixed(2)} | ${longest ?? '?'} |\n`,
    );
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
