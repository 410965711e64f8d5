/** The lines that show servers coming up: drawn in their place on a terminal, one a change elsewhere. */
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { changedLines, liveLines, showLive } from '../../src/process/live-lines.ts';
import { prettyOutput } from '../../src/telemetry/pretty.ts';
import type { StateOfOne } from '../../src/process/live-lines.ts';

const escape = '\u001b';

test('a line a server: spinner and seconds while it starts, and the last that it said, fit for a terminal', () => {
  const states: Record<string, ReturnType<StateOfOne>> = {
    a: { phase: 'starting', ms: 2_340, said: `fetching ${escape}[31mpackages\nmore` },
    bb: { phase: 'ready', ms: 450, said: undefined },
    c: { phase: 'failed', ms: 0, said: 'no such module' },
  };
  const lines = liveLines(['a', 'bb', 'c'], (name) => states[name], 0);
  expect(lines).toEqual([
    '  ⠋ a   starting  2.3 s  fetching  [31mpackages',
    '  ✓ bb  ready     0.5 s',
    '  ✗ c   failed           no such module',
  ]);
  expect(liveLines(['a'], (name) => states[name], 1)[0]).toContain('⠙ a');
});

test('elsewhere a change is one line, told once, and what was ready before anybody was told is none', () => {
  let phase = 'starting';
  const stateOf: StateOfOne = (name) => ({ phase: name === 'slow' ? phase : 'ready', ms: 1_000, said: undefined });
  const told = new Map<string, string>();
  const names = ['slow', 'quick'];
  expect(changedLines(names, stateOf, told)).toEqual(['  slow: starting']);
  expect(changedLines(names, stateOf, told)).toEqual([]);
  phase = 'ready';
  expect(changedLines(names, stateOf, told)).toEqual(['  slow: ready after 1.0 s']);
});

test('a terminal is drawn on in place, and left clean at the end; what is up at once is not drawn at all', async () => {
  const written: string[] = [];
  const out = { isTTY: true, write: (text: string) => void written.push(text) };
  const live = showLive(out, ['a'], () => ({ phase: 'starting', ms: 900, said: undefined }));
  await expect.poll(() => written.filter((text) => text.includes('starting')).length).toBeGreaterThan(1);
  live.stop();
  const clear = `${escape}[1A${escape}[0J`;
  expect(written[0]).toContain('a  starting');
  expect(written[1]).toBe(clear);
  expect(written.at(-1)).toBe(clear);

  const quiet: string[] = [];
  showLive({ isTTY: true, write: (text) => void quiet.push(text) }, ['a'], () => undefined).stop();
  expect(quiet).toEqual([]);
});

test('a line of the log stands above the lines that are drawn, which are drawn again below it', async () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const terminal = new Writable({
    write: (chunk: Buffer, _encoding, taken) => {
      write(chunk.toString());
      taken();
    },
  });
  const live = showLive({ isTTY: true, write }, ['a'], () => ({ phase: 'starting', ms: 900, said: undefined }));
  live.above(() => write('before\n'));
  expect(written).toEqual(['before\n']);
  await expect.poll(() => written.some((text) => text.includes('starting'))).toBe(true);
  written.length = 0;
  const log = prettyOutput(terminal, false);
  log.above = live.above;
  log.write('{"level":"info","msg":"hello"}\n');
  live.stop();
  expect(written).toEqual([
    `${escape}[1A${escape}[0J`,
    expect.stringContaining('hello'),
    expect.stringContaining('starting'),
    `${escape}[1A${escape}[0J`,
  ]);
});
