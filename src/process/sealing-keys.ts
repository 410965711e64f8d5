/**
 * The key ring that `run` seals with and `token inspect` reads with: a file, a secret from the environment, or, on loopback
 * alone, a key for the life of the process. There is no default key (docs/session-token.md §Keys).
 */
import { isDeepStrictEqual } from 'node:util';
import { keyFaults, KeyringError, type KeySpec } from '../session/key-spec.ts';
import { type KdfSpec, kdfWarning, parseKdf } from '../session/kdf.ts';
import { loadKeyring, parseKeyFile, type Keyring } from '../session/keyring.ts';
import type { SealingOptions } from './options.ts';
import { fileFault, type CommandIo } from './io.ts';
import { UsageError } from './usage.ts';

/** Throws `KeyringError` with every fault of the keys, or `UsageError` when there is no key and none may be made. */
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

/** A key that a reload brings seals after this long at the earliest: a file reaches the replicas one after the other. In seconds. */
export const newKeyGraceSeconds = 120;

/** The keys that the key file has by now; those of before where there is no such file. Throws `KeyringError`. */
export async function keysByNow(
  before: readonly KeySpec[],
  options: SealingOptions,
  io: CommandIo,
): Promise<readonly KeySpec[]> {
  if (options.sessionKeys === undefined) return before;
  const specs = parseKeyFile(await keyFile(options.sessionKeys, io), options.sessionKeys);
  if (isDeepStrictEqual(specs, before)) return before;
  // What cannot be derived here is refused before anything is changed.
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

/** The public name of the endpoint. Without one it is the path alone, so that replicas on any port serve each other's sessions. */
export function resourceOf(options: SealingOptions): string {
  return options.resource ?? '/mcp';
}

/* Validated even where a key file makes it unused, so that a mistake is found at once. */
function sessionKdf(text: string): KdfSpec {
  try {
    return parseKdf(text);
  } catch (fault) {
    throw new UsageError(`--session-kdf: ${fault instanceof Error ? fault.message : 'invalid'}`, 'run');
  }
}

/** Permission bits by which users other than the owner may read a file. */
const readableByOthers = 0o044;

/* Whoever reads the key can make sessions. A warning, since a mounted secret is often readable by its group on purpose. */
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
