/**
 * The upstreams of one route, in the order of the configuration, with every way to look one up. All of them are replaced in one
 * assignment when the configuration is read again; whoever holds this object sees the new ones with its next look.
 */
import type { UpstreamConfig } from '../../config/model.ts';
import type { Upstream } from './upstream.ts';

/** Of header names. */
const namesCredential = /auth|cookie|key|password|secret|token/;

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
  /** Those that were replaced too, as long as someone is still busy with them. */
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

  /** By the prefix of its names. */
  get byId(): ReadonlyMap<string, Upstream> {
    return this.#now.byId;
  }

  /** By the prefix of its resource URIs. */
  get byScheme(): ReadonlyMap<string, Upstream> {
    return this.#now.byScheme;
  }

  /** By the name it has in sealed identifiers; undefined for one that is not of this route, or no longer. */
  byHash(hash: number | undefined): Upstream | undefined {
    return hash === undefined ? undefined : this.#now.byHash.get(hash);
  }

  /** `config` is, or was, one of `configs`. */
  of(config: UpstreamConfig): Upstream {
    return this.#byConfig.get(config)!;
  }

  /** Client headers, in lower case, that some upstream is meant to get. */
  get forwardedNames(): ReadonlySet<string> {
    return this.#now.forwardedNames;
  }

  /** Those of them that carry a credential, by their names: of these there may be but one line. */
  get forwardedCredentials(): ReadonlySet<string> {
    return this.#now.forwardedCredentials;
  }

  /** The upstream of a route that has but one. */
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
      forwardedCredentials: new Set(
        all.flatMap(({ config }) => config.forwardHeaders.filter((name) => namesCredential.test(name))),
      ),
    };
  }
}
