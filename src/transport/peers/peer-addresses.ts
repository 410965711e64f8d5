/** Where the other replicas are: the addresses behind one name, looked up again every few seconds at most. */
import { lookup } from 'node:dns/promises';

/** How long the addresses of a name are taken for true. */
const addressesMs = 5_000;
/** When the name cannot be looked up, those of before serve for this long. */
const lastAddressesMs = 60_000;
/** More peers than this are not told. */
export const maxPeers = 256;

/** The addresses behind a name. Rejects when it cannot be looked up. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export class PeerAddresses {
  readonly #host: string;
  readonly #port: number;
  readonly #resolve: Resolve;
  /** `host:port` each. */
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

  /** `host:port` of each peer. Rejects when the name cannot be looked up and nothing is known of it. */
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
