/**
 * GET: opens merged streams, takes up broken ones by `Last-Event-ID`, and tells every open one of the gateway's own changes.
 * 2025-11-25 transports §Listening for Messages from the Server, §Resumability and Redelivery.
 */
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import { encodeRetry } from '../protocol/sse.ts';
import { openEventId } from '../session/event-id.ts';
import { streams } from '../telemetry/metrics.ts';
import type { Client } from './client.ts';
import { drainRetryMs, maxStreamsPerSession } from './limits.ts';
import { MergedStream, ResumedStream, type MergedHost } from './merged.ts';
import type { RelayHost } from './relay.ts';
import type { UpstreamAdapter } from './upstream/adapter.ts';
import type { Upstream } from './upstream/upstream.ts';
import type { Wheel } from './wheel.ts';

const listsChanged = [
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
];

export class Listening implements MergedHost {
  readonly adapter: UpstreamAdapter;
  readonly wheel: Wheel;
  readonly #upstreams: readonly Upstream[];
  readonly #open = new Set<MergedStream>();
  /** The gateway, once it exists. */
  host: Pick<RelayHost, 'noticed' | 'reply'> | undefined;

  constructor(upstreams: readonly Upstream[], adapter: UpstreamAdapter, wheel: Wheel) {
    this.#upstreams = upstreams;
    this.adapter = adapter;
    this.wheel = wheel;
  }

  /** Throws `streams_too_many`. An event id that cannot be read starts a fresh stream: never another stream's data (T23). */
  open(client: Client, lastEventId: string | undefined, response: ServerResponse): void {
    if (client.getStreams >= maxStreamsPerSession) throw new GatewayError('streams_too_many');
    const id = lastEventId === undefined || client.shared ? undefined : openEventId(client.session, lastEventId);
    if (id?.kind === 'post') {
      const upstream = this.#upstreams.find((candidate) => candidate.hash === id.upstream);
      const link = upstream === undefined ? undefined : client.links.peek(upstream);
      if (link !== undefined) {
        new ResumedStream(this, client, link, response, id).start();
        return;
      }
    }
    client.getStreams += 1;
    const stream = new MergedStream(this, client, response, id?.kind === 'merged' ? id : undefined);
    this.#open.add(stream);
    streams.inc({ kind: 'get' });
    for (const upstream of this.#upstreams) stream.join(upstream);
  }

  /** An upstream is new or back: what it lists may have changed for everyone who listens here. */
  joined(upstream: Upstream): void {
    for (const stream of this.#open) {
      for (const method of listsChanged) stream.announce(method);
      stream.join(upstream);
    }
  }

  /** Ends the streams of one client, or all of them when the process stops: their clients come back elsewhere. */
  endAll(client?: Client): void {
    const last = client === undefined ? encodeRetry(drainRetryMs) : undefined;
    for (const stream of this.#open) if (client === undefined || stream.client === client) stream.end(last);
  }

  closed(stream: MergedStream): void {
    if (!this.#open.delete(stream)) return;
    stream.client.getStreams -= 1;
    streams.dec({ kind: 'get' });
  }

  noticed(...args: Parameters<RelayHost['noticed']>): void {
    this.host?.noticed(...args);
  }

  reply(...args: Parameters<RelayHost['reply']>): void {
    this.host?.reply(...args);
  }
}
