/**
 * What one peer is still to be told. A few messages are on their way at once, and what comes meanwhile waits and leaves as one, so
 * that neither a flood of news nor a peer that hangs costs more than a few connections and a bounded memory.
 */
import { maxNotices, type Notice, type NoticeFormat } from './notice.ts';

/** Messages on their way to one peer, and so its connections. */
export const maxPostsPerPeer = 4;
/** Notices that wait for one peer; when there are more, the oldest give way, the ends of sessions last of all. */
const maxWaiting = 2_048;
/** One message of the second format, in bytes of its notices. */
const maxBatchBytes = 32 * 1024;
/** So long a cancellation waits for others: a client may make any number of them up, and each would go to every peer. */
const gatherMs = 50;
/** A peer that could not be reached this often in a row is told nothing of what waits: it would only wait longer. */
const maxFailures = 3;

/** What a peer has said to a message; undefined: it was not reached. */
export type Said = { readonly status: number; readonly reads: NoticeFormat } | undefined;

/** Sends notices, as JSON texts, as one message of this format. Never rejects. */
export type Post = (format: NoticeFormat, notices: readonly string[]) => Promise<Said>;

interface Waiting {
  readonly kind: Notice['kind'];
  /** The notice as JSON. */
  readonly text: string;
  readonly done: PromiseWithResolvers<void>;
}

export class PeerQueue {
  readonly #post: Post;
  /** By text, the oldest first: what is said twice is told once, at the place of the latter. */
  readonly #waiting = new Map<string, Waiting>();
  #ended = 0;
  #posts = 0;
  #failures = 0;
  /** What it reads, as far as it has said. */
  #reads: NoticeFormat = 1;
  /** Something waits that does not wait for more. */
  #isDue = false;
  #isPumping = false;
  #gathering: NodeJS.Timeout | undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  /** `text` is the notice as JSON. Resolves when the peer has heard it, or will not. */
  add({ kind }: Notice, text: string): Promise<void> {
    const entry = this.#waiting.get(text) ?? { kind, text, done: Promise.withResolvers<void>() };
    this.#remove(entry);
    this.#keep(entry);
    this.#makeRoom();
    if (kind !== 'cancelled') this.#due();
    else if (!this.#isDue) this.#gathering ??= setTimeout(() => this.#due(), gatherMs).unref();
    return entry.done.promise;
  }

  /** Whoever waits is let go. */
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
    // What is said in the same turn leaves together.
    queueMicrotask(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    // One that was not reached lately is tried by one message at a time.
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
      // A peer that no longer understands what it understood is of the release before: it hears it again, one by one.
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

  /** In front of what has come since. */
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
