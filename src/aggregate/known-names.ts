/**
 * What each upstream lists by name, for telling whose a bare name is (design.md §5; security.md T22). It may be somewhat older
 * than what clients are shown, as it only says where a call goes; and of an upstream that cannot be asked, what it listed last
 * counts, so that nothing of it falls to another.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { bareName, outwardName } from './names.ts';
import type { Held, View } from './view.ts';

/** Lists and names kept, over all audiences. */
const maxLists = 4_096;
const maxNames = 1_000_000;

export class KnownList {
  /** The upstream's own names, URIs or templates, in its order. */
  readonly keys: ReadonlySet<string>;
  readonly until: number;
  /** Tells whether anything of the upstream has been forgotten since. */
  readonly changes: number;
  readonly #upstream: UpstreamConfig;
  #aliases: ReadonlyMap<string, string> | undefined;

  constructor(upstream: UpstreamConfig, keys: ReadonlySet<string>, until: number, changes: number) {
    this.#upstream = upstream;
    this.keys = keys;
    this.until = until;
    this.changes = changes;
  }

  /** The upstream's own name for what a client may call `alias`. */
  named(alias: string): string | undefined {
    this.#aliases ??= new Map(
      [...this.keys].flatMap((key) =>
        [bareName(this.#upstream, key), outwardName(this.#upstream, key)].map((outward) => [outward, key] as const),
      ),
    );
    return this.#aliases.get(alias);
  }
}

/** The part of the catalogue that names are learnt from. */
interface Source {
  pages(view: View, upstream: UpstreamConfig): Promise<readonly Held[]>;
  changesOf(upstreamId: string): number;
}

export class KnownNames {
  /** By kind, upstream and audience; the oldest first. */
  readonly #lists = new Map<string, KnownList>();
  /** By kind and upstream, whoever saw it last. */
  readonly #last = new Map<string, KnownList>();
  #names = 0;

  /** Rejects as `pages` does. */
  of(source: Source, view: View, upstream: UpstreamConfig): KnownList | Promise<KnownList> {
    const name = `${view.kind} ${upstream.id} ${view.audienceOf(upstream)}`;
    const known = this.#lists.get(name);
    const changes = source.changesOf(upstream.id);
    if (known !== undefined && known.until > view.nowMs && known.changes === changes) return known;
    return source.pages(view, upstream).then((pages) => {
      const keys = new Set(pages.flatMap(({ page }) => page.keys));
      const list = new KnownList(upstream, keys, knownUntil(view, upstream, pages), changes);
      this.#keep(name, list);
      this.#last.set(`${view.kind} ${upstream.id}`, list);
      return list;
    });
  }

  /** What the upstream listed when it could last be asked. */
  last(view: View, upstream: UpstreamConfig): KnownList | undefined {
    return this.#last.get(`${view.kind} ${upstream.id}`);
  }

  #keep(name: string, list: KnownList): void {
    this.#drop(name);
    this.#lists.set(name, list);
    this.#names += list.keys.size;
    for (const oldest of this.#lists.keys()) {
      if (this.#lists.size <= maxLists && this.#names <= maxNames) return;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    this.#names -= this.#lists.get(name)?.keys.size ?? 0;
    this.#lists.delete(name);
  }
}

/** An upstream that wants no list to be kept is still not asked at every call. */
function knownUntil(view: View, upstream: UpstreamConfig, pages: readonly Held[]): number {
  let until = view.nowMs + view.ttlMsOf(upstream);
  for (const held of pages) if (held.statedUntil === -Infinity) until = Math.min(until, held.freshUntil);
  return until;
}
