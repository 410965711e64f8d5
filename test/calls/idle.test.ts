/** A draining process waits for answers that are not out yet, and for calls that wait for their clients. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Idle } from '../../src/calls/idle.ts';

const aResponse = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()));
const longMs = 60_000;

/** Whether `wait` is over, once what can happen at once has happened. */
async function isOver(wait: Promise<void>): Promise<boolean> {
  const tick = new Promise<boolean>((resolve) => setImmediate(resolve, false));
  return await Promise.race([wait.then(() => true), tick]);
}

test('nothing to wait for', async () => expect(await isOver(new Idle({ size: 0 }).wait(longMs))).toBe(true));

test('it is idle with the close of the last response', async () => {
  const idle = new Idle({ size: 0 });
  const [one, two] = [aResponse(), aResponse()];
  idle.begun(one);
  idle.begun(two);
  const wait = idle.wait(longMs);
  one.emit('close');
  expect(await isOver(wait)).toBe(false);
  two.emit('close');
  expect(await isOver(wait)).toBe(true);
});

test('a call that waits for its client counts until it is told to look again', async () => {
  const parked = new Set([1]);
  const idle = new Idle(parked);
  const wait = idle.wait(longMs);
  idle.check();
  expect(await isOver(wait)).toBe(false);
  parked.clear();
  idle.check();
  expect(await isOver(wait)).toBe(true);
});

test('patience ends', async () => {
  const idle = new Idle({ size: 1 });
  await idle.wait(1);
  expect(await isOver(idle.wait(longMs))).toBe(false);
});
