import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import {
  ask,
  bridged,
  eventually,
  everythingServer,
  initialize,
  initializeBody,
  isAlive,
  oddServer,
  open,
  post,
  request,
  stdioSpec,
} from '../../support/bridge-client.ts';
import { toleratedOddities } from '../../../src/telemetry/metrics.ts';
import { networkVariables } from '../../../src/transport/bridge/spawn-command.ts';
import { sdkClient } from '../../support/sdk-client.ts';

const quickEnd = { termAfterMs: 200, killAfterMs: 400, leftoverKillMs: 200 };

test('a real client uses a real stdio server through the bridge: lists, calls, progress, sampling, subscriptions', async () => {
  const { bridge } = await bridged([stdioSpec('everything', [everythingServer, 'stdio'])]);
  await open(bridge.urlOf('everything'));
  const { client, transport } = await sdkClient(bridge.urlOf('everything'), {
    sample: () => ({ model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled!' } }),
  });
  expect(client.getServerVersion()?.name).toContain('everything');
  const { tools } = await client.listTools();
  expect(tools.map((tool) => tool.name)).toContain('echo');
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })).toMatchObject({
    content: [{ text: 'Echo: hello' }],
  });
  const progress: number[] = [];
  await client.callTool({ name: 'trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } }, undefined, {
    onprogress: (step) => void progress.push(step.progress),
  });
  expect(progress).toEqual([1, 2, 3, 4]);
  const sampled = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'p', maxTokens: 5 } });
  expect(JSON.stringify(sampled)).toContain('sampled!');
  expect((await client.listPrompts()).prompts.length).toBeGreaterThan(0);
  const { resources } = await client.listResources();
  const updated = new Promise<string>((resolve) => {
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => resolve(params.uri));
  });
  await client.subscribeResource({ uri: resources[0]!.uri });
  await client.callTool({ name: 'toggle-subscriber-updates', arguments: {} });
  expect(await updated).toBe(resources[0]!.uri);
  const session = transport.sessionId;
  await transport.terminateSession();
  expect((await post(bridge.urlOf('everything'), request('ping'), session)).status).toBe(404);
});

test('gives the server the environment that MCP clients give, the config on top, and nothing else of the gateway', async () => {
  process.env['MANIFOLD_TEST_SECRET'] = 'secret';
  // The way out of a company's network, which every program that installs something needs.
  const way = {
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: 'localhost',
    SSL_CERT_FILE: '/ca',
    NODE_EXTRA_CA_CERTS: '/ca',
  };
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => networkVariables.has(name)));
  Object.assign(process.env, way);
  const { bridge } = await bridged([
    stdioSpec('odd', [oddServer], { env: { OWN: 'o w n', TERM: 'mine' }, cwd: tmpdir() }),
  ]);
  const url = bridge.urlOf('odd');
  const { env, cwd } = await ask(url, await open(url), 'env');
  delete process.env['MANIFOLD_TEST_SECRET'];
  for (const name of Object.keys(way)) delete process.env[name];
  Object.assign(process.env, own);
  expect(env).toEqual({ ...getDefaultEnvironment(), ...own, ...way, OWN: 'o w n', TERM: 'mine' });
  expect(cwd).toBe(realpathSync(tmpdir()));
});

test('hands arguments over as they stand, with no shell to read them', async () => {
  const code = 'process.stderr.write(JSON.stringify(process.argv.slice(1)) + "\\n"); process.stdin.resume()';
  const odd = ['$(touch x)', '; exit', 'a b', '"', "'", '%PATH%', '\\'];
  const { bridge, log } = await bridged([stdioSpec('args', ['-e', code, ...odd])], quickEnd);
  const abort = new AbortController();
  const pending = post(bridge.urlOf('args'), initializeBody, undefined, {}, abort.signal).catch(() => {});
  await eventually(() => log.lines.some((line) => line.text === 'stderr'));
  const line = log.lines.find(({ text }) => text === 'stderr');
  expect(JSON.parse(String(line?.fields['line']))).toEqual(odd);
  abort.abort();
  await pending;
});

test('a crash answers the calls in flight, ends the session, and a new initialize starts a new process', async () => {
  const { bridge, log } = await bridged([stdioSpec('odd', [oddServer])]);
  const url = bridge.urlOf('odd');
  const session = await open(url);
  const other = await open(url);
  const waiting = post(url, request('never', {}, 1), session);
  await ask(url, session, 'ping');
  const crashed = await post(url, request('crash', {}, 2), session);
  for (const [response, id] of [
    [crashed, 2],
    [await waiting, 1],
  ] as const) {
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id, error: { code: -32603 } });
  }
  expect((await post(url, request('ping'), session)).status).toBe(404);
  expect((await post(url, request('ping'), other)).status).toBe(200);
  expect((await post(url, request('ping'), await open(url))).status).toBe(200);
  expect(log.lines).toContainEqual({
    level: 'error',
    text: 'stdio server ended by itself',
    fields: { upstream: 'odd', pid: expect.any(Number), how: 'exit code 3' },
  });
});

test('starts of a server that crashes at once wait after the third, and are refused meanwhile without a process', async () => {
  const { bridge, log } = await bridged([stdioSpec('crash', [oddServer, 'crash'])], { backoffMinMs: 60_000 });
  const url = bridge.urlOf('crash');
  const starts = () => log.lines.filter((line) => line.text === 'stdio server started').length;
  for (let i = 0; i < 5; i += 1) {
    const response = await initialize(url);
    expect(response.headers.get('mcp-session-id')).toBeNull();
    expect(await response.json()).toMatchObject({ id: 0, error: { code: -32603 } });
  }
  expect(starts()).toBe(3);
});

test('a command or folder that does not exist is one log line that names it, and an error to initialize', async () => {
  const { bridge, log } = await bridged([
    stdioSpec('command', ['--token=secret'], { command: 'no-such-command-here' }),
    stdioSpec('folder', [oddServer], { cwd: '/no/such/folder' }),
  ]);
  for (const name of ['command', 'folder']) {
    expect(await (await initialize(bridge.urlOf(name))).json()).toMatchObject({
      id: 0,
      error: { code: -32603 },
    });
  }
  await eventually(() => log.lines.filter((line) => line.level === 'error').length === 2);
  expect(log.lines.filter((line) => line.level === 'error').map((line) => line.text)).toEqual([
    'command not found: no-such-command-here',
    'folder not found: /no/such/folder',
  ]);
  expect(JSON.stringify(log.lines)).not.toContain('secret');
});

/** What was let pass of the server `counted`, by its kind. */
async function counted(): Promise<unknown> {
  const { values } = await toleratedOddities.get();
  const own = values.filter(({ labels }) => labels.upstream === 'counted');
  return Object.fromEntries(own.map(({ labels, value }) => [labels.kind, value]));
}

test('lines that are beside the specification are counted, by their kind', async () => {
  const { bridge } = await bridged([stdioSpec('counted', [oddServer])]);
  const url = bridge.urlOf('counted');
  const session = await open(url);
  await ask(url, session, 'stray');
  const lost = new AbortController();
  post(url, request('lost'), session, {}, lost.signal).catch(() => {});
  await (await post(url, request('marked', { id: 77 }, 77), session)).text();
  await expect.poll(counted).toEqual({ output_line: 2, answer_unmatched: 1, byte_order_mark: 1 });
  lost.abort();
});

test('stderr goes to the log, cut and bounded, and output that is no message is skipped; results are never logged', async () => {
  const { bridge, log } = await bridged([stdioSpec('odd', [oddServer])]);
  const url = bridge.urlOf('odd');
  const session = await open(url);
  await ask(url, session, 'stderr', { lines: 200 });
  expect(await ask(url, session, 'stray')).toEqual({});
  const skipped = log.lines.filter((line) => line.text === 'skipped output that is no message');
  expect(skipped.map((line) => line.fields['line'])).toEqual(['I am a stray print', '']);
  await eventually(() => log.lines.some((line) => line.text === 'stderr'));
  const lines = log.lines.filter((line) => line.text === 'stderr');
  expect(lines.length).toBeLessThanOrEqual(150);
  expect(lines.every((line) => String(line.fields['line']).length <= 512)).toBe(true);
  expect(lines[0]).toMatchObject({ level: 'info', fields: { upstream: 'odd', pid: expect.any(Number) } });
});

test('a traceback is one entry of the log', async () => {
  const { bridge, log } = await bridged([stdioSpec('odd', [oddServer])]);
  const url = bridge.urlOf('odd');
  await ask(url, await open(url), 'traceback');
  const entries = (): unknown[] =>
    log.lines.filter(({ text }) => text === 'stderr').map(({ fields }) => fields['line']);
  await eventually(() => entries().length === 3);
  expect(entries()).toEqual([
    'before',
    [
      'Traceback (most recent call last):',
      '  File "a.py", line 1, in <module>',
      '    f()',
      'ValueError: no',
      'During handling of the above exception, another exception occurred:',
      'Traceback (most recent call last):',
      '  File "b.py", line 2',
      'KeyError: 1',
    ].join('\n'),
    'after',
  ]);
});

for (const [what, line] of [
  ['blank lines', ''],
  ['lines that are no messages', 'I am no message'],
] as const) {
  test(`a server that floods its output with ${what} waits, and takes neither memory nor turns of others`, async () => {
    const { bridge, log } = await bridged([stdioSpec('odd', [oddServer]), stdioSpec('calm', [oddServer])]);
    const [url, calm] = [bridge.urlOf('odd'), bridge.urlOf('calm')];
    const [session, other] = [await open(url), await open(calm)];
    await ask(calm, other, 'pid');
    const before = process.memoryUsage.rss();
    const abort = new AbortController();
    let isRead = false;
    const flood = post(url, request('flood', { line, bytes: 64 * 1024 * 1024 }), session, {}, abort.signal)
      .then(() => {
        isRead = true;
      })
      .catch(() => {});
    for (let i = 0; i < 20; i += 1) expect(await ask(calm, other, 'pid')).toMatchObject({ pid: expect.any(Number) });
    expect((process.memoryUsage.rss() - before) / 1024 / 1024).toBeLessThan(128);
    expect(log.lines.length).toBeLessThan(200);
    // 64 MiB would have been read by now, were they read as fast as they come.
    expect(isRead).toBe(false);
    abort.abort();
    await flood;
  });
}

test('an answer over 4 MiB is an error at once, and the session goes on', async () => {
  const { bridge } = await bridged([stdioSpec('odd', [oddServer])]);
  const url = bridge.urlOf('odd');
  const session = await open(url);
  const response = await post(url, request('huge', {}, 5), session);
  expect(await response.json()).toMatchObject({
    id: 5,
    error: { code: -32603, message: 'Upstream server gave an invalid answer' },
  });
  expect((await post(url, request('ping'), session)).status).toBe(200);
});

test('the end of a session ends the whole process group, also one that does not want to', async () => {
  const { bridge } = await bridged([stdioSpec('odd', [oddServer, 'stubborn'])], quickEnd);
  const url = bridge.urlOf('odd');
  const session = await open(url);
  const pids = [await ask(url, session, 'pid'), await ask(url, session, 'grandchild')].map((result) =>
    Number(result['pid']),
  );
  expect(pids.map((pid) => isAlive(pid))).toEqual([true, true]);
  await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': session } });
  await eventually(() => pids.every((pid) => !isAlive(pid)));
});

test('what a process leaves behind when it exits is ended too', async () => {
  const { bridge } = await bridged([stdioSpec('odd', [oddServer])], quickEnd);
  const url = bridge.urlOf('odd');
  const session = await open(url);
  const { pid } = await ask(url, session, 'grandchild');
  await post(url, request('crash'), session);
  await eventually(() => !isAlive(Number(pid)));
});

test('close ends every process and waits for it', async () => {
  const { bridge } = await bridged([stdioSpec('odd', [oddServer, 'stubborn'])], quickEnd);
  const url = bridge.urlOf('odd');
  const pids = await Promise.all([1, 2, 3].map(async () => Number((await ask(url, await open(url), 'pid'))['pid'])));
  await bridge.close();
  expect(pids.map((pid) => isAlive(pid))).toEqual([false, false, false]);
  await expect(fetch(url)).rejects.toThrow();
});

const host = fileURLToPath(new URL('../../support/bridge-host.ts', import.meta.url));

for (const end of ['SIGKILL', 'SIGTERM', 'exit', 'throw'] as const) {
  test(`none is left when the gateway ends by ${end}`, async () => {
    const gateway = spawn(process.execPath, [host, oddServer], { stdio: ['pipe', 'pipe', 'ignore'] });
    const [line] = (await once(createInterface({ input: gateway.stdout }), 'line')) as [string];
    const { pids } = JSON.parse(line) as { pids: number[] };
    expect(pids).toHaveLength(3);
    expect(pids.map((pid) => isAlive(pid))).toEqual([true, true, true]);
    if (end === 'SIGKILL' || end === 'SIGTERM') gateway.kill(end);
    else gateway.stdin.write(`${end}\n`);
    await once(gateway, 'exit');
    await eventually(() => pids.every((pid) => !isAlive(pid)));
  });
}
