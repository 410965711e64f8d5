/** Where the other replicas are: the addresses of one DNS name, looked up again every few seconds at most. */
import { lookup } from 'node:dns/promises';

/** How long the addresses of a name are cached. */
const addressesMs = 5_000;
/** When the lookup fails, the previous addresses are used for this long. */
const lastAddressesMs = 60_000;
/** Maximum number of peers that are notified. */
export const maxPeers = 256;

/** The addresses of a name. Rejects when the lookup fails. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export class PeerAddresses {
  readonly #host: string;
  readonly #port: number;
  readonly #resolve: Resolve;
  /** Each as `host:port`. */
  #known: readonly string[] = [];
  /** On the clock of performance.now(). */
  #knownAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<readonly string[]> | undefined;

  /** `name` is `host` or `host:port`. */
  constructor(name: string, defaultPort: number, resolve: Resolve = (host) => lookup(host, { all: true })) {
    const { hostname, port } = new URL(`http://${name}`);
    this.#host = hostname.replace(/^\[|\]$/g, '');
    this.#port = port === '' ? defaultPort : Number(port);
    this.#resolve = resolve;
  }

  /** `host:port` of each peer. Rejects when the lookup fails and no earlier addresses are usable. */
  current(): readonly string[] | Promise<readonly string[]> {
    if (performance.now() - this.#knownAt < addressesMs) return this.#known;
    this.#underWay ??= this.#look().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }

  async #look(): Promise<readonly string[]> {
    try {
      const found = await this.#resolve(this.#host);
      const addresses = found.map(({ address, family }) => `${family === 6 ? `[${address}]` : address}:${this.#port}`);
      this.#known = [...new Set(addresses)].slice(0, maxPeers);
      this.#knownAt = performance.now();
    } catch (fault) {
      if (performance.now() - this.#knownAt > lastAddressesMs) throw fault;
    }
    return this.#known;
  }
}
