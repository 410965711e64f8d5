/** The walk-through of OAuth goes through, with the real command and a real authorization server. */
import { fileURLToPath } from 'node:url';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('npm run demo:oauth prints each step and ends well', async () => {
  const demo = fileURLToPath(new URL('../../examples/oauth-demo.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [demo]);
  expect(stdout).toContain('\n10. ');
  expect(stdout.trimEnd().endsWith('All of it went as it should.')).toBe(true);
});
