/**
 * A call on its way to its one upstream, and what becomes of it there: sent, healed, taken up again, given up. The way back of
 * its answer is relay.ts.
 */
import { randomUUID } from 'node:crypto';
import type { InwardTarget } from '../aggregate/rewrite.ts';
import { inwardCall } from '../aggregate/rewrite.ts';
import type { Catalogue } from '../aggregate/catalogue.ts';
import type { ErrorCode } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { rawOf } from '../protocol/scan.ts';
import type { Call } from './call.ts';
import { checkMirrored } from './mirrored.ts';
import { openCallState } from './call-state.ts';
import type { Client } from './client.ts';
import { carrying } from './forward.ts';
import type { Journal } from './journal.ts';
import { PooledLogs } from './pooled-logs.ts';
import { Relay, type RelayHost } from './relay.ts';
import type { Routed } from './route.ts';
import type { Link, UpstreamAdapter } from './upstream/adapter.ts';
import type { Upstream } from './upstream/upstream.ts';
import { Later, type Wheel } from './wheel.ts';

export interface CallsParts {
  readonly upstreams: readonly Upstream[];
  readonly catalogue: Catalogue;
  readonly adapter: UpstreamAdapter;
  readonly wheel: Wheel;
  readonly journal: Journal;
}

export class Calls implements RelayHost {
  readonly #parts: CallsParts;
  readonly #logs: PooledLogs;
  /** Calls whose answer the client can take up elsewhere. */
  readonly #promised = new Set<Relay>();
  /** Calls that closing cancels and another replica may hear the cancelling of, by session and request id. */
  readonly #closable = new Map<string, Relay>();

  constructor(parts: CallsParts) {
    this.#parts = parts;
    this.#logs = new PooledLogs(parts.adapter);
  }

  /** Sends a call to where it was routed. Its fate is the outlet's: this never throws. */
  send(call: Call, { upstream, target }: Routed): void {
    const link = call.client.links.peek(upstream);
    if (link !== undefined) {
      this.#begin(call, target, link);
      return;
    }
    call.client.links.ensure(upstream, call.rawHeaders).then(
      (opened) => this.#begin(call, target, opened),
      (fault: unknown) => this.failed(call, fault),
    );
  }

  /** Answers a call with a fault before it has reached an upstream. */
  failed(call: Call, fault: unknown): void {
    this.#parts.journal.refused(call.message.method, fault);
    call.outlet.fault(fault, call.client.wording.fault(fault, call.message.id));
  }

  /** Closes what is still under way and can be resumed, so that its clients go on at another replica after `retryMs`. */
  disconnectAll(retryMs: number): void {
    for (const relay of this.#promised) relay.disconnect(retryMs);
  }

  /** The client of the session has taken back a request at another replica. `requestId` is raw JSON. */
  cancelled(jti: string, requestId: string): void {
    this.#closable.get(`${jti} ${requestId}`)?.takeBack();
  }

  #begin(call: Call, target: InwardTarget, link: Link): void {
    try {
      const clientId = call.message.id!;
      if (call.said !== undefined) checkMirrored(call, link.upstream, target);
      const state = call.said === undefined ? undefined : openCallState(call.client, link.upstream, call.message);
      let inward = state === undefined ? target : { ...target, requestState: state };
      let tokens: ReadonlyMap<string, string> | undefined;
      let upstreamId = clientId;
      if (link.shared) {
        // Several clients count their ids from 1, so on a link of many each request gets an id and a token of its own.
        upstreamId = `"${randomUUID()}"`;
        const token = call.message.params?.member('_meta')?.member('progressToken');
        if (token !== undefined) tokens = new Map([[upstreamId, rawOf(call.message.bytes, token)]]);
        inward = { ...inward, id: upstreamId, progressToken: upstreamId };
      }
      this.#dispatch(new Relay(this, call, link, { upstreamId, body: inwardCall(call.message, inward), tokens }));
    } catch (fault) {
      this.failed(call, fault);
    }
  }

  #dispatch(relay: Relay): void {
    const waited = this.#logs.ready(relay);
    if (waited === undefined) this.#put(relay);
    else
      void waited.then(() => {
        if (!relay.isOver) this.#put(relay);
      });
  }

  #put(relay: Relay): void {
    this.#logs.began(relay);
    const { said, rawHeaders } = relay.call;
    const carried = carrying(relay.link, rawHeaders);
    const link = said === undefined ? told(carried, relay.call.client) : { ...carried, said };
    const exchange = this.#parts.adapter.call(link, relay.body, relay, link.upstream.config.timeoutMs);
    relay.exchange = exchange;
    const { client, message } = relay.call;
    const closable = link.mirrors && !client.shared ? `${client.known.jti} ${message.id!}` : undefined;
    relay.flight = { upstream: relay.link.upstream, upstreamId: relay.upstreamId, relay, closable };
    client.inFlight.set(message.id!, relay.flight);
    if (closable !== undefined) this.#closable.set(closable, relay);
  }

  // RelayHost: what a call needs on its way back.

  heal(relay: Relay): boolean {
    if (relay.healed) return false;
    relay.healed = true;
    // Nothing was done with the request, so it may be sent again (design.md §5).
    relay.call.client.links.renew(relay.link.upstream, relay.link, relay.call.rawHeaders).then(
      (link) => {
        this.#logs.ended(relay);
        relay.link = link;
        this.#dispatch(relay);
      },
      (fault: unknown) => relay.fail(fault),
    );
    return true;
  }

  resume(relay: Relay, lastEventId: string, afterMs: number): void {
    const { adapter, wheel } = this.#parts;
    const waiting = new Later(() => {
      if (relay.isOver) return;
      const link = carrying(relay.link, relay.call.rawHeaders);
      relay.exchange = adapter.listen(link, lastEventId, relay, link.upstream.config.timeoutMs);
    });
    wheel.arm(waiting, afterMs);
  }

  noticed(link: Link, client: Client, method: string): void {
    const { catalogue, upstreams } = this.#parts;
    const { id } = link.upstream.config;
    // Where headers are forwarded, one audience has several copies (lists.ts).
    const forwards = upstreams.some(({ config }) => config.forwardHeaders.length > 0);
    const audience = forwards ? undefined : client.audienceOf(link.upstream);
    switch (method) {
      case 'notifications/tools/list_changed':
        catalogue.invalidate(id, 'tools', audience);
        return;
      case 'notifications/prompts/list_changed':
        catalogue.invalidate(id, 'prompts', audience);
        return;
      case 'notifications/resources/list_changed':
        catalogue.invalidate(id, 'resources', audience);
        catalogue.invalidate(id, 'resourceTemplates', audience);
    }
  }

  wantsLog(relay: Relay, message: Message): boolean {
    return this.#logs.wants(relay, message);
  }

  reply(link: Link, body: string): void {
    const { adapter, journal } = this.#parts;
    adapter
      .post(link, body)
      .catch((fault: unknown) => journal.dropped('reply not taken', link.upstream.config.id, fault));
  }

  promised(relay: Relay): void {
    this.#promised.add(relay);
  }

  takenBack(relay: Relay): void {
    // Closing is cancellation for a modern upstream, and nothing for an older one, which is told (protocol.md D5).
    relay.exchange?.abort();
    this.reply(relay.link, cancelledText(relay.upstreamId, 'the client has left'));
    this.finished(relay, 'ok');
  }

  finished(relay: Relay, outcome: 'ok' | 'error' | ErrorCode): void {
    const { client, message, startedMs } = relay.call;
    this.#promised.delete(relay);
    this.#logs.ended(relay);
    const closable = relay.flight?.closable;
    if (closable !== undefined && this.#closable.get(closable) === relay) this.#closable.delete(closable);
    // A client may use an id again, and the newer request is not this one's to forget.
    if (client.inFlight.get(message.id!) === relay.flight) client.inFlight.delete(message.id!);
    // Whoever gives up on a request says so (2025-11-25 basic/lifecycle §Timeouts).
    if (outcome === 'upstream_timeout') this.reply(relay.link, cancelledText(relay.upstreamId, 'timeout'));
    this.#parts.journal.called(message.method, relay.link.upstream.config.id, outcome, startedMs, client);
  }
}

/** A client that says nothing of itself with a request has said it before: the level of log messages (protocol.md D5, LM). */
function told(link: Link, client: Client): Link {
  const isTold = link.mirrors && (link.capabilities & serverCapability.logging) !== 0;
  return isTold ? { ...link, logLevel: client.logLevel } : link;
}

/** `id` is raw JSON. */
function cancelledText(id: string, reason: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"${reason}"}}`;
}
