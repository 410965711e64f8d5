/**
 * A cache of merged lists as bytes: a hit costs a comparison and no copying. A merged list is valid only while every page it was
 * made of is fresh and the upstreams are the same, in the same order. Bounded; the oldest is evicted first.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { Shelf } from './shelf.ts';
import type { Term } from './view.ts';

/** Maximum number of merged lists, and of their bytes, in the cache. */
const maxLists = 256;
const maxBytes = 32 * 1024 * 1024;
/** Size of the record of one page from which a list was made, in bytes. */
const termBytes = 64;

export interface Merged {
  /** The result object; without its last bytes `]}` if `next` says that it continues. A separate buffer. */
  readonly body: Buffer;
  readonly next: { readonly upstream: UpstreamConfig; readonly cursor: string | undefined } | undefined;
  readonly upstreams: readonly UpstreamConfig[];
  /** Not the pages themselves, which may already have been evicted. */
  readonly madeOf: readonly Term[];
}

export class MergedLists {
  readonly #lists = new Shelf<Merged>(maxLists, maxBytes);

  find(name: string, upstreams: readonly UpstreamConfig[], nowMs: number): Merged | undefined {
    const list = this.#lists.get(name);
    if (list === undefined || list.upstreams.length !== upstreams.length) return undefined;
    for (let at = 0; at < upstreams.length; at++) if (list.upstreams[at] !== upstreams[at]) return undefined;
    return isFresh(list, nowMs) ? list : undefined;
  }

  /** `audience`: for whom the list is cached. */
  keep(name: string, audience: string, list: Merged, nowMs: number): void {
    this.#lists.sweep((old) => !isFresh(old, nowMs));
    const cursor = list.next?.cursor?.length ?? 0;
    this.#lists.keep(name, audience, list, list.body.length + termBytes * list.madeOf.length + 2 * cursor);
  }

  /** Removes everything cached for one session. */
  forget(owner: string): void {
    this.#lists.forget(owner);
  }
}

function isFresh({ madeOf }: Merged, nowMs: number): boolean {
  for (const { freshUntil } of madeOf) if (freshUntil <= nowMs) return false;
  return true;
}
