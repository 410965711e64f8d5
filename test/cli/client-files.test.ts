/** Files as each client writes them, fed to `manifold check`: what is printed stands beside them, word for word. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { recordingIo } from './recording-io.ts';

const folder = fileURLToPath(new URL('client-files/', import.meta.url));
const files = readdirSync(folder).filter((name) => /\.(json|yaml)$/.test(name));
const secret = 'hunter2';

test.each(files)('%s', async (name) => {
  const path = `${folder}${name}`;
  // Who may read a file of a checkout differs from machine to machine.
  const { fileMode: _mode, ...io } = recordingIo({ API_KEY: secret, HOME: '/home/ada' });
  const code = await check({ files: [path], mcpConfig: [], mcpJson: [], output: 'table', diff: false }, io);
  const { out, err } = io.said();
  const printed = `exit code ${code}\n${out}${err}`.replaceAll(folder, '');
  expect(printed).not.toContain(secret);
  await expect(printed).toMatchFileSnapshot(`${path}.printed.txt`);
});
