/**
 * The keys of this gateway, from the oldest still accepted to the one that comes into use next. The tunable derivation runs
 * here, once a key; every key in use is then one HKDF (RFC 5869) away from the result. security.md §2.2.
 */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import { deriveIkm } from './kdf.ts';
import { keyFaults, KeyringError, type KeySpec } from './key-spec.ts';
import { lengthPrefixed } from './octets.ts';

export { generateKeyFile, parseKeyFile } from './key-file.ts';
export { KeyringError, type KeySpec } from './key-spec.ts';

/** What a sealed identifier is for. One key each, so that none can be passed off as another (T3). */
export const purposeByte = { ses: 1, evt: 2, req: 3, prg: 4, cur: 5, rst: 6, tsk: 7 } as const;
export type Purpose = keyof typeof purposeByte;

export const tokenVersion = 1;
export const kidBytes = 4;
const keyBytes = 32;

/** What the operator calls this gateway, and the public URI of its endpoint. Both are bound into every session. */
export interface GatewayNames {
  readonly gateway: string;
  readonly resource: string;
}

/** One key of the ring, with everything that is derived from it once. */
export interface Epoch {
  /** The operator's name of the key. */
  readonly id: string;
  /** Public name of the key in a session: the 4 bytes as a number. */
  readonly kid: number;
  readonly sealFrom: number;
  readonly acceptUntil: number;
  readonly purposeKeys: Readonly<Record<Purpose, KeyObject>>;
  readonly principalKey: KeyObject;
  /** Makes the identity of sessions that no client holds (principal-session.ts). */
  readonly sessionlessKey: KeyObject;
  /** What a session is authenticated with beside itself: version, purpose, kid, gateway, resource. */
  readonly sessionAad: Buffer;
  readonly names: GatewayNames;
  /** 32 bytes for a use outside of the sealed identifiers; a label names the use. */
  derive(label: string): Buffer;
}

export class Keyring {
  readonly epochs: readonly Epoch[];
  readonly #byKid: ReadonlyMap<number, Epoch>;

  constructor(epochs: readonly Epoch[]) {
    this.epochs = epochs;
    this.#byKid = new Map(epochs.map((epoch) => [epoch.kid, epoch]));
  }

  /** The epoch that seals at this time. Throws `internal` when no key may: all are too young or too old. */
  sealing(nowSeconds: number): Epoch {
    for (const epoch of this.epochs) {
      if (epoch.sealFrom <= nowSeconds && nowSeconds < epoch.acceptUntil) return epoch;
    }
    throw new GatewayError('internal', 'no key of the ring may seal at this time');
  }

  /** The epoch with this kid if it opens at this time. */
  accepting(kid: number, nowSeconds: number): Epoch | undefined {
    const epoch = this.#byKid.get(kid);
    return epoch !== undefined && nowSeconds < epoch.acceptUntil ? epoch : undefined;
  }

  /** Every epoch that opens at this time, the sealing one first. */
  accepted(nowSeconds: number): Epoch[] {
    const sealing = this.sealing(nowSeconds);
    return [sealing, ...this.epochs.filter((epoch) => epoch !== sealing && nowSeconds < epoch.acceptUntil)];
  }

  /** A key for another use, such as the peer channel: from the epoch that seals at this time. */
  derive(label: string, nowSeconds: number): Buffer {
    return this.sealing(nowSeconds).derive(label);
  }

  /** The same from every accepted epoch, the sealing one first: what one replica signs, every other can verify. */
  deriveAccepted(label: string, nowSeconds: number): Buffer[] {
    return this.accepted(nowSeconds).map((epoch) => epoch.derive(label));
  }
}

/**
 * Runs the key derivations, one after the other, off the request path. Throws KeyringError for an empty list, a weak or
 * repeated secret, a repeated id, and for two keys with one kid. Faults name a key by its id, never by its secret.
 */
export async function loadKeyring(specs: readonly KeySpec[], names: GatewayNames): Promise<Keyring> {
  const faults = keyFaults(specs, (index) => `key "${specs[index]?.id ?? index}"`);
  if (faults.length > 0) throw new KeyringError('session keys', faults);
  const epochs: Epoch[] = [];
  for (const spec of specs) {
    const epoch = await loadEpoch(spec, names);
    // A session names its key by the kid alone: with two keys under one kid, opening would have to try both.
    const twin = epochs.find((other) => other.kid === epoch.kid);
    if (twin !== undefined) {
      throw new KeyringError('session keys', [
        {
          path: `key "${spec.id}"`,
          problem: `the key has the same kid as key "${twin.id}"`,
          remedy: 'Use another secret; `manifold keygen` makes one',
        },
      ]);
    }
    epochs.push(epoch);
  }
  return new Keyring(epochs);
}

async function loadEpoch(spec: KeySpec, names: GatewayNames): Promise<Epoch> {
  // KeyObjects, because handing Node the bytes of a key costs 10 µs on every use.
  const ikm = createSecretKey(await deriveIkm(spec.secret, spec.kdf, names.gateway));
  const kid = hkdf(ikm, '', 'mcpgw/v1/kid', kidBytes);
  const forPurpose = (purpose: Purpose): KeyObject =>
    createSecretKey(hkdf(ikm, '', `mcpgw/v1/purpose/${purpose}`, keyBytes));
  return {
    id: spec.id,
    kid: kid.readUInt32BE(),
    sealFrom: spec.sealFrom ?? Number.NEGATIVE_INFINITY,
    acceptUntil: spec.acceptUntil ?? Number.POSITIVE_INFINITY,
    purposeKeys: {
      ses: forPurpose('ses'),
      evt: forPurpose('evt'),
      req: forPurpose('req'),
      prg: forPurpose('prg'),
      cur: forPurpose('cur'),
      rst: forPurpose('rst'),
      tsk: forPurpose('tsk'),
    },
    principalKey: createSecretKey(hkdf(ikm, '', 'mcpgw/v1/principal', keyBytes)),
    sessionlessKey: createSecretKey(hkdf(ikm, '', 'mcpgw/v1/sessionless', keyBytes)),
    sessionAad: Buffer.concat([
      Buffer.from('mcpgw/aad/v1\0', 'latin1'),
      Buffer.from([tokenVersion, purposeByte.ses]),
      kid,
      lengthPrefixed(names.gateway, names.resource),
    ]),
    names,
    derive: (label) => hkdf(ikm, '', `mcpgw/v1/derive/${label}`, keyBytes),
  };
}

/** HKDF-SHA256 (RFC 5869). */
export function hkdf(key: KeyObject, salt: Buffer | string, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, length));
}
