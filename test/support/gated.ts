/** The directory of a `gated-stdio-server.ts`: opens and shuts its gate and says what it has done. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closedAtTheEnd } from './started.ts';

const program = fileURLToPath(new URL('gated-stdio-server.ts', import.meta.url));

export interface Gated {
  /** Arguments for `node`. */
  readonly args: readonly string[];
  open(): void;
  shut(): void;
  /** Process ids, in order: of all that started, of all that answered `initialize`. */
  starts(): readonly number[];
  greeted(): readonly number[];
}

/** Shut at first. */
export function gated(revision?: string): Gated {
  const directory = mkdtempSync(join(tmpdir(), 'gated-'));
  closedAtTheEnd(async () => rmSync(directory, { recursive: true, force: true }));
  const pids = (file: string) => (): number[] => {
    const path = join(directory, file);
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').map(Number) : [];
  };
  return {
    args: [program, directory, ...(revision === undefined ? [] : [revision])],
    open: () => writeFileSync(join(directory, 'gate'), ''),
    shut: () => rmSync(join(directory, 'gate')),
    starts: pids('starts'),
    greeted: pids('greeted'),
  };
}
