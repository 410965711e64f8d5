/** One endpoint with its upstreams, made from its frozen configuration (compose.ts). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import type { Idle } from '../calls/idle.ts';
import type { ClientRegistry } from '../clients/registry.ts';
import type { RouteConfig } from '../config/model.ts';
import type { Gateway } from '../gateway.ts';
import type { Lists } from '../lists/lists.ts';
import type { OpenStreams } from '../streams/open-streams.ts';
import { drainRetryMs } from '../transport/http/limits.ts';
import type { Notice } from '../transport/peers/notice.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import { hear, type Heard } from './hear.ts';

export interface RouteParts {
  readonly config: RouteConfig;
  readonly gateway: Gateway;
  /** Applies another configuration and returns the gateway that uses it. Sessions and streams continue. */
  readonly reconfigure: (config: RouteConfig) => Gateway;
  readonly upstreams: Upstreams;
  readonly clients: ClientRegistry;
  readonly lists: Lists;
  readonly adapter: UpstreamAdapter;
  readonly streams: OpenStreams;
  readonly idle: Idle;
  /** Calls that wait here for their client. */
  readonly held: () => number;
  readonly heard: Heard;
  /** Resolves when it can check tokens, or need not be waited for any longer. */
  readonly prepared: Promise<void>;
  /** Releases timers and connections; requests in progress fail. */
  readonly close: () => Promise<void>;
}

export class Route {
  /** For code other than clients, such as the start-up message. */
  readonly parts: RouteParts;
  #config: RouteConfig;
  #gateway: Gateway;
  #isDraining = false;

  constructor(parts: RouteParts) {
    this.parts = parts;
    this.#config = parts.config;
    this.#gateway = parts.gateway;
  }

  get config(): RouteConfig {
    return this.#config;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Answers one HTTP request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#gateway.handle(request, response);
  }

  /** Answers a request that another replica has forwarded. Never throws. */
  handleBrought(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.#gateway.handleBrought(request, body, response);
  }

  /** Applies `config`. An upstream whose configuration is unchanged continues. */
  apply(config: RouteConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    this.#gateway = this.parts.reconfigure(config);
    this.#config = config;
  }

  /** Handles a notice of another worker or replica. Resolves when it is applied here. */
  hear(notice: Notice): Promise<void> {
    return hear(notice, this.parts.heard);
  }

  /** Accepts nothing new. Requests in progress may finish within `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const { streams, idle, heard } = this.parts;
    this.#isDraining = true;
    this.#gateway.refuseNew();
    // Clients reconnect to another replica at once and resume there.
    streams.endAll();
    await idle.wait(timeoutMs);
    heard.underWay.disconnectAll(drainRetryMs);
  }

  close(): Promise<void> {
    return this.parts.close();
  }
}
