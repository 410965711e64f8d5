/** The upstreams of one route, in the order of the configuration, with every way to look one up. */
import type { UpstreamConfig } from '../../config/model.ts';
import type { Upstream } from './upstream.ts';

export class Upstreams implements Iterable<Upstream> {
  readonly all: readonly Upstream[];
  readonly configs: readonly UpstreamConfig[];
  /** By the prefix of its names. */
  readonly byId: ReadonlyMap<string, Upstream>;
  /** By the prefix of its resource URIs. */
  readonly byScheme: ReadonlyMap<string, Upstream>;
  readonly #byHash: ReadonlyMap<number, Upstream>;
  readonly #byConfig: ReadonlyMap<UpstreamConfig, Upstream>;

  constructor(all: readonly Upstream[]) {
    this.all = all;
    this.configs = all.map(({ config }) => config);
    this.byId = new Map(all.map((upstream) => [upstream.config.id, upstream]));
    this.byScheme = new Map(all.map((upstream) => [upstream.config.scheme, upstream]));
    this.#byHash = new Map(all.map((upstream) => [upstream.hash, upstream]));
    this.#byConfig = new Map(all.map((upstream) => [upstream.config, upstream]));
  }

  [Symbol.iterator](): Iterator<Upstream> {
    return this.all[Symbol.iterator]();
  }

  /** By the name it has in sealed identifiers; undefined for one that is not of this route, or no longer. */
  byHash(hash: number | undefined): Upstream | undefined {
    return hash === undefined ? undefined : this.#byHash.get(hash);
  }

  /** `config` is one of `configs`. */
  of(config: UpstreamConfig): Upstream {
    return this.#byConfig.get(config)!;
  }

  /** The upstream of a route that has but one. */
  get only(): Upstream | undefined {
    return this.all.length === 1 ? this.all[0] : undefined;
  }
}
