/** How fast one server may be read, through the real command: what comes faster is left unread, and others are served. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { maxStreamBytesPerSecond } from '../../../src/transport/http/limits.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { openSession, posting, send } from '../../support/plain-client.ts';
import { sayEvents, startScripted } from '../../support/scripted-upstream.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const mib = 1_048_576;
const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifold-paces-'));
  closedAtTheEnd(() => rm(folder, { recursive: true }));
});

test('a stream is read at 32 MiB a second and no faster, once it has used up a second’s worth', async () => {
  const data = JSON.stringify({
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { level: 'info', data: 'x'.repeat(64 * 1024) },
  });
  const upstream = await startScripted(
    async (_message, response, { signal }) => {
      const say = sayEvents(response);
      while (!signal.aborted) {
        say(data);
        if (response.writableNeedDrain) await once(response, 'drain', { signal }).catch(() => {});
      }
    },
    { sessionId: 'pushing', capabilities: { tools: {}, logging: {} } },
  );
  const gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
  const session = await openSession(gateway.url);
  const asked = request(gateway.url, {
    method: 'POST',
    headers: posting('Host', new URL(gateway.url).host, 'Mcp-Session-Id', session.token),
  });
  asked.end('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__x"}}');
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  closedAtTheEnd(() => Promise.resolve(void response.destroy()));
  response.on('error', () => {});
  let bytes = 0;
  response.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await expect.poll(() => bytes, { timeout: 20_000 }).toBeGreaterThan(maxStreamBytesPerSecond);
  const [from, sinceMs] = [bytes, performance.now()];
  await sleep(3_000);
  const seconds = (performance.now() - sinceMs) / 1_000;
  // What is on its way in the kernel is no matter of the rate.
  expect(bytes - from).toBeLessThan(seconds * maxStreamBytesPerSecond + 16 * mib);
  expect((await send(gateway.url, { headers: posting(), body: ping })).status).toBe(200);
}, 60_000);

/** Prints lines that are no messages as fast as they are taken, and writes how many bytes the pipe has taken; a full one takes none. */
const printing = (line: string, file: string): string => `
  const { writeFileSync, writeSync } = require('node:fs');
  const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
  const lines = ${JSON.stringify(line)}.repeat(${Math.ceil(16_384 / line.length)});
  let written = 0;
  const flood = () => {
    // A stream would keep in memory what a full pipe does not take.
    try {
      written += writeSync(1, lines);
      writeFileSync(${JSON.stringify(file)}, String(written));
      setImmediate(flood);
    } catch (fault) {
      if (fault.code !== 'EAGAIN') throw fault;
      setTimeout(flood, 1);
    }
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (text) => {
    const { id, method } = JSON.parse(text);
    if (method === 'initialize')
      say({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } });
    else if (method === 'tools/list') say({ id, result: { tools: [{ name: 'flood', inputSchema: { type: 'object' } }] } });
    else if (method === 'tools/call') flood();
  });`;

for (const [what, line, mostBytes] of [
  // 500 a second, after a burst of as many.
  ['lines that are no messages', `${'not a message '.repeat(70)}\n`, 12 * mib],
  // 5,000 a second, after a burst of as many.
  ['blank lines', '\n', mib],
] as const)
  test(`a stdio server that prints ${what} without end is left unread beyond their rate, and others are served`, async () => {
    const file = join(folder, `${what.length}.txt`);
    const program = join(folder, `${what.length}.cjs`);
    await writeFile(program, printing(line, file));
    const gateway = await startGateway({
      config: { mcpServers: { flooding: { command: process.execPath, args: [program] } } },
      args: ['--log-level', 'error'],
    });
    const session = await openSession(gateway.url);
    const called = session.ask('tools/call', { name: 'flooding__flood', arguments: {} }).catch(() => {});
    const written = async (): Promise<number> => Number(await readFile(file, 'utf8').catch(() => '0'));
    await expect.poll(written, { timeout: 20_000 }).toBeGreaterThan(0);
    await sleep(3_000);
    for (let n = 0; n < 5; n += 1)
      expect((await send(gateway.url, { headers: posting(), body: ping })).status).toBe(200);
    expect(await written()).toBeLessThan(mostBytes);
    await gateway.kill('SIGKILL');
    await called;
  }, 60_000);
