/**
 * Groups related lines of a server's stderr into one entry. An indented line continues the line before. A Python traceback ends
 * with the line that names the exception. The size is bounded in bytes; the rest of a longer entry is omitted.
 */
import type { BridgeLimits } from './limits.ts';

type EntryLimits = Pick<BridgeLimits, 'maxLoggedBytes' | 'maxEntryBytes' | 'entryWaitMs'>;

const traceback = 'Traceback (most recent call last):';
/** Lines that Python prints between the tracebacks of chained exceptions. */
const joins = ['During handling of the above exception', 'The above exception was the direct cause'];

export class LogEntries {
  readonly #limits: EntryLimits;
  readonly #onEntry: (entry: string) => void;
  #entry = '';
  #isTraceback = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: EntryLimits, onEntry: (entry: string) => void) {
    this.#limits = limits;
    this.#onEntry = onEntry;
  }

  /** Adds one line, without its line end. */
  add(line: Buffer): void {
    const text = line.toString('utf8', 0, this.#limits.maxLoggedBytes);
    const begins = text.startsWith(traceback);
    const goesOn =
      this.#entry !== '' && (this.#isTraceback || /^[ \t]/.test(text) || joins.some((join) => text.startsWith(join)));
    if (!goesOn && !(begins && this.#joined())) this.flush();
    this.#isTraceback = begins || (this.#isTraceback && /^[ \t]/.test(text));
    const grown = this.#entry === '' ? text : `${this.#entry}\n${text}`;
    if (grown.length <= this.#limits.maxEntryBytes) this.#entry = grown;
    this.#timer ??= setTimeout(() => this.flush(), this.#limits.entryWaitMs);
    this.#timer.refresh();
  }

  /** Emits the current entry. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const entry = this.#entry;
    this.#entry = '';
    this.#isTraceback = false;
    if (entry !== '') this.#onEntry(entry);
  }

  /** Whether the last line says that another traceback follows. */
  #joined(): boolean {
    const last = this.#entry.slice(this.#entry.lastIndexOf('\n') + 1);
    return joins.some((join) => last.startsWith(join));
  }
}
