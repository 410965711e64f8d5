/** Keys, a clock and a random source that give the same bytes each time, for the tests of sealed identifiers. */
import { loadKeyring, type Keyring, type KeySpec } from '../../src/session/keyring.ts';

export const now = 1_800_000_000;
export const gateway = 'manifold';
export const resource = 'https://gw.example/mcp';
export const alice = { iss: 'https://as.example', sub: 'alice', bind: '' };
export const bob = { iss: 'https://as.example', sub: 'bob', bind: '' };

/** Bytes 00, 01 … 1f. */
export const firstKey: KeySpec = {
  id: 'first',
  secret: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
  kdf: { kind: 'none' },
};
/** Bytes 20, 21 … 3f. */
export const secondKey: KeySpec = {
  id: 'second',
  secret: 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=',
  kdf: { kind: 'none' },
};

export function ringOf(...specs: readonly KeySpec[]): Promise<Keyring> {
  return loadKeyring(specs, { gateway, resource });
}

export function fixedRandom(bytes: number): Buffer {
  return Buffer.alloc(bytes, 0xa5);
}
