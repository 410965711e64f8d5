import { expect, test } from 'vitest';
import {
  argon2idNative,
  argon2idPortable,
  canonicalKdf,
  deriveIkm,
  hasNativeArgon2,
  KdfError,
  kdfWarning,
  parseKdf,
  rawKey,
} from '../../src/session/kdf.ts';

const passphrase = 'correct horse battery staple';

test('a name alone takes the default figures, and every spec has one spelling', () => {
  for (const [text, canonical] of [
    ['none', 'none'],
    ['scrypt', 'scrypt:131072:8:1'],
    ['scrypt:16384:8:2', 'scrypt:16384:8:2'],
    ['pbkdf2-sha256', 'pbkdf2-sha256:600000'],
    ['pbkdf2-sha256:100', 'pbkdf2-sha256:100'],
    ['argon2id', 'argon2id:19456:2:1'],
    ['argon2id:65536:3:4', 'argon2id:65536:3:4'],
  ] as const) {
    expect(canonicalKdf(parseKdf(text))).toBe(canonical);
  }
});

test('figures at their bounds are taken', () => {
  for (const text of [
    'scrypt:1048576:8:1',
    'scrypt:2:1:1',
    'pbkdf2-sha256:100',
    'pbkdf2-sha256:10000000',
    'argon2id:1048576:4:1',
    'argon2id:8:1:1',
    'argon2id:512:1:64',
  ]) {
    expect(canonicalKdf(parseKdf(text))).toBe(text);
  }
});

test('figures past their bounds, and anything else, are refused with what would be right', () => {
  for (const [text, remedy] of [
    ['', 'use scrypt'],
    ['bcrypt', 'use scrypt'],
    ['md5', 'use scrypt'],
    ['pbkdf2-md5:600000', 'use scrypt'],
    ['scrypt:2^40:8:1', 'whole numbers'],
    ['scrypt:1099511627776:8:1', 'too large'],
    ['scrypt:4294967296:8:1', 'at most 1 GiB'],
    ['scrypt:65536:1:1', 'at most 32768'],
    ['pbkdf2-sha256:1e9', 'whole numbers'],
    ['pbkdf2-sha256:99999999999999999999', 'too large'],
    ['Scrypt', 'use scrypt'],
    ['none:1', 'takes no figures'],
    ['scrypt:', 'scrypt:131072:8:1'],
    ['scrypt:16384', 'scrypt:131072:8:1'],
    ['scrypt:16384:8:1:1', 'scrypt:131072:8:1'],
    ['scrypt:16384:8:-1', 'scrypt:131072:8:1'],
    ['scrypt:016384:8:1', 'scrypt:131072:8:1'],
    ['scrypt:16384:8:1e3', 'scrypt:131072:8:1'],
    ['scrypt:16384:8:99999999999', 'scrypt:131072:8:1'],
    ['scrypt:1:8:1', 'power of two'],
    ['scrypt:100000:8:1', 'power of two'],
    ['scrypt:1048576:9:1', 'at most 1 GiB'],
    ['scrypt:1048576:8:2', 'at most 8388608'],
    ['pbkdf2-sha256:99', 'from 100 to 10000000'],
    ['pbkdf2-sha256:10000001', 'from 100 to 10000000'],
    ['argon2id:1048577:1:1', 'at most 1048576 KiB'],
    ['argon2id:1048576:5:1', 'at most 4194304'],
    ['argon2id:7:1:1', 'at least 8 KiB'],
    ['argon2id:1024:1:65', 'at most 64'],
  ] as const) {
    expect(() => parseKdf(text), text).toThrow(remedy);
    expect(() => parseKdf(text), text).toThrow(KdfError);
  }
});

test('figures too cheap for a passphrase are allowed and warned of', () => {
  for (const text of ['pbkdf2-sha256:99999', 'scrypt:8192:8:1', 'argon2id:7167:2:1']) {
    expect(kdfWarning(parseKdf(text)), text).toContain(text);
  }
  for (const text of ['none', 'pbkdf2-sha256:100000', 'scrypt:16384:8:1', 'argon2id:7168:5:1', 'scrypt', 'argon2id']) {
    expect(kdfWarning(parseKdf(text)), text).toBeUndefined();
  }
});

// Expected bytes: Python's hashlib (scrypt, PBKDF2) and its `cryptography` package (argon2id), RFC 7914, 8018, 9106.
test('each derivation gives the bytes that other implementations give', async () => {
  for (const [text, hex] of [
    ['scrypt:16384:8:1', '4ef51e01828aee741c20df4f56e71b73e86e86695dea346f2bfcc5086036cc44'],
    ['pbkdf2-sha256:1000', '457bf5926dff94f4eb2ffd111cf94934e8aaa2c1698e78fc60597a503e17f117'],
    ['argon2id:256:2:1', '2c2d0beb61e5db05aa96e39b199e4fd6557ca6b209e01332b4954836767c901f'],
  ] as const) {
    const ikm = await deriveIkm(passphrase, parseKdf(text), 'manifold');
    expect(ikm.toString('hex'), text).toBe(hex);
  }
});

test('argon2id gives the same bytes with and without the help of Node', async () => {
  const salt = Buffer.from('d2fb04ac47795d928c092e29cd34254c', 'hex');
  const spec = { kind: 'argon2id', memoryKiB: 256, passes: 2, parallelism: 1 } as const;
  const hex = '2c2d0beb61e5db05aa96e39b199e4fd6557ca6b209e01332b4954836767c901f';
  expect((await argon2idPortable(passphrase, salt, spec)).toString('hex')).toBe(hex);
  // Node has its own from 24.7 on; on an older one there is nothing to compare.
  if (hasNativeArgon2) expect((await argon2idNative(passphrase, salt, spec)).toString('hex')).toBe(hex);
});

async function derive(kdf: string, gateway: string): Promise<string> {
  return (await deriveIkm(passphrase, parseKdf(kdf), gateway)).toString('hex');
}

test('the figures and the name of the gateway are part of the key', async () => {
  const keys = await Promise.all([
    derive('pbkdf2-sha256:100', 'manifold'),
    derive('pbkdf2-sha256:101', 'manifold'),
    derive('pbkdf2-sha256:100', 'other'),
    derive('scrypt:2:1:1', 'manifold'),
    derive('scrypt:2:1:2', 'manifold'),
  ]);
  expect(new Set(keys).size).toBe(5);
});

test('a raw key may be written in hexadecimal, base64 or base64url, padded or not', () => {
  const hex = 'fbff00112233445566778899aabbccddeeff0123456789abcdef00112233fbff';
  const base64 = '+/8AESIzRFVmd4iZqrvM3e7/ASNFZ4mrze8AESIz+/8=';
  const base64url = base64.replaceAll('+', '-').replaceAll('/', '_');
  for (const text of [hex, hex.toUpperCase(), base64, base64.replace('=', ''), base64url, base64url.replace('=', '')]) {
    expect(rawKey(text).toString('hex'), text).toBe(hex);
  }
  for (const text of [`${base64}\n`, `${base64.slice(0, -1)}!`, 'not base64 at all, but long enough to be a key']) {
    expect(rawKey(text).length, text).toBe(0);
  }
});

test('every figure that is allowed can be run', async () => {
  for (const text of ['scrypt:32768:1:1', 'scrypt:2:4096:1', 'scrypt:2:1:64', 'argon2id:64:1:8', 'pbkdf2-sha256:100'])
    expect((await deriveIkm(passphrase, parseKdf(text), 'manifold')).length, text).toBe(32);
});
