/** `manifold check`: what a file comes to, or all that is wrong with it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { recordingIo } from './recording-io.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'manifold-check-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

test('a valid file gives its plan on stdout and 0, without any secret', async () => {
  const path = await file(
    'good.json',
    JSON.stringify({
      mcpServers: {
        docs: {
          url: 'https://example.com/mcp?key=hunter2',
          headers: { Authorization: 'Bearer ${TOKEN}' },
          includeTools: ['read', 'find'],
          excludeTools: ['find'],
          timeout: 60_000,
          onSessionLoss: 'error',
          forwardHeaders: ['X-Tenant'],
        },
        files: { command: 'npx', args: ['--token', 'hunter2'], env: { KEY: 'hunter2' } },
        'old one': { type: 'sse', url: 'http://localhost:3000/sse', tools: [] },
      },
    }),
  );
  const io = recordingIo({ TOKEN: 'hunter2' });
  expect(await check({ files: [path] }, io)).toBe(0);
  expect(io.said().out).toBe(
    [
      `${path}: valid`,
      '  /mcp  route "default", 3 upstreams',
      '    docs     http   https://example.com/mcp    timeout 60 s; tools read, find but find; a lost session is an error; headers Authorization; forwards x-tenant',
      '    files    stdio  npx (2 arguments)          timeout 300 s; all tools',
      '    old-one  sse    http://localhost:3000/sse  timeout 300 s; tools none',
      '',
    ].join('\n'),
  );
  expect(io.said().err).toBe(
    [
      `${path}: warning: mcpServers["old one"]: its tools begin with "old-one__"`,
      `${path}: warning: mcpServers["old one"].tools: an empty list shows no tool at all`,
      '',
    ].join('\n'),
  );
});

test('every fault of every file is told on stderr, and the code is 1', async () => {
  const bad = await file('bad.json', '{"mcpServers":{"a":{"url":"x","timeout":-1},"b":{}}}');
  const good = await file('fine.json', '{"mcpServers":{"a":{"command":"x"}}}');
  const yaml = await file('route.yaml', 'kind: MCPRoute\n');
  const gone = join(directory, 'gone.json');
  const io = recordingIo();
  expect(await check({ files: [bad, gone, good, yaml, directory] }, io)).toBe(1);
  expect(io.said().out).toBe(
    `${good}: valid\n  /mcp  route "default", 1 upstream\n    a  stdio  x  timeout 300 s; all tools\n`,
  );
  expect(io.said().err).toBe(
    [
      `${bad}: 3 faults`,
      '  mcpServers.a.url: not a web address. Give an http:// or https:// URL',
      '  mcpServers.a.timeout: a timeout outside of 100 ms to 86400000 ms. Give milliseconds: 60 seconds are 60000',
      '  mcpServers.b: neither a "url" nor a "command". Give the "url" of a remote server or the "command" that starts a local one',
      `${gone}: there is no such file or directory`,
      `${yaml}: 1 fault`,
      '  (root): not JSON; MCPRoute YAML is not read by this version. Give the mcpServers file of Claude, Cursor or VS Code',
      `${directory}: a directory, not a file`,
      '',
    ].join('\n'),
  );
});
