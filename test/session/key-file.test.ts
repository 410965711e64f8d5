import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { generateKeyFile, KeyringError, parseKeyFile } from '../../src/session/keyring.ts';

const good = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

/** The faults of a text, as `path: problem`. */
function faultsOf(text: string): string[] {
  try {
    parseKeyFile(text, 'keys.json');
  } catch (fault) {
    if (fault instanceof KeyringError) return fault.faults.map(({ path, problem }) => `${path}: ${problem}`);
    throw fault;
  }
  return [];
}

function fileOf(...keys: readonly unknown[]): string {
  return JSON.stringify({ keys });
}

test('a key file gives its keys in order, times as Unix seconds', () => {
  const text = fileOf(
    { id: '2026-12', secret: good, kdf: 'none', sealFrom: '2026-12-01T00:00:00Z' },
    {
      id: '2026-11',
      secret: 'correct horse battery staple',
      acceptUntil: '2026-12-03T02:00:00.5+02:00',
    },
  );
  expect(parseKeyFile(text, 'keys.json')).toEqual([
    { id: '2026-12', secret: good, kdf: { kind: 'none' }, sealFrom: 1796083200 },
    {
      id: '2026-11',
      secret: 'correct horse battery staple',
      kdf: { kind: 'scrypt', N: 131072, r: 8, p: 1 },
      acceptUntil: 1796256000,
    },
  ]);
});

test('all faults come at once, each with its path', () => {
  const text = JSON.stringify({
    kyes: [],
    keys: [
      { id: 'a b', secret: 'short', kdf: 'scrypt' },
      { id: 'x', secret: good, kdf: 'md5', sealFrom: 'tomorrow', sealfrom: 1 },
      'nothing',
      { id: 'y', secret: 7, kdf: 'none', acceptUntil: '2026-13-01T00:00:00Z' },
      { id: 'z', secret: good, kdf: 'none', sealFrom: '2026-12-01T00:00:00Z', acceptUntil: '2026-12-01T00:00:00Z' },
      { id: 'z', secret: good, kdf: 'none' },
    ],
  });
  expect(faultsOf(text)).toEqual([
    'kyes: this member is not known',
    'keys[1].sealfrom: this member is not known',
    'keys[1].kdf: "md5" is no key derivation; use scrypt, pbkdf2-sha256:600000, argon2id:19456:2:1 or none',
    'keys[1].sealFrom: "sealFrom" must be a time with its zone (RFC 3339)',
    'keys[2]: a key is an object',
    'keys[3].secret: "secret" must be a text',
    'keys[3].acceptUntil: "acceptUntil" must be a time with its zone (RFC 3339)',
    'keys[0].id: a key id is 1 to 64 characters out of A-Z a-z 0-9 . _ -',
    'keys[0].secret: the secret has fewer than 20 characters',
    'keys[4].acceptUntil: the key would be refused before it may seal',
    'keys[5].id: the id is that of keys[4]',
    'keys[5].secret: the secret is that of keys[4]',
  ]);
});

test('a key may say what it seals in, by a number that is known', () => {
  const key = { id: 'k', secret: good, kdf: 'none' };
  expect(parseKeyFile(fileOf({ ...key, format: 2 }), 'keys.json')[0]?.format).toBe(2);
  expect(parseKeyFile(fileOf(key), 'keys.json')[0]).not.toHaveProperty('format');
  for (const format of [0, 3, '2', null, [2]])
    expect(faultsOf(fileOf({ ...key, format })), String(format)).toEqual([
      'keys[0].format: "format" must be one of 1, 2',
    ]);
});

test('a file without keys is refused', () => {
  for (const text of ['', 'null', '[]', '{}', '{"keys":{}}', '{"keys":[]}']) {
    expect(faultsOf(text), text).toHaveLength(1);
  }
});

test('a file past its bounds is refused', () => {
  expect(faultsOf(' '.repeat(262_145))).toEqual(['keys: the file is longer than 262144 characters']);
  const keys = Array.from({ length: 17 }, (_, index) => ({
    id: `k${index}`,
    secret: randomBytes(32).toString('base64'),
    kdf: 'none',
  }));
  expect(faultsOf(fileOf(...keys))).toEqual(['keys: there are more than 16 keys']);
  expect(faultsOf(fileOf(...keys.slice(1)))).toEqual([]);
});

test('no fault shows a secret, not even one that stands in the wrong place', () => {
  const secret = 'hunter2hunter2hunter2';
  for (const text of [
    `{"keys":[{"id":"a","secret":"${secret}`,
    fileOf({ id: 'a', secret: `${secret}!`.slice(0, 19) }),
    fileOf({ id: secret.repeat(4), secret }, { id: 'b', secret }),
    fileOf({ id: 'a', [secret]: 'secret' }),
    JSON.stringify({ [secret]: 1, keys: [] }),
    fileOf(secret),
  ]) {
    expect(() => parseKeyFile(text, 'keys.json')).toThrow(KeyringError);
    expect(() => parseKeyFile(text, 'keys.json'), text).not.toThrow(/hunter/);
  }
});

test('a generated file reads back as one key of 32 random bytes, named after the day', () => {
  const text = generateKeyFile((bytes) => Buffer.from(Array.from({ length: bytes }, (_, i) => i + 1)), 1_800_000_000);
  expect(parseKeyFile(text, 'keys.json')).toEqual([
    { id: '2027-01-15-0102', secret: 'AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=', kdf: { kind: 'none' } },
  ]);
  expect(faultsOf(generateKeyFile(randomBytes, 1_800_000_000))).toEqual([]);
});
