/** One upstream as this process sees it: its address, its connections, and facts about it. These facts are only hints. */
import { Pool } from 'undici';
import type { UpstreamConfig, UpstreamLimits } from '../../config/model.ts';
import type { ParamHeader } from '../../aggregate/param-headers.ts';
import { upstreamHash } from '../../session/claims.ts';
import { Tolerated } from '../../telemetry/tolerated.ts';
import type { Log } from '../../telemetry/log.ts';
import { connectTimeoutMs } from '../http/limits.ts';
import { connectionSettings } from '../http/connection.ts';
import { Contact } from './contact.ts';
import { Limiter } from './limiter.ts';

/** How a stream for messages that belong to no call is requested. */
export type StreamKind = 'get' | 'subscription';

/** Where an upstream is reached, and over which connections. */
interface Place {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** Connections of calls. */
  readonly pool: Pool;
  /**
   * Connections of streams that stay open. A pool looks through the busy ones for each request: thousands of these would
   * double the cost of a call.
   */
  readonly streams: Pool;
  /** It is this machine's loopback bridge, where no other replica reaches the sessions. */
  readonly bridged: boolean;
  /** Headers of every request: the configured ones and the gateway's own. */
  readonly headers: readonly string[];
}

export class Upstream {
  #config: UpstreamConfig;
  /** The address with which it was created. */
  readonly url: string;
  /** Stable id of this upstream in sealed identifiers: changes with its name or address, not with its position in the file. */
  readonly hash: number;
  /** The operator's limits; undefined if there are none. */
  readonly limiter: Limiter | undefined;
  /** Its deviations from the specification. */
  readonly tolerated: Tolerated;
  readonly contact = new Contact();

  /** Tools of a modern upstream whose arguments are repeated in headers (`x-mcp-header`), by the upstream's own names. */
  paramHeaders: ReadonlyMap<string, readonly ParamHeader[]> = new Map();
  /** Tools that can only be called as tasks, by the upstream's own names; undefined until a list was read. */
  taskTools: ReadonlySet<string> | undefined;
  /**
   * Kinds of streams that the upstream does not offer: GET was answered with 405, or a subscription was refused. An upstream of
   * both eras may offer the other kind.
   */
  readonly #streamless = new Set<StreamKind>();
  /** Its last request failed; `probe.ts` checks when it is back. */
  down = false;
  /** Its connections have been closed. */
  isClosed = false;
  /** Opening a session timed out: until then (ms) it is not tried again inside a request. */
  blackoutUntil = 0;
  /** Server capabilities of the last successful handshake. */
  capabilities: number | undefined;
  /** What it called itself then: an `Implementation` as JSON text. */
  serverInfo: string | undefined;
  #place: Place;
  /** The place that is not in use. */
  #other: Place | undefined;

  /**
   * `url` is the address in use: for stdio and SSE upstreams that of the loopback bridge. `orSse`: the address at the bridge, for
   * an upstream that may use the deprecated transport.
   */
  constructor(config: UpstreamConfig, url: string, identity: string, version: string, log?: Log, orSse?: string) {
    this.tolerated = new Tolerated(config.id, log);
    const address = new URL(url);
    this.#config = config;
    this.url = url;
    const named = new URL(identity);
    this.hash = upstreamHash(
      config.name,
      named.origin === 'null' ? named.protocol : named.origin,
      `${named.pathname}${named.search}`,
    );
    const configured = config.transport.kind === 'http' ? config.transport.headers : [];
    const own = ['user-agent', `manifold/${version}`, 'accept-encoding', 'identity'];
    const options = {
      connect: {
        timeout: config.limits?.connectTimeoutMs ?? connectTimeoutMs,
        ...connectionSettings(config.transport),
      },
      // One event stream per connection, whose speed is that of its client.
      allowH2: false,
      // Streams may be silent for long; the gateway has its own limits on silence (wheel.ts).
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
    };
    const placeAt = ({ origin, pathname, search }: URL, bridged: boolean, headers: readonly string[]): Place => ({
      origin,
      path: `${pathname}${search}`,
      pool: new Pool(origin, options),
      streams: new Pool(origin, options),
      bridged,
      headers,
    });
    this.#place = placeAt(address, config.transport.kind !== 'http', [...configured.flat(), ...own]);
    if (config.limits !== undefined && limitsRequests(config.limits)) this.limiter = new Limiter(config, config.limits);
    // The bridge sends the configured headers itself.
    if (orSse !== undefined) this.#other = placeAt(new URL(orSse), true, own);
  }

  /** The current place; another object after each `turn`. */
  get place(): Place {
    return this.#place;
  }

  get origin(): string {
    return this.#place.origin;
  }

  get path(): string {
    return this.#place.path;
  }

  get pool(): Pool {
    return this.#place.pool;
  }

  get streams(): Pool {
    return this.#place.streams;
  }

  get bridged(): boolean {
    return this.#place.bridged;
  }

  get headers(): readonly string[] {
    return this.#place.headers;
  }

  /** It may use the deprecated transport: `turn` switches to the bridge, and back. */
  get hasOther(): boolean {
    return this.#other !== undefined;
  }

  turn(): void {
    const other = this.#other;
    if (other === undefined) return;
    this.#other = this.#place;
    this.#place = other;
    this.mayStreamAgain();
  }

  get config(): UpstreamConfig {
    return this.#config;
  }

  /** Applies the same configuration in a route with other upstreams than before. */
  settle(config: UpstreamConfig): void {
    this.#config = config;
  }

  /** Whether a stream of this kind should be requested. */
  mayStream({ streamKind }: { readonly streamKind: StreamKind }): boolean {
    return !this.#streamless.has(streamKind);
  }

  /** The upstream does not offer this kind of stream. */
  cannotStream({ streamKind }: { readonly streamKind: StreamKind }): void {
    this.#streamless.add(streamKind);
  }

  /** It may be another server now. */
  mayStreamAgain(): void {
    this.#streamless.clear();
  }

  /** Resolves when no request is in progress; accepts no new ones. Never rejects. */
  async finish(): Promise<void> {
    await this.limiter?.idle();
    await Promise.allSettled(this.#pools().map((pool) => pool.close()));
  }

  /** Closes all connections; requests in progress fail. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.limiter?.close();
    await Promise.allSettled(this.#pools().map((pool) => pool.destroy()));
  }

  #pools(): Pool[] {
    const places = this.#other === undefined ? [this.#place] : [this.#place, this.#other];
    return places.flatMap(({ pool, streams }) => [pool, streams]);
  }
}

/** The other limits are enforced by the connection, and by the caller of a request. */
function limitsRequests({ firstByteTimeoutMs, retries, breaker, concurrency }: UpstreamLimits): boolean {
  return [firstByteTimeoutMs, retries, breaker, concurrency].some((limit) => limit !== undefined && limit !== 'off');
}
