import { decodeProtectedHeader, exportJWK, generateKeyPair, generateSecret, type JWK } from 'jose';
import { afterEach, expect, test } from 'vitest';
import { discovered } from '../../../src/transport/authorization/discovery.ts';
import {
  localKeys,
  maxKeys,
  maxKeySetBytes,
  remoteKeys,
  type KeySet,
} from '../../../src/transport/authorization/key-sets.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';
import { authorizationServer, type AuthorizationServer, type Served } from '../../support/oidc.ts';

const egress = guardedEgress({ allowLoopback: true });
const open: AuthorizationServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const clock = { ahead: 0 };
const now = (): number => Date.now() + clock.ahead;
afterEach(() => {
  clock.ahead = 0;
});

async function server(served?: Served): Promise<AuthorizationServer> {
  const made = await authorizationServer(served);
  open.push(made);
  return made;
}

/** Whether there is a key for the token; the name of the fault if not. */
async function found(keys: KeySet, token: string): Promise<string> {
  return Promise.resolve(
    keys.key(decodeProtectedHeader(token) as { alg: string }, { payload: '', signature: '' }),
  ).then(
    () => 'found',
    (fault: unknown) => (fault instanceof Error ? fault.name : String(fault)),
  );
}

function fetches({ asked }: AuthorizationServer): number {
  return asked.filter((path) => path === '/jwks').length;
}

test('keys are fetched once, from the URL or through the metadata', async () => {
  const as = await server();
  const token = await as.token();
  const given = remoteKeys({ from: `${as.issuer}/jwks` }, egress.fetch, now);
  expect(await Promise.all(Array.from({ length: 50 }, () => found(given, token)))).toEqual(Array(50).fill('found'));
  expect(fetches(as)).toBe(1);
  const through = remoteKeys({ from: discovered(as.issuer, egress.fetch, now) }, egress.fetch, now);
  expect(await found(through, token)).toBe('found');
  expect(fetches(as)).toBe(2);
});

test('new keys are found by the tokens that name them, and old ones end', async () => {
  const as = await server();
  const keys = remoteKeys({ from: `${as.issuer}/jwks` }, egress.fetch, now);
  const old = await as.token();
  expect(await found(keys, old)).toBe('found');
  await as.rotate();
  const fresh = await as.token();
  clock.ahead += 30_000;
  expect(await found(keys, fresh)).toBe('found');
  expect(await found(keys, old)).toBe('JWKSNoMatchingKey');
  expect(fetches(as)).toBe(2);
});

test('made-up keys cost one fetch in 30 s', async () => {
  const as = await server();
  const keys = remoteKeys({ from: `${as.issuer}/jwks` }, egress.fetch, now);
  await keys.load();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 50; i++) {
      expect(await found(keys, await as.sign({}, { kid: `made-up-${round}-${i}` }))).toBe('JWKSNoMatchingKey');
    }
    expect(fetches(as)).toBe(round + 1);
    clock.ahead += 30_000;
  }
});

test('a failing server is asked once in 10 s, and what is known goes on for a day', async () => {
  const as = await server();
  const keys = remoteKeys({ from: `${as.issuer}/jwks` }, egress.fetch, now);
  const token = await as.token();
  await keys.load();
  as.down();
  clock.ahead += 3_600_000;
  const before = fetches(as);
  for (let i = 0; i < 50; i++) expect(await found(keys, token)).toBe('found');
  expect(fetches(as)).toBe(before + 1);
  // Nobody can tell whether a new key is one of theirs.
  expect(await found(keys, await as.sign({}, { kid: 'new' }))).toBe('Unavailable');
  clock.ahead += 86_400_000;
  expect(await found(keys, token)).toBe('Unavailable');
  as.up();
  clock.ahead += 10_000;
  expect(await found(keys, token)).toBe('found');
});

test('without keys a failing server is asked once in 10 s, too', async () => {
  const as = await server();
  const token = await as.token();
  as.down();
  const keys = remoteKeys({ from: `${as.issuer}/jwks` }, egress.fetch, now);
  for (let i = 0; i < 50; i++) expect(await found(keys, token)).toBe('Unavailable');
  expect(fetches(as)).toBe(1);
});

async function publicKey(): Promise<JWK> {
  return exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);
}

test('a set has at most 100 keys and 512 KiB, and one that verifies signatures', async () => {
  const key = await publicKey();
  const as = await server();
  const loads = async (document: unknown): Promise<string> => {
    as.say('/jwks', JSON.stringify(document));
    return remoteKeys({ from: `${as.issuer}/jwks` }, egress.fetch, now)
      .load()
      .then(
        () => 'loaded',
        () => 'refused',
      );
  };
  const set = (count: number): { keys: JWK[] } => ({
    keys: Array.from({ length: count }, (_, i) => ({ ...key, kid: String(i) })),
  });
  expect(await loads(set(maxKeys))).toBe('loaded');
  expect(await loads(set(maxKeys + 1))).toBe('refused');
  expect(await loads({ ...set(1), padding: 'x'.repeat(maxKeySetBytes) })).toBe('refused');
  expect(await loads({ ...set(1), padding: 'x'.repeat(maxKeySetBytes - 1_000) })).toBe('loaded');
  const secret = await exportJWK(await generateSecret('HS256', { extractable: true }));
  for (const document of [
    { keys: [] },
    { keys: [secret] },
    { keys: [{ ...key, use: 'enc' }] },
    { keys: {} },
    [],
    null,
    'x',
  ]) {
    expect(await loads(document)).toBe('refused');
    expect(() => localKeys(document)).toThrow();
  }
  expect(() => localKeys(set(1))).not.toThrow();
});
