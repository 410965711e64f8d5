/** The parts of the bridge that need no process: lines, the event log, damping, what is spawned. */
import { expect, test } from 'vitest';
import { BoundedQueue, EventLog, readEventId } from '../../../src/transport/bridge/event-log.ts';
import { LineLog } from '../../../src/transport/bridge/line-log.ts';
import { Greetings, readGreeting, type Offer } from '../../../src/transport/bridge/greetings.ts';
import { LineSplitter } from '../../../src/transport/bridge/lines.ts';
import { LogEntries } from '../../../src/transport/bridge/log-entries.ts';
import { OutputPace } from '../../../src/transport/bridge/pace.ts';
import { otherForm } from '../../../src/transport/bridge/raw-id.ts';
import { readServerMessage } from '../../../src/protocol/envelope.ts';
import { SpawnDamping } from '../../../src/transport/bridge/spawn-damping.ts';
import { bridgeLimits } from '../../../src/transport/bridge/limits.ts';
import { serverEnvironment, windowsCommand } from '../../../src/transport/bridge/spawn-command.ts';
import { recordingLog } from '../../support/bridge-client.ts';

function split(maxBytes: number, chunks: readonly string[]): string[] {
  const seen: string[] = [];
  const splitter = new LineSplitter(
    maxBytes,
    (line) => seen.push(line.toString()),
    (head, tail) => seen.push(`LONG ${head.toString()}|${tail.toString()}`),
  );
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.end();
  return seen;
}

test('lines come out the same however the output is cut, without line ends and without empty lines', () => {
  const output = 'one\r\n\ntwo é\n\r\nthree\nrest';
  const expected = ['one', 'two é', 'three', 'rest'];
  for (let size = 1; size <= output.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(output.length / size) }, (_, i) =>
      output.slice(i * size, (i + 1) * size),
    );
    expect(split(100, chunks)).toEqual(expected);
  }
});

test('a line that is too long is skipped, with its two ends kept, and the next one is read', () => {
  expect(split(10, ['0123456789\nok\n'])).toEqual(['0123456789', 'ok']);
  expect(split(10, ['01234', '56789', 'ab', '\nok\n'])).toEqual(['LONG 0123456789ab|0123456789ab', 'ok']);
  const [long] = split(1_000, [`${'h'.repeat(600)}${'m'.repeat(5_000)}`, `${'t'.repeat(600)}\n`]);
  expect(long).toBe(`LONG ${'h'.repeat(512)}|${'t'.repeat(512)}`);
});

test('a byte order mark before a line is taken off, also across chunks', () => {
  const output = Buffer.from('\u{feff}{"a":1}\n\u{feff}\r\n\u{feff}b\n');
  for (let size = 1; size <= output.length; size += 1) {
    const seen: string[] = [];
    const splitter = new LineSplitter(
      100,
      (line) => seen.push(line.toString()),
      () => {},
    );
    let lines = 0;
    for (let at = 0; at < output.length; at += size) lines += splitter.push(output.subarray(at, at + size));
    expect([seen, lines]).toEqual([['{"a":1}', 'b'], 3]);
  }
});

test('output that costs more than a second earns is left unread until the debt is paid, a second at most', () => {
  const pace = new OutputPace({ maxLinesPerSecond: 100, maxBytesPerSecond: 1_000, maxUnreadMs: 1_000 });
  pace.spend(100, 10);
  expect(pace.debtMs(0)).toBe(0);
  pace.spend(50, 10);
  expect(pace.debtMs(0)).toBe(500);
  expect(pace.debtMs(500)).toBe(0);
  pace.spend(1_000_000, 0);
  expect(pace.debtMs(500)).toBe(1_000);
  expect(pace.debtMs(1_500)).toBe(0);
  pace.spend(0, 1_500);
  expect(pace.debtMs(1_500)).toBe(500);
  // What is saved up is a second's worth, however long nothing came.
  expect(pace.debtMs(60_000)).toBe(0);
  pace.spend(150, 0);
  expect(pace.debtMs(60_000)).toBe(500);
});

test('lines that belong together are one entry, cut at its limit, and given after a while without a next line', async () => {
  const seen: string[] = [];
  const entries = new LogEntries({ maxLoggedBytes: 20, maxEntryBytes: 60, entryWaitMs: 5 }, (entry) =>
    seen.push(entry),
  );
  for (const line of ['Error: no', '    at a', '    at b', 'next', '\tmore', 'x'.repeat(50)])
    entries.add(Buffer.from(line));
  for (let i = 0; i < 10; i += 1) entries.add(Buffer.from(`  line ${i}`));
  await expect.poll(() => seen.length).toBe(3);
  expect(seen.slice(0, 2)).toEqual(['Error: no\n    at a\n    at b', 'next\n\tmore']);
  expect(seen[2]).toMatch(/^x{20}\n {2}line 0\n/);
  expect(seen[2]!.length).toBeLessThanOrEqual(60);
});

const offer = (revision: string, more = ''): Offer => ({
  params: `${revision}${more}`,
  revision,
  clientInfo: undefined,
});
const answer = (revision: string) =>
  readGreeting(
    readServerMessage(
      Buffer.from(
        `{"jsonrpc":"2.0","id":0,"result":{"n":1.0,"protocolVersion":"${revision}" ,"capabilities":{"tools":{}}}}`,
      ),
    ),
  )!;

test('an answer to initialize serves others as far as it can be told what they would get, and is forgotten in turn', () => {
  const greetings = new Greetings({ maxGreetings: 2, maxGreetingChars: 400 });
  expect(greetings.likely(offer('2025-11-25'))).toBeUndefined();
  greetings.add(offer('2025-11-25'), answer('2025-06-18'));
  expect(greetings.exact(offer('2025-11-25', 'x'))).toBeUndefined();
  expect(greetings.likely(offer('2025-11-25', 'x'))?.revision).toBe('2025-06-18');
  expect(greetings.likely(offer('2025-06-18'))?.revision).toBe('2025-06-18');
  expect(greetings.likely(offer('2025-03-26'))?.result).toBe(
    '{"n":1.0,"protocolVersion":"2025-03-26" ,"capabilities":{"tools":{}}}',
  );
  greetings.add(offer('2025-03-26'), answer('2025-03-26'));
  greetings.add(offer('2024-11-05'), answer('2024-11-05'));
  expect(greetings.exact(offer('2025-11-25'))).toBeUndefined();
  greetings.add(offer('2025-06-18', 'y'.repeat(400)), answer('2025-06-18'));
  expect(greetings.exact(offer('2025-06-18', 'y'.repeat(400)))).toBeUndefined();
  greetings.forget();
  expect(greetings.likely(offer('2025-03-26'))).toBeUndefined();
});

test('an id has another form where it is a whole number, and no other id is taken for it', () => {
  expect(['1', '"1"', '-7', '"a"', '1.0', '"1e3"', '12345678901234567890123'].map((raw) => otherForm(raw))).toEqual([
    '"1"',
    '1',
    '"-7"',
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('the event log replays one channel only, and forgets the oldest past its count and its bytes', () => {
  const log = new EventLog(3, 1_000);
  log.add(1, '{"a":1}');
  log.add(2, '{"b":1}');
  expect(log.add(1, '{"a":2}').toString()).toBe('id: 1-3\ndata: {"a":2}\n\n');
  expect(log.after(1, 0).map(String)).toEqual(['id: 1-1\ndata: {"a":1}\n\n', 'id: 1-3\ndata: {"a":2}\n\n']);
  expect(log.after(1, 1).map(String)).toEqual(['id: 1-3\ndata: {"a":2}\n\n']);
  log.add(1, '{"a":3}');
  expect(log.after(1, 0)).toHaveLength(2);
  log.add(2, `"${'x'.repeat(990)}"`);
  expect(log.after(1, 0)).toHaveLength(0);
});

test('a queue keeps the newest item even when that alone is too large', () => {
  const queue = new BoundedQueue<string>(2, 10, (item) => item.length);
  expect([queue.push('a'), queue.push('b'), queue.push('c'), queue.push('x'.repeat(50))]).toEqual([
    [],
    [],
    ['a'],
    ['b', 'c'],
  ]);
  expect(queue.takeAll()).toHaveLength(1);
  expect(queue.push('1234567890')).toEqual([]);
});

test('only event ids of the form that the bridge gives are read', () => {
  expect(readEventId('3-15')).toEqual({ channel: 3, number: 15 });
  for (const text of ['', '-', '3', '3-', '-3', '3-1-', 'a-1', '1-b', ' 1-1', '1-1e3', `1-${'9'.repeat(40)}`])
    expect(readEventId(text)).toBeUndefined();
});

test('starts wait after the third quick exit, twice as long each time up to a minute; a long life forgives', () => {
  const damping = new SpawnDamping(bridgeLimits);
  const waits: number[] = [];
  for (let i = 0; i < 12; i += 1) {
    damping.exited(5, 1_000);
    waits.push(damping.waitMs(1_000));
  }
  expect(waits).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
  expect(damping.waitMs(31_000)).toBe(30_000);
  expect(damping.waitMs(61_000)).toBe(0);
  damping.exited(10_000, 61_000);
  damping.exited(5, 61_000);
  expect(damping.waitMs(61_000)).toBe(0);
});

test('no more than 50 lines a second of a server reach the log, and the rest is counted', () => {
  const log = recordingLog();
  const lines = new LineLog(log, bridgeLimits);
  for (let i = 0; i < 80; i += 1) lines.write('info', { upstream: 'u' }, 'stderr', 'z'.repeat(512), 500);
  expect(log.lines).toHaveLength(50);
  expect(log.lines[0]?.fields['line']).toBe('z'.repeat(512));
  lines.write('info', { upstream: 'u' }, 'stderr', 'next', 1_500);
  expect(log.lines.slice(50)).toEqual([
    { level: 'warn', text: 'lines of the server left out of the log', fields: { upstream: 'u', lines: 30 } },
    { level: 'info', text: 'stderr', fields: { upstream: 'u', line: 'next' } },
  ]);
});

test('an exported shell function is not handed to a server, a configured value always is', () => {
  expect(serverEnvironment({ HOME: '() { :; }', PATH: '/bin', AWS_SECRET: 's' }, { A: '() x', PATH: '/own' })).toEqual({
    PATH: '/own',
    A: '() x',
  });
});

test('on Windows a batch file runs through cmd.exe with every argument quoted, a program does not', () => {
  const files = new Set(['C:\\node\\npx.cmd', 'C:\\py\\uvx.exe']);
  const env = { PATH: 'C:\\py;C:\\node' };
  const command = (name: string, args: readonly string[]) => windowsCommand(name, args, env, (path) => files.has(path));
  expect(command('uvx', ['a b'])).toEqual({ file: 'C:\\py\\uvx.exe', args: ['a b'], verbatim: false });
  expect(command('npx', ['a & calc', '"q"', '%PATH%', 'dir\\'])).toEqual({
    file: 'cmd.exe',
    args: [
      '/e:ON',
      '/v:OFF',
      '/d',
      '/s',
      '/c',
      '""C:\\node\\npx.cmd" "a & calc" """q""" "%%cd:~,%PATH%%cd:~,%" "dir\\\\""',
    ],
    verbatim: true,
  });
  expect(command('absent', [])).toEqual({ file: 'absent', args: [], verbatim: false });
  expect(() => command('npx', ['a\nb'])).toThrow(RangeError);
});
