import { expect, test } from 'vitest';
import { Keyring, KeyringError, type KeySpec, loadKeyring } from '../../src/session/keyring.ts';
import { firstKey, gateway, now, resource, ringOf, secondKey } from './ring.ts';

const cheap = { kind: 'pbkdf2-sha256', iterations: 100 } as const;

async function faultsOf(...specs: readonly KeySpec[]): Promise<string[]> {
  try {
    await loadKeyring(specs, { gateway, resource });
  } catch (fault) {
    if (fault instanceof KeyringError) return fault.faults.map(({ path, problem }) => `${path}: ${problem}`);
    throw fault;
  }
  return [];
}

test('there is no session without a key', async () => {
  expect(await faultsOf()).toEqual(['keys: there is no key to seal sessions with']);
});

test('weak and well-known secrets stop the start, whatever their length', async () => {
  for (const secret of [
    '',
    'nineteen characters',
    'default-insecure-seed',
    'DEFAULT_INSECURE_SEED',
    'changeme-changeme-changeme',
    'secret-secret-secret-secret',
    'test-test-test-test-test-test',
    'password1234567890password',
    'my-manifold-session-secret',
    'abcabcabcabcabcabcabcabcabcabc',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'x'.repeat(1_025),
  ]) {
    expect(await faultsOf({ id: 'k', secret, kdf: cheap }), secret).toHaveLength(1);
  }
  for (const secret of ['correct horse battery', 'twentycharacters!!xq', 'the-secret-garden-of-old-ludwig']) {
    expect(await faultsOf({ id: 'k', secret, kdf: cheap }), secret).toEqual([]);
  }
});

test('without a derivation the secret must be 32 random bytes', async () => {
  const kdf = { kind: 'none' } as const;
  for (const secret of [
    'correct horse battery staple, and then some more of it',
    Buffer.alloc(32).toString('base64'),
    Buffer.alloc(32, 'ab').toString('hex'),
    firstKey.secret.slice(0, 40),
  ]) {
    expect(await faultsOf({ id: 'k', secret, kdf }), secret).toHaveLength(1);
  }
});

test('no two keys are one key', async () => {
  expect(await faultsOf(firstKey, { ...firstKey, id: 'other' })).toEqual([
    'key "other".secret: the secret is that of key "first"',
  ]);
  // The same bytes in another spelling: found by the key id.
  const hex = Buffer.from(firstKey.secret, 'base64').toString('hex');
  expect(await faultsOf(firstKey, { ...firstKey, id: 'hex', secret: hex })).toEqual([
    'key "hex": the key has the same kid as key "first"',
  ]);
  expect(await faultsOf(firstKey, { ...secondKey, id: 'first' })).toEqual([
    'key "first".id: the id is that of key "first"',
  ]);
});

test('faults name the key and never its secret', async () => {
  const secret = 'default-insecure-seed';
  await expect(loadKeyring([{ id: '2026-11', secret, kdf: cheap }], { gateway, resource })).rejects.toThrow('2026-11');
  await expect(loadKeyring([{ id: '2026-11', secret, kdf: cheap }], { gateway, resource })).rejects.not.toThrow(secret);
});

test('the first key whose time has come seals; all open until theirs is over', async () => {
  const ring = await ringOf({ ...secondKey, sealFrom: now + 600 }, { ...firstKey, acceptUntil: now + 1_200 });
  const second = ring.epochs.find(({ id }) => id === 'second');
  const first = ring.epochs.find(({ id }) => id === 'first');
  expect(ring.sealing(now).id).toBe('first');
  expect(ring.sealing(now + 599).id).toBe('first');
  expect(ring.sealing(now + 600).id).toBe('second');
  expect(ring.accepting(second!.kid, now)?.id).toBe('second');
  expect(ring.accepting(first!.kid, now + 1_199)?.id).toBe('first');
  expect(ring.accepting(first!.kid, now + 1_200)).toBeUndefined();
  expect(ring.accepting(first!.kid ^ 1, now)).toBeUndefined();
  expect(acceptedAt(ring, now)).toEqual(['first 1', 'second 1', 'second 2', 'first 2']);
  expect(acceptedAt(ring, now + 600)).toEqual(['second 1', 'second 2', 'first 1', 'first 2']);
  expect(acceptedAt(ring, now + 1_200)).toEqual(['second 1', 'second 2']);
});

/** Key and format of each epoch that opens. */
function acceptedAt(ring: Keyring, at: number): string[] {
  return ring.accepted(at).map(({ id, format }) => `${id} ${format}`);
}

test('a key seals in the format that it names, in the first unless it names one, and opens both', async () => {
  const [plain, told] = [await ringOf(firstKey), await ringOf({ ...firstKey, format: 2 })];
  expect(plain.sealing(now).format).toBe(1);
  expect(told.sealing(now).format).toBe(2);
  expect(told.sealing(now).kid).not.toBe(plain.sealing(now).kid);
  for (const ring of [plain, told]) {
    expect(ring.accepting(plain.sealing(now).kid, now)?.format).toBe(1);
    expect(ring.accepting(told.sealing(now).kid, now)?.format).toBe(2);
  }
});

async function kidsOf(kdf: KeySpec['kdf'], secret: string, name: string): Promise<number[]> {
  return (await loadKeyring([{ id: 'k', secret, kdf }], { gateway: name, resource })).epochs.map(({ kid }) => kid);
}

test('with every derivation the name of the gateway is part of the keys of format 2', async () => {
  const [one, other] = [
    await kidsOf({ kind: 'none' }, firstKey.secret, 'one'),
    await kidsOf({ kind: 'none' }, firstKey.secret, 'other'),
  ];
  // Format 1 left it out where nothing is derived, and has to stay as it is.
  expect([one[0] === other[0], one[1] === other[1]]).toEqual([true, false]);
  const phrase = 'seven grey herons walk upstream';
  const [cheapOne, cheapOther] = [await kidsOf(cheap, phrase, 'one'), await kidsOf(cheap, phrase, 'other')];
  expect([cheapOne[0] === cheapOther[0], cheapOne[1] === cheapOther[1]]).toEqual([false, false]);
});

test('a derivation that this machine cannot run is a fault of its key', async () => {
  // As parseKdf would never give it.
  const kdf = { kind: 'scrypt', N: 65_536, r: 1, p: 1 } as const;
  const secret = 'seven grey herons walk upstream';
  expect(await faultsOf({ id: 'k', secret, kdf })).toEqual([
    'key "k".kdf: the key derivation scrypt:65536:1:1 cannot be run on this machine',
  ]);
});

test('a ring in which no key may seal says so', async () => {
  const ring = await ringOf({ ...firstKey, sealFrom: now + 1 });
  expect(() => ring.sealing(now)).toThrow('no key of the ring may seal');
  expect(() => new Keyring([]).sealing(now)).toThrow('no key of the ring may seal');
});

test('what one replica derives for another use, every replica that accepts the key can verify', async () => {
  const early = await ringOf(secondKey, firstKey);
  const late = await ringOf(firstKey, secondKey);
  expect(late.deriveAccepted('peers', now)).toContainEqual(early.derive('peers', now));
  expect(early.deriveAccepted('peers', now)).toContainEqual(late.derive('peers', now));
  expect(early.derive('peers', now)).not.toEqual(early.derive('other', now));
  expect(early.derive('peers', now)).toHaveLength(32);
});

test('a key that comes while the ring is in use opens at once and seals later; one that stays is the same object', async () => {
  const ring = await ringOf(firstKey);
  const before = ring.sealing(now);
  ring.take(await ringOf(secondKey, { ...firstKey, acceptUntil: now + 500 }), now, 120);
  expect(ring.sealing(now)).toBe(before);
  expect(ring.sealing(now + 119)).toBe(before);
  const after = ring.sealing(now + 120);
  expect(after.id).toBe(secondKey.id);
  expect(ring.accepting(after.kid, now)).toBe(after);
  expect(ring.accepting(before.kid, now + 499)).toBe(before);
  expect(ring.accepting(before.kid, now + 500)).toBeUndefined();
});

test('a key that comes in the place of all others seals at once, and those open no more', async () => {
  const ring = await ringOf(firstKey);
  const { kid } = ring.sealing(now);
  ring.take(await ringOf(secondKey), now, 120);
  expect(ring.sealing(now).id).toBe(secondKey.id);
  expect(ring.accepting(kid, now)).toBeUndefined();
});
