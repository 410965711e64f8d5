/** Answers of one server that match no call as it was sent: what is said of them in the log, at once and boundedly. */
import { BoundedMap } from '../../protocol/bounded-map.ts';
import type { Tolerated } from '../../telemetry/tolerated.ts';
import type { BridgeLimits } from './limits.ts';
import { LineLog } from './line-log.ts';
import type { BridgeLog } from './running-server.ts';

/** Ids of cancelled calls that are remembered: an answer to one of them is nothing to speak of. */
const maxExpected = 256;
/** Methods that are named in one line. */
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

  /** The call with this id (raw JSON text) was given up; its answer may come all the same. */
  expect(id: string): void {
    this.#expected.set(id, true);
  }

  /** An answer that matches none of the calls under way. */
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
