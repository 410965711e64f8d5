/**
 * THE WAY OF A REQUEST: accept → read the message → open the token → route → call the upstream → translate → write. Each step
 * is a file of its own with its own faults; here stands their order. One `Gateway` serves one route.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError, type ErrorCode } from './errors.ts';
import type { Catalogue } from './aggregate/catalogue.ts';
import { inwardCall, type InwardTarget } from './aggregate/rewrite.ts';
import type { Message } from './protocol/envelope.ts';
import { methodLabel, type RequestPlan } from './protocol/methods.ts';
import { rawOf } from './protocol/scan.ts';
import type { Log } from './telemetry/log.ts';
import { countRequest, countUpstreamCall, timeRequest } from './telemetry/metrics.ts';
import {
  checkGet,
  checkOrigin,
  checkPost,
  readBody,
  readHead,
  type Head,
  type OriginPolicy,
} from './transport/accept.ts';
import type { Client } from './transport/client.ts';
import { carrying, type RawHeaders } from './transport/forward.ts';
import type { Clients } from './transport/clients.ts';
import { initializeResult, openAll, readGreeting } from './transport/handshake.ts';
import type { Inbound } from './transport/inbound.ts';
import { levelOf, setLevel } from './transport/level.ts';
import type { Lists } from './transport/lists.ts';
import type { Listening } from './transport/listening.ts';
import { BatchOutlet } from './transport/downstream/batch.ts';
import type { Incoming } from './transport/downstream/incoming.ts';
import { readLegacy } from './transport/downstream/legacy.ts';
import { PostOutlet, type Outlet } from './transport/downstream/outlet.ts';
import { Relay, type RelayHost } from './transport/relay.ts';
import { respondAccepted, respondFault } from './transport/respond.ts';
import type { Routed, Router } from './transport/route.ts';
import type { Link, UpstreamAdapter } from './transport/upstream/adapter.ts';
import type { LinkOpener } from './transport/upstream/links.ts';
import type { Upstream } from './transport/upstream/upstream.ts';
import type { Waiting, Wheel } from './transport/wheel.ts';

export interface GatewayParts {
  readonly upstreams: readonly Upstream[];
  readonly policy: OriginPolicy;
  readonly clients: Clients;
  readonly lists: Lists;
  readonly router: Router;
  readonly inbound: Inbound;
  readonly listening: Listening;
  readonly catalogue: Catalogue;
  readonly adapter: UpstreamAdapter;
  readonly opener: LinkOpener;
  readonly wheel: Wheel;
  readonly log: Log;
  readonly version: string;
}

export class Gateway implements RelayHost {
  readonly #parts: GatewayParts;
  /** Set while the process drains: nothing new is taken in, but what calls under way wait for. */
  draining = false;

  /** Requests whose answer is not out yet; streams opened by GET do not count. */
  #active = 0;
  #onIdle: (() => void) | undefined;
  /** Calls whose answer the client can take up elsewhere. */
  readonly #promised = new Set<Relay>();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** Resolves when nothing is under way any more, or after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Closes what is still under way and can be resumed, so that its clients go on at another replica after `retryMs`. */
  disconnectAll(retryMs: number): void {
    for (const relay of this.#promised) relay.disconnect(retryMs);
  }

  /** Answers one HTTP request. Never throws: every fault ends in an answer. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    try {
      if (this.draining && request.method !== 'POST') throw new GatewayError('draining');
      const head = readHead(request.rawHeaders);
      checkOrigin(head, this.#parts.policy);
      switch (request.method) {
        case 'POST':
          this.#post(head, request, response);
          return;
        case 'GET':
          this.#get(head, response);
          return;
        case 'DELETE':
          this.#delete(head, request, response);
          return;
        default:
          throw new GatewayError('verb_not_allowed', request.method);
      }
    } catch (fault) {
      this.#refuse(response, fault);
    }
  }

  #post(head: Head, request: IncomingMessage, response: ServerResponse): void {
    checkPost(head);
    this.#active += 1;
    response.on('close', () => {
      this.#active -= 1;
      if (this.#active === 0) this.#onIdle?.();
    });
    readBody(request, (fault, body) => {
      try {
        if (fault !== undefined) throw fault;
        const incoming = readLegacy(head, body, this.#parts.clients);
        if (this.draining && beginsWork(incoming)) throw new GatewayError('draining');
        if ('kind' in incoming) this.#single(incoming, request.rawHeaders, response);
        else this.#batch(incoming, request.rawHeaders, response);
      } catch (thrown) {
        this.#refuse(response, thrown);
      }
    });
  }

  #single(incoming: Incoming, rawHeaders: RawHeaders, response: ServerResponse): void {
    const { inbound, wheel } = this.#parts;
    switch (incoming.kind) {
      case 'initialize':
        this.#initialize(incoming.message, rawHeaders, new PostOutlet(response, wheel));
        return;
      case 'request':
        this.#request(incoming.client, incoming.message, incoming.plan, rawHeaders, new PostOutlet(response, wheel));
        return;
      case 'notification':
        inbound.notify(incoming.client, incoming.message, incoming.plan, rawHeaders);
        respondAccepted(response);
        return;
      case 'answer':
        inbound.answer(incoming.client, incoming.message, rawHeaders).then(
          () => respondAccepted(response),
          (fault: unknown) => this.#refuse(response, notTaken(fault)),
        );
    }
  }

  #batch(batch: readonly Incoming[], rawHeaders: RawHeaders, response: ServerResponse): void {
    const outlet = new BatchOutlet(response, this.#parts.wheel);
    for (const incoming of batch) {
      if (incoming.kind === 'request')
        this.#request(incoming.client, incoming.message, incoming.plan, rawHeaders, outlet.part());
      else if (incoming.kind === 'notification')
        this.#parts.inbound.notify(incoming.client, incoming.message, incoming.plan, rawHeaders);
      else if (incoming.kind === 'answer')
        this.#parts.inbound
          .answer(incoming.client, incoming.message, rawHeaders)
          .catch((fault: unknown) => this.#parts.log.debug({ fault: String(fault) }, 'answer in a batch not taken'));
    }
    outlet.seal();
  }

  #initialize(message: Message, rawHeaders: RawHeaders, outlet: Outlet): void {
    const { upstreams, clients, opener, version } = this.#parts;
    const startedMs = performance.now();
    const open = async (): Promise<void> => {
      const greeting = readGreeting(message);
      const openings = await openAll(upstreams, greeting, opener, rawHeaders);
      const { token } = clients.create(greeting, openings);
      outlet.whole(resultText(message.id!, initializeResult(openings, greeting.revision, version)), token);
    };
    this.#settle(message, outlet, open(), startedMs);
  }

  #request(client: Client, message: Message, plan: RequestPlan, rawHeaders: RawHeaders, outlet: Outlet): void {
    const { lists, router } = this.#parts;
    try {
      switch (plan.kind) {
        case 'initialize':
          throw new GatewayError('initialize_misplaced');
        case 'ping':
          outlet.whole(resultText(message.id!, '{}'));
          return;
        case 'list':
          this.#local(message, outlet, lists.page(client, plan.list, message, rawHeaders));
          return;
        case 'level':
          this.#local(message, outlet, setLevel(this.#parts, client, levelOf(message), rawHeaders));
          return;
        case 'named':
          this.#route(client, message, rawHeaders, outlet, router.named(client, message, plan.list, rawHeaders));
          return;
        case 'resource':
          this.#route(client, message, rawHeaders, outlet, router.resource(client, message, rawHeaders));
          return;
        case 'completion':
          this.#route(client, message, rawHeaders, outlet, router.completion(client, message, rawHeaders));
          return;
        case 'unknown':
          this.#route(client, message, rawHeaders, outlet, router.unknown(message));
      }
    } catch (fault) {
      this.#failed(message, outlet, fault);
    }
  }

  /** An answer of the gateway's own making: the result as JSON text. */
  #local(message: Message, outlet: Outlet, result: Promise<Buffer | string>): void {
    const startedMs = performance.now();
    this.#settle(
      message,
      outlet,
      result.then((body) => outlet.whole(resultText(message.id!, body))),
      startedMs,
    );
  }

  #settle(message: Message, outlet: Outlet, answered: Promise<void>, startedMs: number): void {
    answered.then(
      () => {
        countRequest(methodLabel(message.method), 'ok');
        timeRequest(methodLabel(message.method), performance.now() - startedMs);
        this.#parts.log.info({ method: message.method, ms: Math.round(performance.now() - startedMs) }, 'request');
      },
      (fault: unknown) => this.#failed(message, outlet, fault),
    );
  }

  #route(
    client: Client,
    message: Message,
    rawHeaders: RawHeaders,
    outlet: Outlet,
    routed: Routed | Promise<Routed>,
  ): void {
    if (routed instanceof Promise)
      routed.then(
        (found) => this.#call(client, message, rawHeaders, outlet, found),
        (fault: unknown) => this.#failed(message, outlet, fault),
      );
    else this.#call(client, message, rawHeaders, outlet, routed);
  }

  #call(client: Client, message: Message, rawHeaders: RawHeaders, outlet: Outlet, { upstream, target }: Routed): void {
    const link = client.links.peek(upstream);
    if (link !== undefined) {
      this.#send(client, message, rawHeaders, outlet, target, link);
      return;
    }
    client.links.ensure(upstream, rawHeaders).then(
      (opened) => this.#send(client, message, rawHeaders, outlet, target, opened),
      (fault: unknown) => this.#failed(message, outlet, fault),
    );
  }

  #send(
    client: Client,
    message: Message,
    rawHeaders: RawHeaders,
    outlet: Outlet,
    target: InwardTarget,
    link: Link,
  ): void {
    try {
      const clientId = message.id!;
      let inward = target;
      let tokens: ReadonlyMap<string, string> | undefined;
      let upstreamId = clientId;
      if (link.shared) {
        // Several clients count their ids from 1, so on a link of many each request gets an id and a token of its own.
        upstreamId = `"${randomUUID()}"`;
        const token = message.params?.member('_meta')?.member('progressToken');
        if (token !== undefined) tokens = new Map([[upstreamId, rawOf(message.bytes, token)]]);
        inward = { ...target, id: upstreamId, progressToken: upstreamId };
      }
      const body = inwardCall(message, inward);
      const relay = new Relay(
        this,
        client,
        link,
        outlet,
        { clientId, upstreamId, method: message.method, body, tokens, rawHeaders },
        performance.now(),
      );
      this.#dispatch(relay);
    } catch (fault) {
      this.#failed(message, outlet, fault);
    }
  }

  #dispatch(relay: Relay): void {
    const link = carrying(relay.link, relay.rawHeaders);
    const exchange = this.#parts.adapter.call(link, relay.body, relay, link.upstream.config.timeoutMs);
    relay.exchange = exchange;
    relay.client.inFlight.set(relay.clientId, {
      upstream: relay.link.upstream,
      upstreamId: relay.upstreamId,
      exchange,
    });
  }

  #get(head: Head, response: ServerResponse): void {
    checkGet(head);
    this.#parts.listening.open(this.#parts.clients.of(head), head.lastEventId, response);
  }

  #delete(head: Head, { rawHeaders }: IncomingMessage, response: ServerResponse): void {
    const { clients, adapter, upstreams } = this.#parts;
    if (head.sessionToken === undefined) throw new GatewayError('session_missing');
    const client = clients.of(head);
    clients.end(client);
    this.#parts.listening.endAll(client);
    const links = client.links.all(upstreams).filter((link) => !link.shared);
    Promise.allSettled(links.map((link) => adapter.end(carrying(link, rawHeaders)))).then(
      () => response.writeHead(204).end(),
      () => response.destroy(),
    );
  }

  // RelayHost: what a call needs of the gateway on its way back.

  heal(relay: Relay, fault: GatewayError): boolean {
    const { upstream } = relay.link;
    if (relay.healed || upstream.config.onSessionLoss === 'error') return false;
    relay.healed = true;
    // 404 says that nothing was done with the request, so it may be sent again (design.md §5).
    relay.client.links.renew(upstream, relay.link, relay.rawHeaders).then(
      (link) => {
        relay.link = link;
        this.#dispatch(relay);
      },
      () =>
        relay.fail(
          fault.code === 'upstream_session_lost'
            ? new GatewayError('upstream_unreachable', 'could not be re-initialised')
            : fault,
        ),
    );
    return true;
  }

  resume(relay: Relay, lastEventId: string, afterMs: number): void {
    const { adapter, wheel } = this.#parts;
    const waiting: Waiting = {
      due: 0,
      onDue: () => {
        if (!relay.isOver)
          relay.exchange = adapter.listen(
            carrying(relay.link, relay.rawHeaders),
            lastEventId,
            relay,
            relay.link.upstream.config.timeoutMs,
          );
      },
    };
    wheel.arm(waiting, afterMs);
  }

  noticed(link: Link, client: Client, method: string): void {
    const { catalogue, upstreams } = this.#parts;
    const { id } = link.upstream.config;
    // Where headers are forwarded, one audience has several copies (lists.ts).
    const forwards = upstreams.some(({ config }) => config.forwardHeaders.length > 0);
    const audience = forwards ? undefined : client.audience;
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

  reply(link: Link, body: string): void {
    this.#parts.adapter
      .post(link, body)
      .catch((fault: unknown) =>
        this.#parts.log.debug({ upstream: link.upstream.config.id, fault: String(fault) }, 'reply not taken'),
      );
  }

  promised(relay: Relay): void {
    this.#promised.add(relay);
  }

  finished(relay: Relay, outcome: 'ok' | 'error' | ErrorCode): void {
    this.#promised.delete(relay);
    const ms = performance.now() - relay.startedMs;
    const method = methodLabel(relay.method);
    const upstream = relay.link.upstream.config.id;
    relay.client.inFlight.delete(relay.clientId);
    // Whoever gives up on a request says so (2025-11-25 basic/lifecycle §Timeouts).
    if (outcome === 'upstream_timeout' && !relay.link.shared)
      this.reply(
        relay.link,
        `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${relay.upstreamId},"reason":"timeout"}}`,
      );
    countUpstreamCall(upstream, outcome);
    countRequest(method, outcome);
    timeRequest(method, ms);
    this.#parts.log.info({ method, upstream, outcome, ms: Math.round(ms), session: relay.client.label }, 'call');
  }

  #failed(message: Message, outlet: Outlet, fault: unknown): void {
    const code = fault instanceof GatewayError ? fault.code : 'internal';
    countRequest(methodLabel(message.method), code);
    this.#logFault(fault, { method: methodLabel(message.method) });
    outlet.fault(fault, message.id!);
  }

  #refuse(response: ServerResponse, fault: unknown): void {
    countRequest('none', fault instanceof GatewayError ? fault.code : 'internal');
    this.#logFault(fault, {});
    respondFault(response, fault);
  }

  #logFault(fault: unknown, where: Readonly<Record<string, string>>): void {
    const { log } = this.#parts;
    if (fault instanceof GatewayError && fault.code !== 'internal')
      log.info({ ...where, code: fault.code, detail: fault.detail }, 'refused');
    else log.error({ ...where, err: fault }, 'internal fault');
  }
}

function resultText(id: string, result: Buffer | string): Buffer | string {
  if (typeof result === 'string') return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
  return Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":`), result, closing]);
}

const closing = Buffer.from('}');

/** Answers and notifications belong to what is under way. */
function beginsWork(incoming: Incoming | readonly Incoming[]): boolean {
  if (!('kind' in incoming)) return incoming.some(beginsWork);
  return incoming.kind === 'request' || incoming.kind === 'initialize';
}

/** An answer that its server did not take is the client's 400, whatever the reason (2025-11-25 transports §Sending Messages 4). */
function notTaken(fault: unknown): unknown {
  return fault instanceof GatewayError && fault.code.startsWith('upstream_')
    ? new GatewayError('answer_unknown', fault.message)
    : fault;
}
