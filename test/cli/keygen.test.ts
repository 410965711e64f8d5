/** `manifold keygen`: a key ring file that `--session-keys` reads. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keygen } from '../../src/cli/keygen.ts';
import { parseKeyFile } from '../../src/session/keyring.ts';
import { recordingIo } from './recording-io.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'manifold-keygen-'));
});
afterAll(() => rm(directory, { recursive: true }));

test('the key ring goes to stdout, and nothing else does', async () => {
  const io = recordingIo();
  expect(await keygen({ out: undefined }, io)).toBe(0);
  const { out, err } = io.said();
  expect(parseKeyFile(out, 'stdout')).toHaveLength(1);
  expect(out).toContain('"CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YYY="');
  expect(out.endsWith('}\n')).toBe(true);
  expect(err).toBe('');
});

test('a file is made for its owner alone, and the key is not said', async () => {
  const path = join(directory, 'keys.json');
  const io = recordingIo();
  expect(await keygen({ out: path }, io)).toBe(0);
  expect(parseKeyFile(await readFile(path, 'utf8'), path)).toHaveLength(1);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(io.said()).toEqual({
    out: '',
    err: `Wrote ${path}. Start every replica with --session-keys and this file, and keep it secret.\n`,
  });
});

test('an existing file is left as it is', async () => {
  const path = join(directory, 'mine.json');
  await writeFile(path, 'precious');
  const io = recordingIo();
  expect(await keygen({ out: path }, io)).toBe(1);
  expect(await readFile(path, 'utf8')).toBe('precious');
  expect(io.said().err).toBe(`manifold keygen: ${path}: exists already and is left as it is\n`);
});

test('a directory that is not there is said to be missing', async () => {
  const io = recordingIo();
  const path = join(directory, 'none', 'keys.json');
  expect(await keygen({ out: path }, io)).toBe(1);
  expect(io.said().err).toBe(`manifold keygen: ${path}: there is no such file or directory\n`);
});
