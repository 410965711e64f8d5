/**
 * The upstreams of one route, in the order of the configuration, with all ways to look one up. All of them are replaced in one
 * assignment when the configuration is read again; users of this object see the new ones at their next look-up.
 */
import type { UpstreamConfig } from '../../config/model.ts';
import { namesCredential } from '../http/caller.ts';
import type { Upstream } from './upstream.ts';

interface Indexed {
  readonly all: readonly Upstream[];
  readonly configs: readonly UpstreamConfig[];
  readonly byId: ReadonlyMap<string, Upstream>;
  readonly byScheme: ReadonlyMap<string, Upstream>;
  readonly byHash: ReadonlyMap<number, Upstream>;
  readonly forwardedNames: ReadonlySet<string>;
  readonly forwardedCredentials: ReadonlySet<string>;
}

export class Upstreams implements Iterable<Upstream> {
  #now: Indexed;
  /** Includes replaced upstreams, as long as they are in use. */
  readonly #byConfig = new WeakMap<UpstreamConfig, Upstream>();

  constructor(all: readonly Upstream[]) {
    this.#now = this.#indexed(all);
  }

  replace(all: readonly Upstream[]): void {
    this.#now = this.#indexed(all);
  }

  [Symbol.iterator](): Iterator<Upstream> {
    return this.#now.all[Symbol.iterator]();
  }

  get all(): readonly Upstream[] {
    return this.#now.all;
  }

  get configs(): readonly UpstreamConfig[] {
    return this.#now.configs;
  }

  /** Keyed by the prefix of its names. */
  get byId(): ReadonlyMap<string, Upstream> {
    return this.#now.byId;
  }

  /** Keyed by the prefix of its resource URIs. */
  get byScheme(): ReadonlyMap<string, Upstream> {
    return this.#now.byScheme;
  }

  /** By its id in sealed identifiers; undefined for one that is not, or no longer, in this route. */
  byHash(hash: number | undefined): Upstream | undefined {
    return hash === undefined ? undefined : this.#now.byHash.get(hash);
  }

  /** `config` is, or was, one of `configs`. */
  of(config: UpstreamConfig): Upstream {
    return this.#byConfig.get(config)!;
  }

  /** Client headers, in lower case, that some upstream gets. */
  get forwardedNames(): ReadonlySet<string> {
    return this.#now.forwardedNames;
  }

  /** Those of them that are credentials, judged by their names: a request may contain each only once. */
  get forwardedCredentials(): ReadonlySet<string> {
    return this.#now.forwardedCredentials;
  }

  /** The upstream of a route with only one. */
  get only(): Upstream | undefined {
    return this.#now.all.length === 1 ? this.#now.all[0] : undefined;
  }

  #indexed(all: readonly Upstream[]): Indexed {
    for (const upstream of all) this.#byConfig.set(upstream.config, upstream);
    return {
      all,
      configs: all.map(({ config }) => config),
      byId: new Map(all.map((upstream) => [upstream.config.id, upstream])),
      byScheme: new Map(all.map((upstream) => [upstream.config.scheme, upstream])),
      byHash: new Map(all.map((upstream) => [upstream.hash, upstream])),
      forwardedNames: new Set(all.flatMap(({ config }) => config.forwardHeaders)),
      forwardedCredentials: new Set(all.flatMap(({ config }) => config.forwardHeaders.filter(namesCredential))),
    };
  }
}
