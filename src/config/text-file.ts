/** Text files of users: UTF-8 (RFC 3629), with or without a byte order mark. */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';

/** Maximum size of a file that a configuration names (`envFile`, `${file:…}`). */
const maxNamedFileBytes = 1024 * 1024;

/** A file that is not UTF-8. `code` has the form of node:fs, so that one function can describe all faults of a file. */
export class NotUtf8Error extends Error {
  readonly code = 'ENOTUTF8';

  constructor(message: string) {
    super(message);
    this.name = 'NotUtf8Error';
  }
}

/** The text without its byte order mark. Throws `NotUtf8Error`, whose message names the probable encoding. */
export function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (!isUtf16) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      // Reported below.
    }
  }
  throw new NotUtf8Error(`not UTF-8${isUtf16 ? ' but UTF-16' : ''}; save it as UTF-8`);
}

/** Resolves a path in a configuration: `~` is the home directory, and relative paths begin at `base`. */
export function namedPath(path: string, base: string): string {
  return /^~(?=$|[/\\])/.test(path) ? resolve(homedir(), `.${path.slice(1)}`) : resolve(base, path);
}

/* A configuration is read synchronously, so there is only one reader at a time. */
let told: ((path: string) => void) | undefined;

/** Runs `read` and tells `note` the path of each file that the configuration names. */
export function notingFiles<T>(note: (path: string) => void, read: () => T): T {
  told = note;
  try {
    return read();
  } finally {
    told = undefined;
  }
}

/** The text of a file that a configuration names, or why it cannot be read, in words that complete "the file …". */
export function namedFile(path: string): { readonly text: string } | { readonly fault: string } {
  told?.(path);
  try {
    const about = statSync(path);
    if (!about.isFile()) return { fault: 'is no regular file' };
    if (about.size > maxNamedFileBytes) return { fault: `is larger than ${maxNamedFileBytes} bytes` };
    return { text: textOf(readFileSync(path)) };
  } catch (fault) {
    if (fault instanceof NotUtf8Error) return { fault: `is ${fault.message}` };
    const code = fault instanceof Error && 'code' in fault ? fault.code : undefined;
    return {
      fault: code === 'ENOENT' ? 'does not exist' : `cannot be read${typeof code === 'string' ? ` (${code})` : ''}`,
    };
  }
}
