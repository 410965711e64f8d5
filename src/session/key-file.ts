/**
 * The key file that `--session-keys` names: JSON, read once at the start and on reload. Order matters: the first key whose
 * `sealFrom` has come seals, all of them open (docs/session-token.md §Rotating keys).
 *
 *     {"keys": [{"id": "2026-11", "secret": "…base64…", "kdf": "none", "format": 2, "sealFrom": "2026-11-20T00:00:00Z"}]}
 */
import { defaultSealFormat, isSealFormat, type SealFormat, sealFormats } from './format.ts';
import { canonicalKdf, defaultKdf, KdfError, type KdfSpec, parseKdf } from './kdf.ts';
import { type KeyFault, keyFaults, KeyringError, type KeySpec } from './key-spec.ts';

const maxKeyFileChars = 256 * 1024;
const generatedKeyBytes = 32;
const generatedIdBytes = 2;

const knownMembers: ReadonlySet<string> = new Set(['id', 'secret', 'kdf', 'format', 'sealFrom', 'acceptUntil']);
const form = 'Write {"keys": [{"id": "…", "secret": "…", "kdf": "none"}]}; `manifold keygen` makes such a file';

/** Throws KeyringError with every fault of the text, each with its path (`keys[0].secret`), never with a secret. */
export function parseKeyFile(text: string, path: string): KeySpec[] {
  const refuse = (problem: string): never => {
    throw new KeyringError(path, [{ path: 'keys', problem, remedy: form }]);
  };
  if (text.length > maxKeyFileChars) refuse(`the file is longer than ${maxKeyFileChars} characters`);
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and the text holds secrets.
    refuse('the file is no JSON');
  }
  if (!isObject(root) || !Array.isArray(root['keys'])) return refuse('there is no list of keys');

  const faults: KeyFault[] = [];
  for (const name of Object.keys(root)) {
    if (name !== 'keys') faults.push({ path: printable(name), problem: 'this member is not known', remedy: form });
  }
  const specs = root['keys'].map((entry: unknown, index) => readKey(entry, `keys[${index}]`, faults));
  // A key that could not be read already has its fault; faults of other keys are reported independently of it.
  const read: KeySpec[] = [];
  const places: number[] = [];
  for (const [index, spec] of specs.entries()) {
    if (spec === undefined) continue;
    read.push(spec);
    places.push(index);
  }
  if (read.length > 0 || specs.length === 0) faults.push(...keyFaults(read, (index) => `keys[${places[index]}]`));
  if (faults.length > 0) throw new KeyringError(path, faults);
  return read;
}

function readKey(entry: unknown, path: string, faults: KeyFault[]): KeySpec | undefined {
  if (!isObject(entry)) {
    faults.push({ path, problem: 'a key is an object', remedy: form });
    return undefined;
  }
  for (const name of Object.keys(entry)) {
    if (!knownMembers.has(name)) {
      faults.push({
        path: `${path}.${printable(name)}`,
        problem: 'this member is not known',
        remedy: `Known are ${[...knownMembers].join(', ')}`,
      });
    }
  }
  const id = readText(entry, 'id', path, faults);
  const secret = readText(entry, 'secret', path, faults);
  const kdf = readKdf(entry, path, faults);
  const format = readFormat(entry, path, faults);
  const sealFrom = readTime(entry, 'sealFrom', path, faults);
  const acceptUntil = readTime(entry, 'acceptUntil', path, faults);
  if (id === undefined || secret === undefined || kdf === undefined) return undefined;
  return {
    id,
    secret,
    kdf,
    ...(format === undefined ? {} : { format }),
    ...(sealFrom === undefined ? {} : { sealFrom }),
    ...(acceptUntil === undefined ? {} : { acceptUntil }),
  };
}

function readText(
  entry: Record<string, unknown>,
  name: 'id' | 'secret',
  path: string,
  faults: KeyFault[],
): string | undefined {
  const value = entry[name];
  if (typeof value === 'string' && value !== '') return value;
  faults.push({ path: `${path}.${name}`, problem: `"${name}" must be a text`, remedy: form });
  return undefined;
}

function readKdf(entry: Record<string, unknown>, path: string, faults: KeyFault[]): KdfSpec | undefined {
  const value = entry['kdf'];
  if (value === undefined) return defaultKdf;
  try {
    if (typeof value === 'string') return parseKdf(value);
    throw new KdfError('"kdf" must be a text');
  } catch (fault) {
    if (!(fault instanceof KdfError)) throw fault;
    faults.push({
      path: `${path}.kdf`,
      problem: fault.message,
      remedy: `Leave it out for ${canonicalKdf(defaultKdf)}`,
    });
    return undefined;
  }
}

function readFormat(entry: Record<string, unknown>, path: string, faults: KeyFault[]): SealFormat | undefined {
  const value = entry['format'];
  if (value === undefined || isSealFormat(value)) return value;
  faults.push({
    path: `${path}.format`,
    problem: `"format" must be one of ${sealFormats.join(', ')}`,
    remedy: `Leave it out for ${defaultSealFormat}; every replica has to know a format before any seals in it`,
  });
  return undefined;
}

/** RFC 3339 → Unix seconds, rounded down. */
function readTime(
  entry: Record<string, unknown>,
  name: 'sealFrom' | 'acceptUntil',
  path: string,
  faults: KeyFault[],
): number | undefined {
  const value = entry[name];
  if (value === undefined) return undefined;
  const shaped =
    typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/.test(value);
  const ms = shaped ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(ms)) return Math.floor(ms / 1000);
  faults.push({
    path: `${path}.${name}`,
    problem: `"${name}" must be a time with its zone (RFC 3339)`,
    remedy: 'Write it as "2026-11-20T00:00:00Z"',
  });
  return undefined;
}

/** The text of a file with one new key: 32 random bytes, no derivation. The id is the date and 4 random digits. */
export function generateKeyFile(random: (bytes: number) => Buffer, nowSeconds: number): string {
  const day = new Date(nowSeconds * 1000).toISOString().slice(0, 10);
  const id = `${day}-${random(generatedIdBytes).toString('hex')}`;
  const secret = random(generatedKeyBytes).toString('base64');
  return `${JSON.stringify({ keys: [{ id, secret, kdf: 'none' }] }, null, 2)}\n`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member's name, safe to print: a misplaced quote can turn a secret into a name. */
function printable(name: string): string {
  return /^[A-Za-z]{1,16}$/.test(name) ? name : '(unknown member)';
}
