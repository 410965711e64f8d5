/**
 * The keys of this gateway, from the oldest still accepted to the one that comes into use next. The configurable key
 * derivation runs here, once for each key. Every key in use then comes from its result by one or two HKDF steps (RFC 5869).
 *
 * Each key of the operator makes one epoch for each format of the sealed identifiers (format.ts). All of them open; the operator
 * decides in which one the key seals. The format of a session is the format of everything that is bound to it.
 */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import { defaultSealFormat, type SealFormat, sealFormats } from './format.ts';
import { canonicalKdf, deriveIkm, kdfSalt } from './kdf.ts';
import { keyFaults, KeyringError, type KeySpec } from './key-spec.ts';
import { lengthPrefixed } from './octets.ts';

export { generateKeyFile, parseKeyFile } from './key-file.ts';
export { KeyringError, type KeySpec } from './key-spec.ts';

/** The purpose of a sealed identifier. Each has its own key, so none can be used in place of another. */
export const purposeByte = { ses: 1, evt: 2, req: 3, prg: 4, cur: 5, rst: 6, tsk: 7 } as const;
export type Purpose = keyof typeof purposeByte;

export const kidBytes = 4;
const keyBytes = 32;

/** The operator's name of this gateway, and the public URI of its endpoint. Both are bound into every session. */
export interface GatewayNames {
  readonly gateway: string;
  readonly resource: string;
}

/** One key of the ring in one format, with everything that is derived from it. */
export interface Epoch {
  /** The operator's name of the key. */
  readonly id: string;
  readonly format: SealFormat;
  /** Whether the key seals in this format; it opens in all. This and the times change when the ring is read again. */
  seals: boolean;
  /** Public id of the key in a session: 4 bytes as a number. */
  readonly kid: number;
  sealFrom: number;
  acceptUntil: number;
  readonly purposeKeys: Readonly<Record<Purpose, KeyObject>>;
  readonly principalKey: KeyObject;
  /** Makes the identity of sessions that no client holds (principal-session.ts). */
  readonly sessionlessKey: KeyObject;
  /** Additional authenticated data of a session: version, purpose, kid, gateway, resource. */
  readonly sessionAad: Buffer;
  readonly names: GatewayNames;
  /** 32 bytes for a use other than sealed identifiers. `label` names the use; it is a constant of the code. */
  derive(label: string): Buffer;
}

export class Keyring {
  #epochs: readonly Epoch[];
  #byKid: ReadonlyMap<number, Epoch>;

  constructor(epochs: readonly Epoch[]) {
    this.#epochs = epochs;
    this.#byKid = new Map(epochs.map((epoch) => [epoch.kid, epoch]));
  }

  get epochs(): readonly Epoch[] {
    return this.#epochs;
  }

  /**
   * Takes the keys of another ring, read while this one is in use. A key that both have stays the same object, so that nothing has to
   * be opened anew. A key that is new opens at once and seals after `graceSeconds` at the earliest, since other replicas may not have
   * read it yet (accept first, then seal); where no other key may seal, it seals at once.
   */
  take(next: Keyring, nowSeconds: number, graceSeconds: number): void {
    const epochs = next.#epochs.map((epoch) => {
      const known = this.#byKid.get(epoch.kid);
      if (known === undefined || !known.derive(sameness).equals(epoch.derive(sameness))) return { epoch, isNew: true };
      known.seals = epoch.seals;
      known.sealFrom = epoch.sealFrom;
      known.acceptUntil = epoch.acceptUntil;
      return { epoch: known, isNew: false };
    });
    const maySeal = epochs.some(({ epoch, isNew }) => !isNew && isSealing(epoch, nowSeconds));
    if (maySeal)
      for (const { epoch, isNew } of epochs)
        if (isNew) epoch.sealFrom = Math.max(epoch.sealFrom, nowSeconds + graceSeconds);
    this.#epochs = epochs.map(({ epoch }) => epoch);
    this.#byKid = new Map(this.#epochs.map((epoch) => [epoch.kid, epoch]));
  }

  /** The epoch that seals at this time. Throws `internal` when no key may seal: all are too young or expired. */
  sealing(nowSeconds: number): Epoch {
    for (const epoch of this.#epochs) if (isSealing(epoch, nowSeconds)) return epoch;
    throw new GatewayError('internal', 'no key of the ring may seal at this time');
  }

  /** The epoch with this kid if it opens at this time. */
  accepting(kid: number, nowSeconds: number): Epoch | undefined {
    const epoch = this.#byKid.get(kid);
    return epoch !== undefined && nowSeconds < epoch.acceptUntil ? epoch : undefined;
  }

  /** Every epoch that opens at this time, in every format, the sealing one first. */
  accepted(nowSeconds: number): Epoch[] {
    const sealing = this.sealing(nowSeconds);
    return [sealing, ...this.#epochs.filter((epoch) => epoch !== sealing && nowSeconds < epoch.acceptUntil)];
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

/** Distinguishes two keys with the same kid. */
const sameness = 'same key';

function isSealing({ seals, sealFrom, acceptUntil }: Epoch, nowSeconds: number): boolean {
  return seals && sealFrom <= nowSeconds && nowSeconds < acceptUntil;
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
    for (const epoch of await loadEpochs(spec, names)) {
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
  }
  return new Keyring(epochs);
}

async function loadEpochs(spec: KeySpec, names: GatewayNames): Promise<Epoch[]> {
  let material: Buffer;
  try {
    material = await deriveIkm(spec.secret, spec.kdf, names.gateway);
  } catch {
    // The system's message (no memory, invalid parameters) may quote its input, and the input is the secret.
    throw new KeyringError('session keys', [
      {
        path: `key "${spec.id}".kdf`,
        problem: `the key derivation ${canonicalKdf(spec.kdf)} cannot be run on this machine`,
        remedy: 'Choose smaller figures, or a key of `manifold keygen` with kdf "none"',
      },
    ]);
  }
  // KeyObjects, because handing Node the bytes of a key costs 10 µs on every use.
  const first = createSecretKey(material);
  // For every derivation, the name of the gateway goes into the keys; with `none` it would otherwise be missing.
  const second = createSecretKey(hkdf(first, kdfSalt(spec.kdf, names.gateway), 'mcpgw/v2/ikm', keyBytes));
  return sealFormats.map((format) => epochOf(spec, names, format, format === 1 ? first : second));
}

function epochOf(spec: KeySpec, names: GatewayNames, format: SealFormat, ikm: KeyObject): Epoch {
  const label = `mcpgw/v${format}`;
  const kid = hkdf(ikm, '', `${label}/kid`, kidBytes);
  const forPurpose = (purpose: Purpose): KeyObject =>
    createSecretKey(hkdf(ikm, '', `${label}/purpose/${purpose}`, keyBytes));
  const derived = new Map<string, Buffer>();
  return {
    id: spec.id,
    format,
    seals: format === (spec.format ?? defaultSealFormat),
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
    principalKey: createSecretKey(hkdf(ikm, '', `${label}/principal`, keyBytes)),
    sessionlessKey: createSecretKey(hkdf(ikm, '', `${label}/sessionless`, keyBytes)),
    sessionAad: Buffer.concat([
      Buffer.from(`mcpgw/aad/v${format}\0`, 'latin1'),
      Buffer.from([format, purposeByte.ses]),
      kid,
      lengthPrefixed(names.gateway, names.resource),
    ]),
    names,
    derive: (use) => {
      let key = derived.get(use);
      if (key === undefined) derived.set(use, (key = hkdf(ikm, '', `${label}/derive/${use}`, keyBytes)));
      return key;
    },
  };
}

/** HKDF-SHA256 (RFC 5869). */
export function hkdf(key: KeyObject, salt: Buffer | string, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, length));
}
