/** The parts of the process that a command may use. main.ts passes the real ones; a test passes its own. */
import type { NotUtf8Error } from '../config/text-file.ts';
import type { Environment } from '../config/variables.ts';

export interface CommandIo {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
  readonly env: Environment;
  /** The content as UTF-8. Rejects with the error of node:fs, or with `NotUtf8Error`. */
  readonly readFile: (path: string) => Promise<string>;
  /** The names of the entries of a directory. Rejects with the error of node:fs, such as `ENOTDIR`. */
  readonly readDirectory: (path: string) => Promise<readonly string[]>;
  /** The permission bits of a file; undefined, or absent, if the system has none. */
  readonly fileMode?: (path: string) => Promise<number | undefined>;
  /** Creates a file that only its owner can read (mode 0600). Rejects with code `EEXIST` if it exists. */
  readonly createFile: (path: string, text: string) => Promise<void>;
  readonly random: (bytes: number) => Buffer;
  readonly nowSeconds: () => number;
}

/** Describes a file error for the operator. */
export function fileFault(path: string, fault: unknown): string {
  const code = fault instanceof Error && 'code' in fault ? fault.code : undefined;
  switch (code) {
    case 'ENOENT':
      return `${path}: there is no such file or directory`;
    case 'EACCES':
    case 'EPERM':
      return `${path}: permission denied`;
    case 'EISDIR':
      return `${path}: a directory, not a file`;
    case 'ENOTUTF8':
      return `${path}: ${(fault as NotUtf8Error).message}`;
    case 'EEXIST':
      return `${path}: exists already and is left as it is`;
    default:
      return `${path}: ${typeof code === 'string' ? code : 'cannot be read or written'}`;
  }
}
