/** What is printed on a real terminal while servers start: drawn in its place, unless lines of the log may come in between. */
import { spawn, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { gated } from '../../support/gated.ts';
import { command } from '../../support/gateway-process.ts';
import { closedAtTheEnd } from '../../support/started.ts';

/** Gives a program a terminal of its own: of util-linux, as its options are. */
const hasTerminal = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux');

/** All that a terminal is sent until the greeting is there. */
async function printed(args: readonly string[]): Promise<string> {
  const slow = gated();
  const config = JSON.stringify({ mcpServers: { slow: { command: process.execPath, args: slow.args } } });
  const words = [process.execPath, command, 'run', '--port', '0', '--admin-port', 'off', '--mcp-json', config, ...args];
  const line = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const terminal = spawn('script', ['--quiet', '--flush', '--command', line, '/dev/null'], { stdio: 'pipe' });
  let text = '';
  terminal.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  closedAtTheEnd(async () => void terminal.kill('SIGTERM'));
  await expect.poll(() => text).toMatch(/slow.*starting/);
  // More than one drawing.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  slow.open();
  await expect.poll(() => text).toContain('serves http://');
  return text;
}

const escape = '\u001b';
const cursorUp = new RegExp(String.raw`${escape}\[\d+A`);

test
  .skipIf(!hasTerminal)
  .concurrent('the log is for people, so the line of a server is drawn in its place', async () => {
    expect(await printed([])).toMatch(cursorUp);
  });

test
  .skipIf(!hasTerminal)
  .concurrent('with lines of JSON a change is one line, and every line stays whole', async () => {
    const text = await printed(['--log-format', 'json', '--log-level', 'info']);
    expect(text).not.toMatch(cursorUp);
    expect(text).toMatch(/^ {2}slow: starting\r?$/m);
    expect(text).toMatch(/^ {2}slow: ready after .*\r?$/m);
    const ofLog = text.split(/\r?\n/).filter((line) => line.includes('"level"'));
    for (const line of ofLog) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
