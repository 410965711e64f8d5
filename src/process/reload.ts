/**
 * Reads the configuration and the session keys again when one of their files changes, or on SIGHUP. Files are watched by name, so
 * that a rename over the old file, and the symbolic links of a mounted ConfigMap, are noticed too. An invalid configuration
 * changes nothing: the last valid one stays in use.
 */
import { readdirSync, unwatchFile, watchFile } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../config/model.ts';
import { KeyringError } from '../session/key-spec.ts';
import type { Log } from '../telemetry/log.ts';
import { countReload } from '../telemetry/metrics.ts';
import type { Prepared } from './prepare.ts';

/** How often files are checked, in ms. */
const lookMs = 300;
/** Files that are written together are written within this time, in ms. */
const settleMs = 100;

export interface ReloadParts {
  /** Files and directories of the configuration, and the key file. */
  readonly paths: readonly string[];
  /** Further files that the configuration names. */
  readonly named?: () => readonly string[];
  /** Throws `ConfigError` or `KeyringError`. */
  readonly read: () => Promise<Prepared>;
  readonly apply: (prepared: Prepared) => void;
  readonly log: Log;
}

export class Reloading {
  readonly #parts: ReloadParts;
  readonly #watched = new Set<string>();
  #soon: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | undefined;
  #isStale = false;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#watch();
  }

  /** Reads at once; concurrent calls are combined. Never rejects. */
  async now(): Promise<void> {
    if (this.#underWay !== undefined) {
      this.#isStale = true;
      await this.#underWay;
      return;
    }
    this.#underWay = this.#read().finally(() => (this.#underWay = undefined));
    await this.#underWay;
    if (!this.#isStale) return;
    this.#isStale = false;
    await this.now();
  }

  stop(): void {
    clearTimeout(this.#soon);
    for (const path of this.#watched) unwatchFile(path, this.#changed);
    this.#watched.clear();
  }

  async #read(): Promise<void> {
    const { read, apply, log } = this.#parts;
    this.#watch();
    try {
      apply(await read());
      countReload(true);
      log.info('configuration reloaded');
    } catch (fault) {
      countReload(false);
      const faults = fault instanceof ConfigError || fault instanceof KeyringError ? fault.message : String(fault);
      log.error({ faults }, 'configuration is invalid and was not taken; the last valid one serves on');
    }
    // It may name other files now.
    this.#watch();
  }

  readonly #changed = (): void => {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.now(), settleMs);
  };

  /** A directory may contain other files now. */
  #watch(): void {
    const { paths, named } = this.#parts;
    const wanted = new Set([...paths.flatMap((path) => [path, ...filesIn(path)]), ...(named?.() ?? [])]);
    for (const path of this.#watched) {
      if (wanted.has(path)) continue;
      unwatchFile(path, this.#changed);
      this.#watched.delete(path);
    }
    for (const path of wanted) {
      if (this.#watched.has(path)) continue;
      this.#watched.add(path);
      watchFile(path, { interval: lookMs, persistent: false }, this.#changed);
    }
  }
}

function filesIn(path: string): string[] {
  try {
    return readdirSync(path).map((name) => join(path, name));
  } catch {
    // It is not a directory.
    return [];
  }
}
