/**
 * Derives the keying material of a key epoch from the operator's secret: scrypt (RFC 7914), PBKDF2-HMAC-SHA256 (RFC 8018),
 * argon2id (RFC 9106), or none for a secret that is already 32 random bytes. It runs once for each key at load, never on a
 * request, so its cost may be high. The function and its parameters are part of the key: other parameters give another key.
 */
import crypto from 'node:crypto';
import { promisify } from 'node:util';
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { lengthPrefixed } from './octets.ts';

export type KdfSpec =
  | { readonly kind: 'none' }
  | { readonly kind: 'scrypt'; readonly N: number; readonly r: number; readonly p: number }
  | { readonly kind: 'pbkdf2-sha256'; readonly iterations: number }
  | {
      readonly kind: 'argon2id';
      readonly memoryKiB: number;
      readonly passes: number;
      readonly parallelism: number;
    };

/** The default for passphrases: 128 MiB and about half a second. */
export const defaultKdf: KdfSpec = { kind: 'scrypt', N: 131_072, r: 8, p: 1 };

/* Upper bounds: a typing error must not delay the start for hours. */
const maxMemoryBytes = 1024 ** 3;
const maxIterations = 10_000_000;
const minIterations = 100;
/** Maximum N · r · p of scrypt, in blocks of 128 bytes: one pass over the largest memory allowed. */
const maxScryptWork = maxMemoryBytes / 128;
const minScryptN = 2;
/** RFC 7914 §2: N < 2^(128 · r / 8). Within the bounds above this matters only for r = 1. */
const maxScryptNForOneBlock = 2 ** 15;
/** The largest parameter that is parsed. */
const maxFigure = 9_999_999_999;
/** Maximum KiB · passes of argon2id: four passes over the largest memory allowed. */
const maxArgon2Work = 4 * 1024 ** 2;
const maxArgon2Lanes = 64;
/** RFC 9106 §3.1: at least 8 blocks of 1 KiB for each lane. */
const minArgon2KiBPerLane = 8;

/* Recommended minimums for a passphrase that a person chose; below them `kdfWarning` returns a warning. */
const soundIterations = 100_000;
const soundScryptBytes = 16 * 1024 ** 2;
const soundArgon2KiB = 7 * 1024;

const ikmBytes = 32;
const saltBytes = 16;
const saltLabel = Buffer.from('mcpgw/kdf/v1\0', 'latin1');

/** An invalid key derivation. The message quotes the text, says what would be valid, and needs no prefix. */
export class KdfError extends Error {
  override name = 'KdfError';
}

/**
 * Reads `none`, `scrypt`, `scrypt:131072:8:1` (N:r:p), `pbkdf2-sha256:600000` (iterations) or `argon2id:19456:2:1`
 * (KiB:passes:lanes); a name without parameters has these. Throws KdfError.
 */
export function parseKdf(text: string): KdfSpec {
  const [kind = '', ...figures] = text.split(':');
  switch (kind) {
    case 'none':
      if (figures.length > 0) throw new KdfError('"none" takes no figures');
      return { kind };
    case 'scrypt': {
      const [N, r, p] = whole(text, figures, [131_072, 8, 1], 'scrypt:N:r:p');
      if (!isPowerOfTwo(N) || N < minScryptN) throw new KdfError(`"${text}": N must be a power of two, such as 131072`);
      if (128 * N * r > maxMemoryBytes) throw new KdfError(`"${text}": 128 × N × r must be at most 1 GiB`);
      if (r === 1 && N > maxScryptNForOneBlock)
        throw new KdfError(`"${text}": with r = 1, N must be at most ${maxScryptNForOneBlock}`);
      if (N * r * p > maxScryptWork) throw new KdfError(`"${text}": N × r × p must be at most ${maxScryptWork}`);
      return { kind, N, r, p };
    }
    case 'pbkdf2-sha256': {
      const [iterations] = whole(text, figures, [600_000], 'pbkdf2-sha256:iterations');
      if (iterations < minIterations || iterations > maxIterations) {
        throw new KdfError(`"${text}": iterations must be from ${minIterations} to ${maxIterations}, such as 600000`);
      }
      return { kind, iterations };
    }
    case 'argon2id': {
      const [memoryKiB, passes, parallelism] = whole(text, figures, [19_456, 2, 1], 'argon2id:KiB:passes:lanes');
      if (parallelism > maxArgon2Lanes) throw new KdfError(`"${text}": lanes must be at most ${maxArgon2Lanes}`);
      if (memoryKiB < minArgon2KiBPerLane * parallelism) {
        throw new KdfError(
          `"${text}": memory must be at least ${minArgon2KiBPerLane} KiB for each lane, such as 19456`,
        );
      }
      if (memoryKiB * 1024 > maxMemoryBytes)
        throw new KdfError(`"${text}": memory must be at most 1048576 KiB (1 GiB)`);
      if (memoryKiB * passes > maxArgon2Work) {
        throw new KdfError(`"${text}": KiB × passes must be at most ${maxArgon2Work}`);
      }
      return { kind, memoryKiB, passes, parallelism };
    }
    default:
      throw new KdfError(
        `"${text}" is no key derivation; use scrypt, pbkdf2-sha256:600000, argon2id:19456:2:1 or none`,
      );
  }
}

/** The canonical text of a spec, with all parameters. */
export function canonicalKdf(spec: KdfSpec): string {
  if (spec.kind === 'none') return 'none';
  if (spec.kind === 'scrypt') return `scrypt:${spec.N}:${spec.r}:${spec.p}`;
  if (spec.kind === 'pbkdf2-sha256') return `pbkdf2-sha256:${spec.iterations}`;
  return `argon2id:${spec.memoryKiB}:${spec.passes}:${spec.parallelism}`;
}

/** A warning for parameters that are allowed but too low for a passphrase that a person chose; undefined otherwise. */
export function kdfWarning(spec: KdfSpec): string | undefined {
  const weak =
    (spec.kind === 'pbkdf2-sha256' && spec.iterations < soundIterations) ||
    (spec.kind === 'scrypt' && 128 * spec.N * spec.r < soundScryptBytes) ||
    (spec.kind === 'argon2id' && spec.memoryKiB < soundArgon2KiB);
  if (!weak) return undefined;
  return `the key derivation ${canonicalKdf(spec)} is too cheap to protect a passphrase; use scrypt, pbkdf2-sha256:600000 or argon2id:19456:2:1`;
}

/**
 * The keying material of one epoch: 32 bytes, or for `none` the decoded secret itself. Runs in the thread pool, or in slices
 * of the event loop where argon2id is not native. The secret must have passed `keyFaults` (key-spec.ts).
 */
export async function deriveIkm(secret: string, spec: KdfSpec, gatewayName: string): Promise<Buffer> {
  const salt = kdfSalt(spec, gatewayName);
  if (spec.kind === 'none') return rawKey(secret);
  if (spec.kind === 'scrypt') return scrypt(secret, salt, spec);
  if (spec.kind === 'pbkdf2-sha256') return pbkdf2(secret, salt, spec.iterations, ikmBytes, 'sha256');
  return hasNativeArgon2 ? argon2idNative(secret, salt, spec) : argon2idPortable(secret, salt, spec);
}

/** 16 bytes over the gateway's name and the derivation with its parameters: a change of any of them gives another key. */
export function kdfSalt(spec: KdfSpec, gatewayName: string): Buffer {
  return crypto
    .createHash('sha256')
    .update(saltLabel)
    .update(lengthPrefixed(gatewayName, canonicalKdf(spec)))
    .digest()
    .subarray(0, saltBytes);
}

/** The bytes of a `none` secret: hexadecimal if all characters are, else base64 or base64url, with or without padding. */
export function rawKey(secret: string): Buffer {
  const hex = Buffer.from(secret, 'hex');
  if (hex.length * 2 === secret.length) return hex;
  // Node accepts both alphabets under either name, and skips all other characters: hence the comparison.
  const bytes = Buffer.from(secret, 'base64');
  const plain = secret.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', '');
  return bytes.toString('base64').replaceAll('=', '') === plain ? bytes : Buffer.alloc(0);
}

const pbkdf2 = promisify(crypto.pbkdf2);

type Argon2Spec = Extract<KdfSpec, { kind: 'argon2id' }>;

/** Node has argon2 from 24.7 on. */
export const hasNativeArgon2 = 'argon2' in crypto;

export function argon2idNative(secret: string, salt: Buffer, spec: Argon2Spec): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    crypto.argon2(
      'argon2id',
      {
        message: secret,
        nonce: salt,
        parallelism: spec.parallelism,
        tagLength: ikmBytes,
        memory: spec.memoryKiB,
        passes: spec.passes,
      },
      (fault, key) => (fault === null ? resolve(key) : reject(fault)),
    );
  });
}

export async function argon2idPortable(secret: string, salt: Buffer, spec: Argon2Spec): Promise<Buffer> {
  const key = await argon2idAsync(secret, salt, {
    t: spec.passes,
    m: spec.memoryKiB,
    p: spec.parallelism,
    dkLen: ikmBytes,
    maxmem: 2 * maxMemoryBytes,
  });
  return Buffer.from(key);
}

function scrypt(secret: string, salt: Buffer, spec: Extract<KdfSpec, { kind: 'scrypt' }>): Promise<Buffer> {
  // Node's default limit is 32 MiB; the limit that applies is the one in parseKdf.
  const maxmem = 128 * spec.r * (spec.N + spec.p + 2) + 1024;
  return new Promise((resolve, reject) => {
    crypto.scrypt(secret, salt, ikmBytes, { N: spec.N, r: spec.r, p: spec.p, maxmem }, (fault, key) =>
      fault === null ? resolve(key) : reject(fault),
    );
  });
}

/** The parameters of a spec, or the defaults if there are none. Throws KdfError unless they are positive whole numbers. */
function whole<T extends readonly number[]>(text: string, figures: readonly string[], defaults: T, form: string): T {
  if (figures.length === 0) return defaults;
  if (figures.some((figure) => /^\d+$/.test(figure) && Number(figure) > maxFigure))
    throw new KdfError(
      `"${text}": a figure is too large; write ${form}, such as ${form.split(':')[0]}:${defaults.join(':')}`,
    );
  const values = figures.map((figure) => (/^[1-9]\d*$/.test(figure) ? Number(figure) : 0));
  if (values.length !== defaults.length || values.includes(0)) {
    throw new KdfError(
      `"${text}": write ${form} with whole numbers, such as ${form.split(':')[0]}:${defaults.join(':')}`,
    );
  }
  return values as readonly number[] as T;
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}
