/**
 * Merged lists as bytes, so that a warm list costs a comparison and no copying. One is valid only while every page it was
 * made of is fresh and the upstreams are the same ones in the same order. Bounded; the oldest goes first.
 */
import type { UpstreamConfig } from '../config/model.ts';
import type { Part } from './hints.ts';

/** Merged lists, and their bytes, kept over all. */
const maxLists = 256;
const maxBytes = 32 * 1024 * 1024;

export interface Merged {
  /** The result object; without its last bytes `]}` when `next` says that it goes on. */
  readonly body: Buffer;
  readonly next: { readonly upstream: UpstreamConfig; readonly cursor: string | undefined } | undefined;
  readonly upstreams: readonly UpstreamConfig[];
  readonly madeOf: readonly (Part & { readonly freshUntil: number })[];
}

export class MergedLists {
  readonly #lists = new Map<string, Merged>();
  #bytes = 0;

  find(name: string, upstreams: readonly UpstreamConfig[], nowMs: number): Merged | undefined {
    const list = this.#lists.get(name);
    if (list === undefined || list.upstreams.length !== upstreams.length) return undefined;
    for (let at = 0; at < upstreams.length; at++) if (list.upstreams[at] !== upstreams[at]) return undefined;
    for (const { freshUntil } of list.madeOf) if (freshUntil <= nowMs) return undefined;
    return list;
  }

  keep(name: string, list: Merged): void {
    this.#drop(name);
    this.#lists.set(name, list);
    this.#bytes += list.body.length;
    for (const oldest of this.#lists.keys()) {
      if (this.#lists.size <= maxLists && this.#bytes <= maxBytes) return;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    this.#bytes -= this.#lists.get(name)?.body.length ?? 0;
    this.#lists.delete(name);
  }
}
