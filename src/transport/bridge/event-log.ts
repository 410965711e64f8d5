/**
 * The last events of one bridge session, from which a broken stream can be resumed (2025-11-25 basic/transports §Resumability and
 * Redelivery). An event id is `<channel>-<number>`. It names its stream, and events of another stream are never replayed on it.
 */
import { encodeEvent } from '../../protocol/sse.ts';

interface LoggedEvent {
  readonly channel: number;
  readonly number: number;
  readonly encoded: Buffer;
}

/** A queue that drops its oldest items when it holds too many items or too many bytes. */
export class BoundedQueue<Item> {
  readonly #maxItems: number;
  readonly #maxBytes: number;
  readonly #sizeOf: (item: Item) => number;
  #items: Item[] = [];
  #bytes = 0;

  constructor(maxItems: number, maxBytes: number, sizeOf: (item: Item) => number) {
    this.#maxItems = maxItems;
    this.#maxBytes = maxBytes;
    this.#sizeOf = sizeOf;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /** Returns the items that were dropped. The newest item always stays. */
  push(item: Item): Item[] {
    this.#items.push(item);
    this.#bytes += this.#sizeOf(item);
    let over = 0;
    while (
      over < this.#items.length - 1 &&
      (this.#items.length - over > this.#maxItems || this.#bytes > this.#maxBytes)
    ) {
      this.#bytes -= this.#sizeOf(this.#items[over]!);
      over += 1;
    }
    return over === 0 ? [] : this.#items.splice(0, over);
  }

  takeAll(): Item[] {
    const all = this.#items;
    this.#items = [];
    this.#bytes = 0;
    return all;
  }
}

export class EventLog {
  readonly #events: BoundedQueue<LoggedEvent>;
  #last = 0;

  constructor(maxEvents: number, maxBytes: number) {
    this.#events = new BoundedQueue(maxEvents, maxBytes, (event) => event.encoded.length);
  }

  /** Stores a message as the channel's next event and returns that event as encoded bytes. */
  add(channel: number, message: Buffer | string): Buffer {
    this.#last += 1;
    const encoded = encodeEvent(message, `${channel}-${this.#last}`);
    this.#events.push({ channel, number: this.#last, encoded });
    return encoded;
  }

  /** The channel's events after `number`, as far back as they are kept. */
  after(channel: number, number: number): Buffer[] {
    return this.#events.items
      .filter((event) => event.channel === channel && event.number > number)
      .map((event) => event.encoded);
  }
}

/** Undefined for text that is not one of our event ids. */
export function readEventId(text: string): { readonly channel: number; readonly number: number } | undefined {
  const dash = text.indexOf('-');
  const channel = count(text.slice(0, Math.max(0, dash)));
  const number = count(text.slice(dash + 1));
  return channel === undefined || number === undefined ? undefined : { channel, number };
}

function count(digits: string): number | undefined {
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}
