/** The surroundings of a command for a test: real files, a fixed clock and random source, and what it says kept. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { textOf } from '../../src/config/text-file.ts';
import type { CommandIo } from '../../src/process/io.ts';

export interface RecordingIo extends CommandIo {
  said(): { readonly out: string; readonly err: string };
}

export function recordingIo(env: Readonly<Record<string, string>> = {}): RecordingIo {
  let out = '';
  let err = '';
  return {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env,
    readFile: async (path) => textOf(await readFile(path)),
    readDirectory: (path) => readdir(path),
    fileMode: async (path) => (await stat(path)).mode,
    createFile: (path, text) => writeFile(path, text, { flag: 'wx', mode: 0o600 }),
    random: (bytes) => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 37 + 11) & 255)),
    nowSeconds: () => 1_763_640_000,
    said: () => ({ out, err }),
  };
}
