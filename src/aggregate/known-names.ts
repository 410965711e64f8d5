/**
 * The names that each upstream lists, to find the owner of a bare name. They may be slightly older than the shown lists, because
 * they only decide where a call goes. While an upstream is unavailable, its last list is used, so no other upstream can take over
 * its names (tool shadowing).
 */
import type { UpstreamConfig } from '../config/model.ts';
import type { ListKind } from './kinds.ts';
import { bareName, outwardName } from './names.ts';
import { ownToolName } from './overrides.ts';
import { Shelf, textBytes } from './shelf.ts';
import type { KeptPage, View } from './view.ts';

/** Limits of the lists over all audiences, in number and bytes; and in bytes of the latest list of each upstream. */
const maxLists = 4_096;
const maxBytes = 16 * 1024 * 1024;
/** A key is in its list, and its two aliases are computed on demand. */
const textsPerKey = 3;

export class KnownList {
  /** The upstream's own names, URIs or templates, in its order. */
  readonly keys: ReadonlySet<string>;
  readonly until: number;
  /** Changes when lists of the upstream have been invalidated. */
  readonly changes: number;
  readonly #upstream: UpstreamConfig;
  readonly #kind: ListKind;
  #aliases: ReadonlyMap<string, string> | undefined;

  constructor(upstream: UpstreamConfig, kind: ListKind, keys: ReadonlySet<string>, until: number, changes: number) {
    this.#upstream = upstream;
    this.#kind = kind;
    this.keys = keys;
    this.until = until;
    this.changes = changes;
  }

  /** The upstream's own name for `bare`, a name without prefix. */
  owned(bare: string): string | undefined {
    const own = this.#kind === 'tools' ? ownToolName(this.#upstream, bare) : bare;
    return own !== undefined && this.keys.has(own) ? own : undefined;
  }

  /** The upstream's own name for an alias. */
  named(alias: string): string | undefined {
    const kind = this.#kind === 'tools' ? 'tool' : 'prompt';
    this.#aliases ??= new Map(
      [...this.keys].flatMap((key) =>
        [bareName(this.#upstream, key, kind), outwardName(this.#upstream, key, kind)].map(
          (outward) => [outward, key] as const,
        ),
      ),
    );
    return this.#aliases.get(alias);
  }

  get bytes(): number {
    let bytes = 0;
    for (const key of this.keys) bytes += textsPerKey * textBytes(key);
    return bytes;
  }
}

/** The part of the catalogue from which names are learned. */
interface Source {
  pages(view: View, upstream: UpstreamConfig): Promise<readonly KeptPage[]>;
  changesOf(upstreamId: string): number;
}

export class KnownNames {
  /** Keyed by kind, upstream and audience. */
  readonly #lists = new Shelf<KnownList>(maxLists, maxBytes);
  /** Keyed by kind and upstream, for any audience. */
  readonly #last = new Shelf<KnownList>(maxLists, maxBytes);

  /** Rejects like `pages`. */
  of(source: Source, view: View, upstream: UpstreamConfig): KnownList | Promise<KnownList> {
    const audience = view.audienceOf(upstream);
    const name = `${view.kind} ${upstream.id} ${audience}`;
    const known = this.#lists.get(name);
    const changes = source.changesOf(upstream.id);
    if (known !== undefined && known.until > view.nowMs && known.changes === changes) return known;
    return source.pages(view, upstream).then((pages) => {
      const keys = new Set(pages.flatMap(({ page }) => page.keys));
      const list = new KnownList(upstream, view.kind, keys, knownUntil(view, upstream, pages), changes);
      const { bytes } = list;
      this.#lists.sweep(({ until }) => until <= view.nowMs);
      this.#lists.keep(name, audience, list, bytes);
      this.#last.keep(lastName(view, upstream), 'everyone', list, bytes);
      return list;
    });
  }

  /** The last list that the upstream returned. */
  last(view: View, upstream: UpstreamConfig): KnownList | undefined {
    return this.#last.get(lastName(view, upstream));
  }

  /** Removes everything cached for one session. */
  forget(owner: string): void {
    this.#lists.forget(owner);
  }
}

function lastName({ kind }: View, { id }: UpstreamConfig): string {
  return `${kind} ${id}`;
}

/** An upstream whose lists must not be cached is still not asked at every call. */
function knownUntil(view: View, upstream: UpstreamConfig, pages: readonly KeptPage[]): number {
  let until = view.nowMs + view.ttlMsOf(upstream);
  for (const { term } of pages) if (term.statedUntil === -Infinity) until = Math.min(until, term.freshUntil);
  return until;
}
