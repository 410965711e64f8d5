/**
 * The key ring of `run` and `token inspect`: from a file, from a secret in the environment, or, only on loopback, a random key
 * for the life of the process. There is no default key (docs/session-token.md §Keys).
 */
import { isDeepStrictEqual } from 'node:util';
import { keyFaults, KeyringError, type KeySpec } from '../session/key-spec.ts';
import { type KdfSpec, kdfWarning, parseKdf } from '../session/kdf.ts';
import { loadKeyring, parseKeyFile, type Keyring } from '../session/keyring.ts';
import type { SealingOptions } from './options.ts';
import { fileFault, type CommandIo } from './io.ts';
import { UsageError } from './usage.ts';

/** Throws `KeyringError` with every fault of the keys, or `UsageError` if there is no key and none may be generated. */
export async function sealingKeys(options: SealingOptions, io: CommandIo, mayMint: boolean): Promise<KeySpec[]> {
  const kdf = sessionKdf(options.sessionKdf);
  if (options.sessionKeys !== undefined) {
    const text = await keyFile(options.sessionKeys, io);
    await warnOfReaders(options.sessionKeys, io);
    return parseKeyFile(text, options.sessionKeys);
  }
  if (options.sessionSecret !== undefined) {
    const specs: KeySpec[] = [{ id: 'MANIFOLD_SESSION_SECRET', secret: options.sessionSecret, kdf }];
    const faults = keyFaults(specs, () => 'MANIFOLD_SESSION_SECRET');
    if (faults.length > 0) throw new KeyringError('session keys', faults);
    return specs;
  }
  if (!mayMint)
    throw new UsageError(
      'a session key is needed when not listening on loopback: make one with "manifold keygen --out FILE" and give it with --session-keys FILE',
      'run',
    );
  io.stderr.write(
    'No session key was given: one is made for the life of this process. Clients start over after a restart, and no other replica can serve their sessions.\n',
  );
  return [{ id: 'ephemeral', secret: io.random(32).toString('base64'), kdf: { kind: 'none' } }];
}

/** A key added by a reload seals only after this time, in seconds: the file reaches the replicas one after the other. */
export const newKeyGraceSeconds = 120;

/** The current keys of the key file; the previous keys if there is no such file. Throws `KeyringError`. */
export async function keysByNow(
  before: readonly KeySpec[],
  options: SealingOptions,
  io: CommandIo,
): Promise<readonly KeySpec[]> {
  if (options.sessionKeys === undefined) return before;
  const specs = parseKeyFile(await keyFile(options.sessionKeys, io), options.sessionKeys);
  if (isDeepStrictEqual(specs, before)) return before;
  // A key that cannot be derived is refused before anything changes.
  await loadKeys(specs, options, io);
  return specs;
}

export async function loadKeys(specs: readonly KeySpec[], options: SealingOptions, io: CommandIo): Promise<Keyring> {
  for (const spec of specs) {
    const warning = kdfWarning(spec.kdf);
    if (warning !== undefined) io.stderr.write(`warning: key "${spec.id}": ${warning}\n`);
  }
  return await loadKeyring(specs, { gateway: options.gatewayName, resource: resourceOf(options) });
}

/** The public name of the endpoint. By default it is only the path, so that replicas on any port serve each other's sessions. */
export function resourceOf(options: SealingOptions): string {
  return options.resource ?? '/mcp';
}

/* Validated even if a key file makes it unused, so that a mistake is found at once. */
function sessionKdf(text: string): KdfSpec {
  try {
    return parseKdf(text);
  } catch (fault) {
    throw new UsageError(`--session-kdf: ${fault instanceof Error ? fault.message : 'invalid'}`, 'run');
  }
}

/** Permission bits that let users other than the owner read a file. */
const readableByOthers = 0o044;

/*
 * A reader of the key can forge sessions. This is a warning only, because a mounted secret is often readable by its group on
 * purpose.
 */
async function warnOfReaders(path: string, io: CommandIo): Promise<void> {
  const mode = await io.fileMode?.(path).catch(() => undefined);
  if (mode !== undefined && (mode & readableByOthers) !== 0)
    io.stderr.write(
      `warning: ${path}: other users of this machine can read the session keys; run: chmod 600 ${path}\n`,
    );
}

async function keyFile(path: string, io: CommandIo): Promise<string> {
  try {
    return await io.readFile(path);
  } catch (fault) {
    throw new KeyringError('session keys', [
      { path, problem: fileFault(path, fault), remedy: '`manifold keygen --out FILE` makes one' },
    ]);
  }
}
