/** What replicas tell one another: authenticated by the key ring, bounded, and heard before it is answered (protocol.md D8). */
import express from 'express';
import pino from 'pino';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Keyring } from '../../../src/session/keyring.ts';
import { readNotice, type Notice } from '../../../src/transport/peers/notice.ts';
import { Peers } from '../../../src/transport/peers/peers.ts';
import { listen } from '../../support/listener.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { closedAtTheEnd } from '../../support/started.ts';
import { firstKey, now, ringOf, secondKey } from '../../session/ring.ts';

const jti = 'abcdefghijklmnopqrstuv';
const notices: readonly Notice[] = [
  { kind: 'ended', jti, expiresAt: now + 60 },
  { kind: 'cancelled', jti, requestId: '"a\\"b"' },
  { kind: 'level', jti, level: 'warning', expiresAt: now + 60 },
  { kind: 'watching', jti, upstream: 4_294_967_295, uri: 'memo://a b', on: true, expiresAt: now + 60 },
  { kind: 'changed', upstream: 1, list: 'tools', audience: 'a b' },
  { kind: 'changed', upstream: 1, list: 'resources' },
];

let keyring: Keyring;
let port: number;
const heard: Notice[] = [];
/** What the hearing takes. */
let hearing: Promise<void>;

function peersOf(name: string | undefined, ring = keyring, at = now): Peers {
  const peers = new Peers(name, 80, ring, pino({ level: 'silent' }), () => at);
  closedAtTheEnd(() => peers.close());
  return peers;
}

beforeAll(async () => {
  keyring = await ringOf(firstKey);
  const app = express();
  peersOf(undefined).receive(app, async (notice) => {
    await hearing;
    heard.push(notice);
  });
  const listener = await listen(app);
  closedAtTheEnd(() => listener.stop());
  port = listener.port;
});

beforeEach(() => {
  heard.length = 0;
  hearing = Promise.resolve();
});

test('each kind of notice arrives as it was told', async () => {
  const peers = peersOf(`127.0.0.1:${port}`);
  for (const notice of notices) await peers.tell(notice);
  expect(heard).toEqual(notices);
});

test('one is told when its hearer is done with it, so that what comes after finds it done', async () => {
  const slow = Promise.withResolvers<void>();
  hearing = slow.promise;
  let isTold = false;
  const told = peersOf(`127.0.0.1:${port}`)
    .tell(notices[0]!)
    .then(() => (isTold = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isTold).toBe(false);
  slow.resolve();
  await told;
  expect(heard).toHaveLength(1);
});

test('nothing is heard of a teller with another key, or with a clock that is over a minute off', async () => {
  const other = await ringOf(secondKey);
  await peersOf(`127.0.0.1:${port}`, other).tell(notices[0]!);
  await peersOf(`127.0.0.1:${port}`, keyring, now - 61).tell(notices[0]!);
  await peersOf(`127.0.0.1:${port}`, keyring, now + 61).tell(notices[0]!);
  expect(heard).toEqual([]);
  await peersOf(`127.0.0.1:${port}`, keyring, now - 60).tell(notices[0]!);
  expect(heard).toHaveLength(1);
});

test('a flood is not passed on: past 256 at once only the end of a session is told', async () => {
  const held = await startRawServer(() => {});
  const peers = peersOf(`127.0.0.1:${held.port}`);
  const told = Array.from({ length: 300 }, () => peers.tell(notices[1]!));
  told.push(peers.tell(notices[0]!));
  await expect.poll(() => held.requests.length, { timeout: 10_000 }).toBe(257);
  await held.stop();
  await Promise.all(told);
  expect(held.requests.filter(({ body }) => body.includes('"ended"'))).toHaveLength(1);
});

test('what is no notice is none', () => {
  const level = { kind: 'level', jti, level: 'warning', expiresAt: 1 };
  const watching = { kind: 'watching', jti, upstream: 1, uri: 'a:b', on: true, expiresAt: 1 };
  const cancelled = { kind: 'cancelled', jti, requestId: '1' };
  const changed = { kind: 'changed', upstream: 1, list: 'prompts', audience: 'x'.repeat(128) };
  for (const notice of [level, watching, cancelled, changed])
    expect(readNotice(JSON.stringify({ notice, at: 1 }))).toEqual({ notice, at: 1 });
  for (const notice of [
    { ...level, kind: 'other' },
    { ...level, jti: 'short' },
    { ...level, level: 'loud' },
    { ...level, more: 1 },
    { ...watching, upstream: 4_294_967_296 },
    { ...watching, uri: 'x'.repeat(2_049) },
    { ...watching, on: 1 },
    { ...cancelled, requestId: '' },
    { ...cancelled, requestId: 'x'.repeat(513) },
    { ...changed, list: 'resourceTemplates' },
    { ...changed, audience: 'x'.repeat(129) },
    null,
  ])
    expect(readNotice(JSON.stringify({ notice, at: 1 })), JSON.stringify(notice).slice(0, 99)).toBeUndefined();
  expect(readNotice('{')).toBeUndefined();
});
