/** One upstream as this process sees it: its address, its connections, and what is known of it. These facts are only hints. */
import { Pool } from 'undici';
import type { UpstreamConfig } from '../../config/model.ts';
import type { ParamHeader } from '../../aggregate/param-headers.ts';
import { upstreamHash } from '../../session/claims.ts';
import { connectTimeoutMs } from '../http/limits.ts';
import { connectionSettings } from '../http/connection.ts';

/** How a stream for what belongs to no call is asked for. */
export type StreamKind = 'get' | 'subscription';

export class Upstream {
  #config: UpstreamConfig;
  /** The address in use. */
  readonly url: string;
  readonly origin: string;
  /** Path and query, as they stand in the configured URL. */
  readonly path: string;
  /** Stable name of this upstream in sealed identifiers: moves with its name or address, not with its place in the file. */
  readonly hash: number;
  /** Connections of calls. */
  readonly pool: Pool;
  /**
   * Connections of streams that stay open. A pool looks through the busy ones for each request: thousands of these would
   * double the cost of a call.
   */
  readonly streams: Pool;
  /** It speaks through this machine's loopback bridge, where no other replica reaches its sessions. */
  readonly bridged: boolean;
  /** Headers of every request: the configured ones and the gateway's own. */
  readonly headers: readonly string[];

  /** Tools of a modern upstream whose arguments are repeated in headers (`x-mcp-header`), by the upstream's own names. */
  paramHeaders: ReadonlyMap<string, readonly ParamHeader[]> = new Map();
  /** Tools that are called as tasks alone, by the upstream's own names; undefined until a list has said so. */
  taskTools: ReadonlySet<string> | undefined;
  /**
   * How a stream was asked for in vain: GET was answered with 405, or a subscription refused. One that speaks both eras may have
   * the other.
   */
  readonly #streamless = new Set<StreamKind>();
  /** Its last request failed; `probe.ts` checks when it is back. */
  down = false;
  /** Its connections are released. */
  isClosed = false;
  /** Opening a session timed out: until then (ms) it is not tried again inside a request. */
  blackoutUntil = 0;
  /** Server capabilities of the last successful handshake. */
  capabilities: number | undefined;

  /** `url` is the address in use: for stdio and SSE upstreams that of the loopback bridge. */
  constructor(config: UpstreamConfig, url: string, identity: string, version: string) {
    const address = new URL(url);
    this.#config = config;
    this.url = url;
    this.bridged = config.transport.kind !== 'http';
    this.origin = address.origin;
    this.path = `${address.pathname}${address.search}`;
    const named = new URL(identity);
    this.hash = upstreamHash(
      config.name,
      named.origin === 'null' ? named.protocol : named.origin,
      `${named.pathname}${named.search}`,
    );
    const configured = config.transport.kind === 'http' ? config.transport.headers : [];
    this.headers = [...configured.flat(), 'user-agent', `manifold/${version}`, 'accept-encoding', 'identity'];
    const options = {
      connect: { timeout: connectTimeoutMs, ...connectionSettings(config.transport) },
      // One stream of events a connection, whose pace is that of its client.
      allowH2: false,
      // Streams may be silent for long; the gateway keeps its own watch over silence (wheel.ts).
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
    };
    this.pool = new Pool(this.origin, options);
    this.streams = new Pool(this.origin, options);
  }

  get config(): UpstreamConfig {
    return this.#config;
  }

  /** The same configuration, in a route that has other upstreams beside it than before. */
  settle(config: UpstreamConfig): void {
    this.#config = config;
  }

  /** Whether a stream of this kind is worth asking for. */
  mayStream({ streamKind }: { readonly streamKind: StreamKind }): boolean {
    return !this.#streamless.has(streamKind);
  }

  /** There is none of this kind to have. */
  cannotStream({ streamKind }: { readonly streamKind: StreamKind }): void {
    this.#streamless.add(streamKind);
  }

  /** It may be another server by now. */
  mayStreamAgain(): void {
    this.#streamless.clear();
  }

  /** Resolves when nothing is under way any more; takes nothing new. Never rejects. */
  async finish(): Promise<void> {
    await Promise.allSettled([this.pool.close(), this.streams.close()]);
  }

  /** Releases all connections; what is under way breaks off. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled([this.pool.destroy(), this.streams.destroy()]);
  }
}
