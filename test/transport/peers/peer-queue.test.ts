import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Notice } from '../../../src/transport/peers/notice.ts';
import { PeerQueue, type PeerAnswer } from '../../../src/transport/peers/peer-queue.ts';

const jtiOf = (at: number): string => String(at).padStart(22, 'A');
const ended = (at: number): Notice => ({ kind: 'ended', jti: jtiOf(at), expiresAt: 1 });
const level = (at: number): Notice => ({ kind: 'level', jti: jtiOf(at), level: 'info', expiresAt: 1 });
const watching = (on: boolean): Notice => ({
  kind: 'watching',
  jti: jtiOf(1),
  upstream: 1,
  uri: 'a:b',
  on,
  expiresAt: 1,
});

/** A peer that answers as told, each message when it is let go. */
function peer(): {
  queue: PeerQueue;
  messages: Notice[][];
  answer: (said: PeerAnswer) => Promise<void>;
  formats: number[];
} {
  const messages: Notice[][] = [];
  const formats: number[] = [];
  const waiting: ((said: PeerAnswer) => void)[] = [];
  const queue = new PeerQueue((format, texts) => {
    formats.push(format);
    messages.push(texts.map((text) => JSON.parse(text) as Notice));
    return new Promise((resolve) => waiting.push(resolve));
  });
  const answer = async (said: PeerAnswer): Promise<void> => {
    for (const resolve of waiting.splice(0)) resolve(said);
    await sleep(0);
  };
  return { queue, messages, answer, formats };
}

const add = (queue: PeerQueue, notice: Notice): Promise<void> => queue.add(notice, JSON.stringify(notice));
const many = { status: 204, reads: 2 } as const;

test('2,048 notices wait for one peer; past them the oldest give way, the ends of sessions last', async () => {
  const { queue, messages, answer } = peer();
  const gone: string[] = [];
  const told = (notice: Notice): void => void add(queue, notice).then(() => gone.push(JSON.stringify(notice)));
  for (let at = 0; at < 4; at += 1) told(ended(at));
  await sleep(0);
  expect(messages).toHaveLength(4);
  told(level(1));
  for (let at = 4; at < 2_051; at += 1) told(ended(at));
  told(level(2));
  told(level(3));
  await sleep(0);
  expect(gone).toEqual([level(1), level(2)].map((notice) => JSON.stringify(notice)));
  told(ended(2_051));
  told(ended(2_052));
  await sleep(0);
  expect(gone.slice(2)).toEqual([level(3), ended(4)].map((notice) => JSON.stringify(notice)));
  for (let round = 0; round < 9; round += 1) await answer(many);
  expect(messages.flat()).toHaveLength(2_052);
  expect(gone).toHaveLength(2_056);
});

test('of what is said again, the latest place counts: on, off, on ends with on', async () => {
  const { queue, messages, answer } = peer();
  for (let at = 0; at < 4; at += 1) void add(queue, level(at));
  await sleep(0);
  for (const on of [true, false, true]) void add(queue, watching(on));
  await answer(many);
  expect(messages.slice(4).flat()).toEqual([watching(false), watching(true)]);
});

test('what was refused together is told in its order, before what has come since', async () => {
  const { queue, messages, answer, formats } = peer();
  const done: number[] = [];
  void add(queue, level(0));
  await sleep(0);
  await answer(many);
  for (const at of [1, 2]) void add(queue, level(at)).then(() => done.push(at));
  await sleep(0);
  expect(messages.at(-1)).toEqual([level(1), level(2)]);
  void add(queue, level(1)).then(() => done.push(1));
  void add(queue, level(3)).then(() => done.push(3));
  // The second message waits until the peer has said of the first that it is of the release before.
  await answer({ status: 404, reads: 1 });
  for (let round = 0; round < 3; round += 1) await answer({ status: 204, reads: 1 });
  expect(formats.slice(0, 2)).toEqual([1, 2]);
  expect(formats.slice(-2)).toEqual([1, 1]);
  expect(done.toSorted((a, b) => a - b)).toEqual([1, 1, 2, 3]);
});

test('a peer that is not reached three times in a row is told nothing more of what waits', async () => {
  const { queue, messages, answer } = peer();
  const all = Array.from({ length: 50 }, (_, at) => add(queue, ended(at)));
  await sleep(0);
  await answer(undefined);
  await Promise.all(all);
  expect(messages).toHaveLength(4);
  void add(queue, ended(99));
  await sleep(0);
  expect(messages).toHaveLength(5);
});

test('whoever waits is let go at the end', async () => {
  const { queue } = peer();
  const all = Array.from({ length: 9 }, (_, at) => add(queue, ended(at)));
  await sleep(0);
  queue.close();
  await Promise.all(all.slice(4));
});
