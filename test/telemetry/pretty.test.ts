/** Log lines for people: their form, their colours, and that they wait for the greeting. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { prettyLine, prettyOutput } from '../../src/telemetry/pretty.ts';

const line = '{"level":"warn","time":"2026-11-28T03:29:53.548Z","upstream":"a","ms":7,"msg":"upstream is down"}\n';

/** A stream that is no terminal, and what was written to it. */
function recording() {
  const stream = new PassThrough();
  return { stream, written: () => String(stream.read() ?? '') };
}

describe('a line', () => {
  const plain = recording().stream;

  test('has its time, level, message and fields', () => {
    expect(prettyLine(line, plain)).toBe('03:29:53 WARN  upstream is down upstream=a ms=7\n');
  });

  test('shows a stack below, and cannot move the cursor', () => {
    const err = { message: 'm', stack: 'Error: m\n    at x' };
    const evil = JSON.stringify({ level: 'error', msg: '\u001B[31mred\r\nnext', peer: { a: '\u0007' }, err });
    expect(prettyLine(evil, plain)).toBe(' ERROR red next peer={"a":"\\u0007"}\n    Error: m\n        at x\n');
  });

  test('that is no object passes as it is', () => {
    for (const odd of ['plain text\n', '7\n']) expect(prettyLine(odd, plain)).toBe(odd);
  });
});

describe('lines', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('wait until they are released, and no more then', () => {
    const { stream, written } = recording();
    const output = prettyOutput(stream);
    output.write(line);
    expect(written()).toBe('');
    output.release();
    expect(written()).toBe(prettyLine(line, stream));
    output.write(line);
    expect(written()).toBe(prettyLine(line, stream));
  });

  test('wait no longer than 15 s, and no more than 1,000 do', () => {
    const late = recording();
    prettyOutput(late.stream).write(line);
    vi.advanceTimersByTime(14_999);
    expect(late.written()).toBe('');
    vi.advanceTimersByTime(1);
    expect(late.written()).not.toBe('');

    const many = recording();
    const output = prettyOutput(many.stream);
    for (let i = 0; i < 1_000; i += 1) output.write(line);
    expect(many.written()).toBe('');
    output.write(line);
    expect(many.written().split('\n')).toHaveLength(1_002);
    output.release();
  });
});

/* util-linux has it; elsewhere its arguments are others. */
const hasTerminal = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

describe.runIf(hasTerminal)('on a terminal', () => {
  const log = fileURLToPath(new URL('../../src/telemetry/log.ts', import.meta.url));
  const program = `const { createLog } = await import(${JSON.stringify(log)}); createLog("info").info({ a: 1 }, "hi");`;

  async function shown(env: Readonly<Record<string, string>>, redirect = ''): Promise<string> {
    const command = `'${process.execPath}' --disable-warning=ExperimentalWarning --input-type=module -e '${program}'${redirect}`;
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], TERM: 'xterm-256color', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [out] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    return out;
  }

  test('lines are in colour, unless NO_COLOR is set; elsewhere they are JSON', async () => {
    expect(await shown({})).toContain('\u001B[32mINFO \u001B[39m hi');
    expect(await shown({ NO_COLOR: '1' })).toMatch(/^\d\d:\d\d:\d\d INFO {2}hi a=1\r\n$/);
    expect(await shown({}, ' 2>&1 | cat')).toMatch(/^\{"level":"info",.*"a":1,"msg":"hi"\}\r\n$/);
  });
});
