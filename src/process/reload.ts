/**
 * Reads the configuration and the session keys again when one of their files changes, or on SIGHUP. An invalid configuration changes
 * nothing, nor does one that cannot be served: the last valid one stays in use.
 */
import { ConfigError } from '../config/model.ts';
import { KeyringError } from '../session/key-spec.ts';
import type { Log } from '../telemetry/log.ts';
import { countReload } from '../telemetry/metrics.ts';
import type { FileWatch } from './file-watch.ts';
import type { Prepared } from './prepare.ts';
import { UsageError } from './usage.ts';

export interface ReloadParts {
  /** Files and directories of the configuration, and the key file. */
  readonly paths: readonly string[];
  /** Has recorded the files before they were read first. Whoever reads further files records these. */
  readonly files: FileWatch;
  /** Throws `ConfigError` or `KeyringError`. */
  readonly read: () => Promise<Prepared>;
  /** Rejects where it cannot be served. */
  readonly apply: (prepared: Prepared) => Promise<void>;
  readonly log: Log;
}

export class Reloading {
  readonly #parts: ReloadParts;
  #underWay: Promise<void> | undefined;
  #isStale = false;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    parts.files.start(() => void this.now());
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
    this.#parts.files.stop();
  }

  async #read(): Promise<void> {
    const { paths, files, read, apply, log } = this.#parts;
    files.begin(paths);
    try {
      await apply(await read());
      countReload(true);
      log.info('configuration reloaded');
    } catch (fault) {
      countReload(false);
      const isKnown = fault instanceof ConfigError || fault instanceof KeyringError || fault instanceof UsageError;
      const faults = isKnown ? fault.message : String(fault);
      log.error({ faults }, 'configuration was not taken; the last valid one serves on');
    }
  }
}
