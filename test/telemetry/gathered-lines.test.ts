import { describe, expect, test } from 'vitest';
import { GatheredLines } from '../../src/telemetry/gathered-lines.ts';

class Written {
  destroyed = false;
  readonly parts: string[] = [];
  flushed = 0;

  write(part: string): void {
    this.parts.push(part);
  }

  flush(done?: () => void): void {
    this.flushed += 1;
    done?.();
  }
}

describe('lines of the log', () => {
  test('wait for 16 KiB, and go as one', () => {
    const to = new Written();
    const lines = new GatheredLines(to);
    const line = `${'x'.repeat(1023)}\n`;
    for (let n = 0; n < 15; n += 1) lines.write(line);
    expect(to.parts).toEqual([]);
    lines.write(line);
    expect(to.parts).toEqual([line.repeat(16)]);
  });

  test('wait for a second', async () => {
    const to = new Written();
    new GatheredLines(to).write('one\n');
    await expect.poll(() => to.parts, { timeout: 20_000 }).toEqual(['one\n']);
  });

  test('are out when a flush is', () => {
    const to = new Written();
    const lines = new GatheredLines(to);
    lines.write('one\n');
    lines.write('two\n');
    let isDone = false;
    lines.flush(() => (isDone = true));
    expect([to.parts, to.flushed, isDone]).toEqual([['one\ntwo\n'], 1, true]);
  });

  test('are written before the process ends', () => {
    const to = new Written();
    new GatheredLines(to).write('last\n');
    process.emit('beforeExit', 0);
    expect(to.parts).toEqual(['last\n']);
  });

  test('of a destination that is gone are dropped', () => {
    const to = new Written();
    const lines = new GatheredLines(to);
    to.destroyed = true;
    lines.write('x'.repeat(20_000));
    expect(to.parts).toEqual([]);
  });
});
