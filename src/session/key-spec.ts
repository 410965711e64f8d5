/**
 * The operator's configuration of one sealing key, and the reasons to refuse a secret. Anyone who guesses the key controls every
 * session, so the gateway does not start with a secret that is well known or of low entropy.
 */
import type { SealFormat } from './format.ts';
import { type KdfSpec, rawKey } from './kdf.ts';

export interface KeySpec {
  /** For people: logs and faults name the key by its id. The id is not part of the key. */
  readonly id: string;
  readonly secret: string;
  readonly kdf: KdfSpec;
  /** The format that the key seals in; it opens every format. Absent: `defaultSealFormat`. */
  readonly format?: SealFormat;
  /** Unix seconds from which the key may seal; it opens earlier than that. Absent: from the start. */
  readonly sealFrom?: number;
  /** Unix seconds until which the key opens. Absent: no limit. */
  readonly acceptUntil?: number;
}

/** One fault of the keys: where it is, what is wrong and what would be valid. Never contains the secret. */
export interface KeyFault {
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Thrown with all faults of the keys at once. */
export class KeyringError extends Error {
  readonly faults: readonly KeyFault[];

  constructor(source: string, faults: readonly KeyFault[]) {
    super(
      [
        `${source}: ${faults.length} fault${faults.length === 1 ? '' : 's'}`,
        ...faults.map((fault) => `  ${fault.path}: ${fault.problem}. ${fault.remedy}`),
      ].join('\n'),
    );
    this.name = 'KeyringError';
    this.faults = faults;
  }
}

const maxKeys = 16;
const maxKeyIdChars = 64;
const maxSecretChars = 1_024;
const minPassphraseChars = 20;
const minRawKeyBytes = 32;
/** Of 10^12 keys of 32 random bytes, one has fewer different values than this; zeros and patterns always have fewer. */
const minDifferentBytes = 16;
const minDifferentChars = 8;
/** Minimum number of characters of a passphrase that are left when all words of examples and defaults are removed. */
const minOwnChars = 8;

/** Longest first, so that a shorter word inside a longer one is not taken out first. */
const wellKnownWords = [
  'passphrase',
  '1234567890',
  '0123456789',
  'abcdefghij',
  'changethis',
  'replaceme',
  'modelcontextprotocol',
  'password',
  'changeme',
  'insecure',
  'manifold',
  'example',
  'default',
  'gateway',
  'session',
  'letmein',
  'secret',
  'sample',
  'passwd',
  'qwerty',
  'foobar',
  'change',
  'token',
  'envoy',
  'seed',
  'test',
  'demo',
  'your',
  'this',
  'key',
  'mcp',
  'api',
].toSorted((a, b) => b.length - a.length);

const makeOne = 'Make one with `manifold keygen`';

/** Why the secret must not seal sessions; undefined if it may. Reveals nothing about the secret but its size. */
function secretFault(secret: string, kdf: KdfSpec): Omit<KeyFault, 'path'> | undefined {
  if (secret.length > maxSecretChars) {
    return { problem: `the secret is longer than ${maxSecretChars} characters`, remedy: makeOne };
  }
  if (kdf.kind !== 'none') return passphraseFault(secret);
  const bytes = rawKey(secret);
  if (bytes.length < minRawKeyBytes) {
    return {
      problem: `with kdf "none" the secret must be base64 or hexadecimal of at least ${minRawKeyBytes} random bytes`,
      remedy: `${makeOne}, or name a kdf for a passphrase, such as "scrypt"`,
    };
  }
  if (new Set(bytes).size < minDifferentBytes) return { problem: 'the secret is not random', remedy: makeOne };
  return undefined;
}

function passphraseFault(secret: string): Omit<KeyFault, 'path'> | undefined {
  if (secret.length < minPassphraseChars) {
    return { problem: `the secret has fewer than ${minPassphraseChars} characters`, remedy: makeOne };
  }
  let own = '';
  for (const char of secret.toLowerCase()) if (!' -_.,:;/+!'.includes(char)) own += char;
  for (const word of wellKnownWords) own = own.replaceAll(word, '');
  if (own.length < minOwnChars || new Set(secret).size < minDifferentChars) {
    return { problem: 'the secret is a well-known or repetitive one', remedy: makeOne };
  }
  return undefined;
}

/** Faults of the list of keys as a whole and of each key. `pathOf` names a key as its source does. */
export function keyFaults(specs: readonly KeySpec[], pathOf: (index: number) => string): KeyFault[] {
  const faults: KeyFault[] = [];
  if (specs.length === 0) {
    faults.push({ path: 'keys', problem: 'there is no key to seal sessions with', remedy: makeOne });
  }
  if (specs.length > maxKeys) {
    faults.push({
      path: 'keys',
      problem: `there are more than ${maxKeys} keys`,
      remedy: 'Drop those past their acceptUntil',
    });
  }
  const ids = new Map<string, number>();
  const secrets = new Map<string, number>();
  for (const [index, spec] of specs.entries()) {
    const path = pathOf(index);
    if (!isKeyId(spec.id)) {
      faults.push({
        path: `${path}.id`,
        problem: `a key id is 1 to ${maxKeyIdChars} characters out of A-Z a-z 0-9 . _ -`,
        remedy: 'Name the key after its month, such as "2026-11"',
      });
    }
    const twin = ids.get(spec.id);
    if (twin === undefined) ids.set(spec.id, index);
    else
      faults.push({
        path: `${path}.id`,
        problem: `the id is that of ${pathOf(twin)}`,
        remedy: 'Give each key its own id',
      });

    const fault = secretFault(spec.secret, spec.kdf);
    if (fault !== undefined) faults.push({ path: `${path}.secret`, ...fault });
    const same = secrets.get(spec.secret);
    if (same === undefined) secrets.set(spec.secret, index);
    else {
      faults.push({
        path: `${path}.secret`,
        problem: `the secret is that of ${pathOf(same)}`,
        remedy: 'Rotate to a new secret; `manifold keygen` makes one',
      });
    }
    if (spec.sealFrom !== undefined && spec.acceptUntil !== undefined && spec.acceptUntil <= spec.sealFrom) {
      faults.push({
        path: `${path}.acceptUntil`,
        problem: 'the key would be refused before it may seal',
        remedy: 'Set acceptUntil after sealFrom, by at least the longest life of a session',
      });
    }
  }
  return faults;
}

function isKeyId(id: string): boolean {
  return id.length <= maxKeyIdChars && /^[A-Za-z0-9._-]+$/.test(id);
}
