/** Answers of one server that match no pending call: logs them, with a limit on the number of lines. */
import { BoundedMap } from '../../protocol/bounded-map.ts';
import type { Tolerated } from '../../telemetry/tolerated.ts';
import type { BridgeLimits } from './limits.ts';
import { LineLog } from './line-log.ts';
import type { BridgeLog } from './running-server.ts';

/** Number of remembered ids of cancelled calls. A late answer to one of them is normal. */
const maxExpected = 256;
/** Maximum number of methods named in one log line. */
const maxNamed = 4;

export class Unmatched {
  readonly #log: BridgeLog;
  readonly #label: object;
  readonly #tolerated: Tolerated;
  readonly #lines: LineLog;
  readonly #expected = new BoundedMap<string, true>({ maxEntries: maxExpected });

  constructor(log: BridgeLog, limits: BridgeLimits, label: object, tolerated: Tolerated) {
    this.#tolerated = tolerated;
    this.#log = log;
    this.#label = label;
    this.#lines = new LineLog(log, limits);
  }

  /** The call with this id (raw JSON text) was cancelled. Its answer may still arrive. */
  expect(id: string): void {
    this.#expected.set(id, true);
  }

  /** An answer that matches no call in progress was dropped. */
  dropped(id: string | undefined, calls: Iterable<{ readonly method: string }>): void {
    if (id !== undefined && this.#expected.delete(id)) {
      this.#log.debug(this.#label, 'dropped the answer to a cancelled request');
      return;
    }
    this.#tolerated.count('answer_unmatched');
    const methods = [...new Set(Array.from(calls, ({ method }) => method))].slice(0, maxNamed);
    const text = 'dropped an answer that matches no request; it may belong to one of these';
    this.#lines.write('warn', this.#label, text, methods.join(', '), performance.now());
  }
}
