/**
 * Lines of a server's stderr that belong together, put together: what is indented goes on with the line before, and a Python
 * traceback ends with the line that names the exception. Bounded in bytes; the rest of a longer entry is left out.
 */
import type { BridgeLimits } from './limits.ts';

type EntryLimits = Pick<BridgeLimits, 'maxLoggedBytes' | 'maxEntryBytes' | 'entryWaitMs'>;

const traceback = 'Traceback (most recent call last):';
/** How Python joins the tracebacks of exceptions that caused one another. */
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

  /** One line without its end. */
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

  /** Gives what is there. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const entry = this.#entry;
    this.#entry = '';
    this.#isTraceback = false;
    if (entry !== '') this.#onEntry(entry);
  }

  /** The last line says that another traceback follows. */
  #joined(): boolean {
    const last = this.#entry.slice(this.#entry.lastIndexOf('\n') + 1);
    return joins.some((join) => last.startsWith(join));
  }
}
