/** One endpoint with its upstreams, made from its frozen configuration (compose.ts). */
import type { IncomingMessage, ServerResponse } from 'node:http';
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
  readonly upstreams: Upstreams;
  readonly clients: ClientRegistry;
  readonly lists: Lists;
  readonly adapter: UpstreamAdapter;
  readonly streams: OpenStreams;
  readonly idle: Idle;
  readonly heard: Heard;
  /** Lets go of timers and connections; what is under way breaks off. */
  readonly close: () => Promise<void>;
}

export class Route {
  /** For who looks at it without being its client: the greeting. */
  readonly parts: RouteParts;
  #isDraining = false;

  constructor(parts: RouteParts) {
    this.parts = parts;
  }

  get config(): RouteConfig {
    return this.parts.config;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Answers one HTTP request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.parts.gateway.handle(request, response);
  }

  /** Answers a request that another replica has brought here. Never throws. */
  handleBrought(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.parts.gateway.handleBrought(request, body, response);
  }

  /** Takes news of another worker or replica. Resolves when it holds here. */
  hear(notice: Notice): Promise<void> {
    return hear(notice, this.parts.heard);
  }

  /** Takes in nothing new and lets what is under way finish within `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const { gateway, streams, idle, heard } = this.parts;
    this.#isDraining = true;
    gateway.refuseNew();
    // Clients come back to another replica at once and go on where they were.
    streams.endAll();
    await idle.wait(timeoutMs);
    heard.underWay.disconnectAll(drainRetryMs);
  }

  close(): Promise<void> {
    return this.parts.close();
  }
}
