/** The command as a process: exit codes, and what goes to which stream. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const example = fileURLToPath(new URL('../../examples/cursor.json', import.meta.url));

async function manifold(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...argv], {
    env: { PATH: process.env['PATH'], HOME: '/home/ada' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, out, err };
}

test('help and version go to stdout and exit with 0', async () => {
  const { code, out, err } = await manifold('--help');
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('Usage: manifold COMMAND');
  const version = await manifold('--version');
  expect([version.code, version.err]).toEqual([0, '']);
  expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await manifold('version')).toEqual(version);
  const { code: completed, out: script } = await manifold('completion', 'bash');
  expect(completed).toBe(0);
  expect(script).toContain('complete -o default -F _manifold manifold');
  expect(await manifold('completion', 'tcsh')).toMatchObject({
    code: 2,
    err: 'manifold: completion needs the shell: bash, zsh, fish\nTry: manifold completion --help\n',
  });
});

test('a command line that cannot be obeyed exits with 2, in two lines on stderr', async () => {
  expect(await manifold('run', 'x.json', '--prot', '1')).toEqual({
    code: 2,
    out: '',
    err: 'manifold: there is no flag --prot; did you mean --port?\nTry: manifold run --help\n',
  });
});

test('check exits with 0 for a valid file and with 1 for one that is not there', async () => {
  const { code, out, err } = await manifold('check', example);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('everything  stdio  npx (3 arguments)');
  expect((await manifold('check', '/nowhere/mcp.json')).code).toBe(1);
});

test('run with a faulty configuration exits with 1 and tells every fault', async () => {
  const { code, out, err } = await manifold(
    'run',
    '--mcp-json',
    '{"mcpServers":{"a":{},"b":{"url":"x"}}}',
    '--port',
    '0',
  );
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain('mcpServers.a: neither a "url" nor a "command"');
  expect(err).toContain('mcpServers.b.url: not a web address');
});

test('keygen prints a key ring, another one each time', async () => {
  const [one, two] = [await manifold('keygen'), await manifold('keygen')];
  expect([one.code, one.err, two.code]).toEqual([0, '', 0]);
  expect(JSON.parse(one.out)).toHaveProperty('keys');
  expect(one.out).not.toBe(two.out);
});

test('tools exits with 1 when nothing listens', async () => {
  expect(await manifold('tools', 'http://127.0.0.1:1/mcp')).toMatchObject({ code: 1, out: '' });
});
