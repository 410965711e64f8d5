import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { eventually, isAlive } from '../support/bridge-client.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { closedAtTheEnd } from '../support/started.ts';

const program = fileURLToPath(new URL('../../examples/start.ts', import.meta.url));

/** The real start, on free ports, up to where it has printed its endpoint. Needs dist. */
async function start() {
  const child = spawn(process.execPath, [program, '--port', '0', '--admin-port', 'off'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  closedAtTheEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /serves (http:\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error('start ended')));
  });
  return { child, exited, url };
}

/** Children of the process, with theirs. */
function descendants(of: number): number[] {
  const children = readdirSync('/proc').filter((entry) => {
    try {
      return (
        readFileSync(`/proc/${Number(entry)}/stat`, 'latin1')
          .split(') ')[1]
          ?.split(' ')[1] === String(of)
      );
    } catch {
      return false;
    }
  });
  return children.map(Number).flatMap((pid) => [pid, ...descendants(pid)]);
}

for (const [signal, code] of [
  ['SIGTERM', 0],
  ['SIGKILL', null],
] as const) {
  test(`npm start serves both example servers, and ${signal} leaves none of its processes behind`, async () => {
    const { child, exited, url } = await start();
    const { client, close } = await sdkClient(url);
    const names = (await client.listTools()).tools.map((tool) => tool.name);
    expect(names).toContain('everything__echo');
    expect(names).toContain('notes__add_note');
    expect(await client.callTool({ name: 'everything__echo', arguments: { message: 'hi' } })).toMatchObject({
      content: [{ text: 'Echo: hi' }],
    });
    await close();
    // The notes server, the reaper and the everything server.
    const pids = descendants(child.pid ?? 0);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    child.kill(signal);
    expect((await exited)[0]).toBe(code);
    await eventually(() => pids.every((pid) => !isAlive(pid)));
  });
}
