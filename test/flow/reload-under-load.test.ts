/**
 * The configuration changes every second while clients call and listen: no request, no event and no session is lost, and memory stays
 * flat. 10 s here; `npm run test:reload` takes a minute.
 */
import { readFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import { listenTo, openSession, type PlainSession } from '../support/plain-client.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const seconds = Number(env['RELOAD_SECONDS'] ?? 10);
const clients = 4;
/** What a process may grow by between its first seconds under load and the end, in KiB. */
const maxGrowthKib = 96 * 1024;
const uri = 'memo://today';

async function residentKib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}

test(
  `a change each second for ${seconds} s loses nothing`,
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'reload-load-'));
    const [alpha, beta] = [await startStatefulServer({ name: 'alpha' }), await startStatefulServer({ name: 'beta' })];
    const file = join(directory, 'servers.json');
    const write = async (n: number): Promise<void> => {
      const other = n % 2 === 0 ? {} : { beta: { url: beta.url, headers: { 'X-Version': String(n) } } };
      const text = JSON.stringify({ mcpServers: { alpha: { url: alpha.url }, ...other } });
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    };
    await write(0);
    const gateway = await startGateway({ args: [file] });
    const sessions = await Promise.all(Array.from({ length: clients }, () => openSession(gateway.url)));
    const streams = await Promise.all(sessions.map((session) => listenTo(session)));
    for (const session of sessions) await session.ask('resources/subscribe', { uri: `alpha+${uri}` });
    const idsBefore = alpha.sessionIds();

    let isOver = false;
    const faults: unknown[] = [];
    let calls = 0;
    const caller = async (session: PlainSession, who: number): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const text = `${who} ${n}`;
        try {
          const { result, error } = await session.ask('tools/call', { name: 'alpha__echo', arguments: { text } });
          if (error !== undefined || !JSON.stringify(result).includes(text)) faults.push(error ?? result);
          calls++;
        } catch (fault) {
          faults.push(String(fault));
        }
        await sleep(20);
      }
    };
    const callers = sessions.map(caller);
    let touches = 0;
    const touching = (async () => {
      while (!isOver) {
        await alpha.touch(uri);
        touches++;
        await sleep(200);
      }
    })();

    let early = 0;
    for (let n = 1; n <= seconds; n++) {
      await write(n);
      await sleep(1_000);
      if (n === Math.ceil(seconds / 3)) early = await residentKib(gateway.pid);
    }
    isOver = true;
    await Promise.all([...callers, touching]);

    expect(faults).toEqual([]);
    expect(calls).toBeGreaterThan(seconds);
    for (const stream of streams) {
      const updates = (): number =>
        stream.messages.filter(({ method }) => method === 'notifications/resources/updated').length;
      await expect.poll(updates).toBe(touches);
    }
    expect(alpha.sessionIds()).toEqual(expect.arrayContaining(idsBefore));
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    // Looked at every 0.3 s, so each change was taken.
    expect(Number(/^manifold_config_reloads_total\{outcome="ok"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(
      seconds / 2,
    );
    expect(metrics).not.toMatch(/outcome="invalid"\} [1-9]/);
    expect((await residentKib(gateway.pid)) - early).toBeLessThan(maxGrowthKib);
    for (const stream of streams) stream.close();
    await rm(directory, { recursive: true });
  },
  (seconds + 60) * 1_000,
);
