/**
 * The queue of notices for one peer. A few messages are sent at once; notices that arrive meanwhile wait and are sent together.
 * So neither a burst of notices nor a peer that hangs uses more than a few connections and a bounded amount of memory.
 */
import { maxNotices, type Notice, type NoticeFormat } from './notice.ts';

/** Messages in flight to one peer, and so the number of its connections. */
export const maxPostsPerPeer = 4;
/** Notices that wait for one peer. Above this the oldest are dropped; the ends of sessions are dropped last. */
const maxWaiting = 2_048;
/** Maximum size of one message of format 2, in bytes of its notices. */
const maxBatchBytes = 32 * 1024;
/** How long a cancellation waits for others. A client can send any number of cancellations, and each goes to every peer. */
const gatherMs = 50;
/**
 * After this many failures in a row, the notices that wait for the peer are dropped: more attempts would only delay the senders.
 */
const maxFailures = 3;

/** A peer's answer to a message; undefined if it was not reached. */
export type PeerAnswer = { readonly status: number; readonly reads: NoticeFormat } | undefined;

/** Posts notices (JSON texts) as one message of this format. Never rejects. */
export type Post = (format: NoticeFormat, notices: readonly string[]) => Promise<PeerAnswer>;

interface Waiting {
  readonly kind: Notice['kind'];
  /** The notice as JSON. */
  readonly text: string;
  readonly done: PromiseWithResolvers<void>;
}

export class PeerQueue {
  readonly #post: Post;
  /** Keyed by text, oldest first. A duplicate is sent once, at the later position. */
  readonly #waiting = new Map<string, Waiting>();
  #ended = 0;
  #posts = 0;
  #failures = 0;
  /** The newest format that the peer is known to read. */
  #reads: NoticeFormat = 1;
  /** Set when a notice waits that must not be delayed further. */
  #isDue = false;
  #isPumping = false;
  #gathering: NodeJS.Timeout | undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  /** `text` is the notice as JSON. Resolves when the peer has processed it, or when delivery is given up. */
  add({ kind }: Notice, text: string): Promise<void> {
    const entry = this.#waiting.get(text) ?? { kind, text, done: Promise.withResolvers<void>() };
    this.#remove(entry);
    this.#keep(entry);
    this.#makeRoom();
    if (kind !== 'cancelled') this.#due();
    else if (!this.#isDue) this.#gathering ??= setTimeout(() => this.#due(), gatherMs).unref();
    return entry.done.promise;
  }

  /** Gives up all waiting notices. */
  close(): void {
    clearTimeout(this.#gathering);
    for (const entry of this.#waiting.values()) this.#giveUp(entry);
  }

  #due(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#isDue = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    // Notices added in the same turn of the event loop are sent together.
    queueMicrotask(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    // A peer that was not reached lately gets one message at a time.
    const posts = this.#failures > 0 ? 1 : maxPostsPerPeer;
    while (this.#isDue && this.#posts < posts && this.#waiting.size > 0) void this.#send(this.#take());
    if (this.#waiting.size === 0) this.#isDue = false;
  }

  #take(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const entry of this.#waiting.values()) {
      bytes += Buffer.byteLength(entry.text);
      if (batch.length > 0 && (this.#reads === 1 || batch.length === maxNotices || bytes > maxBatchBytes)) break;
      this.#remove(entry);
      batch.push(entry);
    }
    return batch;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    this.#posts += 1;
    const format = batch.length === 1 ? 1 : this.#reads;
    const said = await this.#post(
      format,
      batch.map(({ text }) => text),
    );
    this.#posts -= 1;
    if (said === undefined) this.#failed();
    else {
      this.#failures = 0;
      // A peer that refuses format 2 has been downgraded to the earlier release. It gets the notices again, one by one.
      const isOlder = format === 2 && said.status !== 204;
      this.#reads = isOlder ? 1 : said.reads;
      if (isOlder) {
        this.#putBack(batch);
        this.#pump();
        return;
      }
    }
    for (const { done } of batch) done.resolve();
    this.#pump();
  }

  /** Puts the batch back, in front of newer notices. */
  #putBack(batch: readonly Waiting[]): void {
    const since = [...this.#waiting.values()];
    for (const entry of since) this.#remove(entry);
    for (const entry of batch) {
      const again = since.find(({ text }) => text === entry.text);
      if (again === undefined) this.#keep(entry);
      else void again.done.promise.then(() => entry.done.resolve());
    }
    for (const entry of since) this.#keep(entry);
    this.#makeRoom();
    this.#isDue = true;
  }

  #failed(): void {
    this.#failures += 1;
    if (this.#failures < maxFailures) return;
    for (const entry of this.#waiting.values()) this.#giveUp(entry);
  }

  #keep(entry: Waiting): void {
    if (!this.#waiting.has(entry.text) && entry.kind === 'ended') this.#ended += 1;
    this.#waiting.set(entry.text, entry);
  }

  #remove(entry: Waiting): void {
    if (this.#waiting.delete(entry.text) && entry.kind === 'ended') this.#ended -= 1;
  }

  #giveUp(entry: Waiting): void {
    this.#remove(entry);
    entry.done.resolve();
  }

  #makeRoom(): void {
    while (this.#waiting.size > maxWaiting) {
      const others = this.#waiting.size - this.#ended;
      for (const entry of this.#waiting.values()) {
        if (others > 0 && entry.kind === 'ended') continue;
        this.#giveUp(entry);
        break;
      }
    }
  }
}
