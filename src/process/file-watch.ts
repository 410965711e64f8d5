/**
 * Tells when files are no longer what they were when they were read. What a file looks like is noted just before it is read, so that no
 * change is missed that comes after. Files are looked at by name, so that a rename over the old one and the symbolic links of a
 * mounted ConfigMap are seen as well.
 */
import { readdirSync, statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How often files are looked at, in ms. */
const lookMs = 300;
/** Whoever writes several files writes them within this time, in ms. */
const settleMs = 100;

export class FileWatch {
  /** By path. */
  readonly #looks = new Map<string, string>();
  #onChange: (() => void) | undefined;
  #looking: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  /** Of what was noted; what a look finds out about an older one does not count. */
  #turn = 0;

  /** To be called before files are read again: forgets what was noted, and notes these and, of directories, what is in them. */
  begin(paths: readonly string[]): void {
    this.#turn += 1;
    this.#looks.clear();
    for (const path of paths) for (const each of [path, ...filesIn(path)]) this.note(each);
  }

  /** To be called before a further file is read. */
  note(path: string): void {
    if (!this.#looks.has(path)) this.#looks.set(path, looksNow(path));
  }

  /** Calls `onChange` from now on, once for changes that come together, and again until files have been read again. */
  start(onChange: () => void): void {
    this.#onChange = onChange;
    this.#lookSoon();
  }

  stop(): void {
    this.#onChange = undefined;
    clearTimeout(this.#looking);
    clearTimeout(this.#soon);
  }

  #lookSoon(): void {
    this.#looking = setTimeout(() => {
      void this.#look().then(() => {
        if (this.#onChange !== undefined) this.#lookSoon();
      });
    }, lookMs).unref();
  }

  async #look(): Promise<void> {
    const turn = this.#turn;
    const entries = [...this.#looks];
    const now = await Promise.all(entries.map(([path]) => looksSoon(path)));
    if (turn !== this.#turn || now.every((look, i) => look === entries[i]![1])) return;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#onChange?.(), settleMs).unref();
  }
}

/** Without a file: what another one never looks like. */
const absent = '';

function looksNow(path: string): string {
  try {
    return textOf(statSync(path, { bigint: true }));
  } catch {
    return absent;
  }
}

function looksSoon(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(textOf, () => absent);
}

function textOf({ dev, ino, mode, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, mode, size, mtimeNs, ctimeNs].join();
}

function filesIn(path: string): string[] {
  try {
    return readdirSync(path).map((name) => join(path, name));
  } catch {
    // No directory.
    return [];
  }
}
