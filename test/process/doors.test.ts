/** The end of listening: whoever has connected by then is accepted, so that the kernel has nobody to reset. */
import { createServer } from 'node:net';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { takeAllWaiting } from '../../src/process/doors.ts';

/** How many turns of the loop it waits while a connection comes in each of the first `rush`. */
async function turnsUnder(rush: number): Promise<number> {
  const server = createServer();
  const waiting = { isOver: false };
  void takeAllWaiting(server).then(() => (waiting.isOver = true));
  let turns = 0;
  while (!waiting.isOver && turns < 5_000) {
    if (turns < rush) server.emit('connection');
    turns += 1;
    await turnOfTheLoop();
  }
  return turns;
}

test('it waits for ten turns of the loop without a connection', async () => {
  expect(await turnsUnder(0)).toBeGreaterThanOrEqual(10);
  expect(await turnsUnder(0)).toBeLessThan(20);
  expect(await turnsUnder(100)).toBeGreaterThanOrEqual(110);
  expect(await turnsUnder(100)).toBeLessThan(120);
});

test('a rush that never pauses holds it up for a thousand turns and no longer', async () => {
  const turns = await turnsUnder(5_000);
  expect(turns).toBeGreaterThanOrEqual(1_000);
  expect(turns).toBeLessThan(1_010);
});
