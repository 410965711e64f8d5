/**
 * THE WAY OF A REQUEST: accept → read the message → open the token → route → call the upstream → translate → write. Each step
 * is a file of its own with its own faults; here stands their order. One `Gateway` serves one route.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from './errors.ts';
import type { Message } from './protocol/envelope.ts';
import type { ModernRequestPlan, RequestPlan } from './protocol/methods.ts';
import {
  checkGet,
  checkOrigin,
  checkPost,
  readBody,
  readHead,
  type Head,
  type OriginPolicy,
} from './transport/http/accept.ts';
import { answerCors } from './transport/http/cors.ts';
import { callOf, type Call, type Received } from './clients/call.ts';
import type { Calls } from './calls/dispatcher.ts';
import type { Clients } from './clients/registry.ts';
import { BatchOutlet } from './transport/downstream/batch.ts';
import { beginsWork, type Incoming } from './transport/downstream/incoming.ts';
import { readIncoming } from './transport/downstream/read.ts';
import { legacyFault, resultText, type Own } from './transport/downstream/wording.ts';
import { PostOutlet, type Outlet } from './transport/downstream/outlet.ts';
import { discover, linksOf } from './lists/discover.ts';
import { carrying, type RawHeaders } from './transport/upstream/credentials.ts';
import { endAll, initializeResult, openAll, readGreeting } from './clients/handshake.ts';
import type { Inbound } from './calls/inbound.ts';
import type { Journal } from './telemetry/journal.ts';
import type { Keeper } from './streams/keeper.ts';
import { levelOf, setLevel } from './lists/level.ts';
import type { Listening } from './streams/open-streams.ts';
import type { Lists } from './lists/lists.ts';
import { respondAccepted, respondFault } from './transport/http/respond.ts';
import type { Routed, Router } from './calls/router.ts';
import type { UpstreamAdapter } from './transport/upstream/adapter.ts';
import type { LinkOpener } from './transport/upstream/opener.ts';
import type { Upstream } from './transport/upstream/upstream.ts';
import type { Wheel } from './transport/http/wheel.ts';

export interface GatewayParts {
  readonly upstreams: readonly Upstream[];
  readonly policy: OriginPolicy;
  readonly clients: Clients;
  readonly lists: Lists;
  readonly router: Router;
  readonly calls: Calls;
  readonly inbound: Inbound;
  readonly listening: Listening;
  readonly adapter: UpstreamAdapter;
  readonly opener: LinkOpener;
  readonly wheel: Wheel;
  readonly journal: Journal;
  readonly keeper: Keeper;
  readonly version: string;
}

export class Gateway {
  readonly #parts: GatewayParts;
  /** Set while the process drains: nothing new is taken in, but what calls under way wait for. */
  draining = false;

  /** Requests whose answer is not out yet; streams opened by GET do not count. */
  #active = 0;
  #onIdle: (() => void) | undefined;
  readonly #answered = (): void => {
    this.#active -= 1;
    if (this.#active === 0) this.#onIdle?.();
  };

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** Resolves when nothing is under way or waits for its client any more, or after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = () => {
        if (!this.#isIdle) return;
        clearTimeout(timer);
        resolve();
      };
      this.#parts.calls.parked.onEmpty = this.#onIdle;
    });
  }

  get #isIdle(): boolean {
    return this.#active === 0 && this.#parts.calls.parked.size === 0;
  }

  /** Answers one HTTP request. Never throws: every fault ends in an answer. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    try {
      if (this.draining && request.method !== 'POST') throw new GatewayError('draining');
      const head = readHead(request.rawHeaders);
      checkOrigin(head, this.#parts.policy);
      if (answerCors(head, request, response)) return;
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
    response.on('close', this.#answered);
    readBody(
      request,
      (fault, body) => {
        if (fault === undefined) this.#received(head, body, false, response);
        else this.#refuse(response, fault);
      },
      { until: response },
    );
  }

  /** Answers a request of a client that another replica has brought here; it was let in there, and is read anew here. */
  handleBrought(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.#active += 1;
    response.on('close', this.#answered);
    try {
      this.#received(readHead(request.rawHeaders), body, true, response);
    } catch (fault) {
      this.#refuse(response, fault);
    }
  }

  #received(head: Head, body: Buffer, hopped: boolean, response: ServerResponse): void {
    try {
      const incoming = readIncoming(head, body, this.#parts.clients);
      // What is brought here is the end of something that waits for it.
      if (this.draining && !hopped && beginsWork(incoming)) throw new GatewayError('draining');
      const received = { rawHeaders: head.rawHeaders, received: body, hopped };
      if ('kind' in incoming) this.#single(incoming, received, response);
      else this.#batch(incoming, received, response);
    } catch (thrown) {
      this.#refuse(response, thrown);
    }
  }

  #single(incoming: Incoming, received: Received, response: ServerResponse): void {
    const { inbound, wheel } = this.#parts;
    const { rawHeaders } = received;
    switch (incoming.kind) {
      case 'initialize':
        this.#initialize(incoming.message, rawHeaders, new PostOutlet(response, wheel));
        return;
      case 'request':
        this.#request(callOf(incoming, received, new PostOutlet(response, wheel)), incoming.plan);
        return;
      case 'refused':
        this.#parts.calls.failed(callOf(incoming, received, new PostOutlet(response, wheel)), incoming.fault);
        return;
      case 'notification':
        inbound.notify(incoming.client, incoming.message, incoming.plan, rawHeaders);
        respondAccepted(response);
        return;
      case 'answer':
        inbound.answer(incoming.client, incoming.message, rawHeaders, received.hopped).then(
          () => respondAccepted(response),
          (fault: unknown) => this.#refuse(response, notTaken(fault)),
        );
    }
  }

  #batch(batch: readonly Incoming[], received: Received, response: ServerResponse): void {
    const { inbound, wheel, journal } = this.#parts;
    const { rawHeaders } = received;
    const outlet = new BatchOutlet(response, wheel);
    for (const incoming of batch) {
      if (incoming.kind === 'request') this.#request(callOf(incoming, received, outlet.part()), incoming.plan);
      else if (incoming.kind === 'notification')
        inbound.notify(incoming.client, incoming.message, incoming.plan, rawHeaders);
      else if (incoming.kind === 'answer')
        inbound
          .answer(incoming.client, incoming.message, rawHeaders, received.hopped)
          .catch((fault: unknown) => journal.dropped('answer in a batch not taken', undefined, fault));
    }
    outlet.seal();
  }

  #initialize(message: Message, rawHeaders: RawHeaders, outlet: Outlet): void {
    const { upstreams, clients, opener, adapter, version, journal } = this.#parts;
    const startedMs = performance.now();
    const open = async (): Promise<void> => {
      const greeting = readGreeting(message);
      const openings = await openAll(upstreams, greeting, opener, rawHeaders);
      if (outlet.gone) {
        await endAll(openings, adapter, rawHeaders);
        return;
      }
      const token = clients.create(greeting, openings);
      outlet.whole(resultText(message.id!, initializeResult(openings, greeting, version)), token);
    };
    open().then(
      () => journal.answered(message.method, startedMs),
      (fault: unknown) => {
        journal.refused(message.method, fault);
        outlet.fault(fault, legacyFault(fault, message.id));
      },
    );
  }

  #request(call: Call, plan: RequestPlan | ModernRequestPlan): void {
    const { lists, router, calls } = this.#parts;
    const { client, message, rawHeaders } = call;
    try {
      switch (plan.kind) {
        case 'initialize':
          throw new GatewayError('initialize_misplaced');
        case 'ping':
          call.outlet.whole(client.wording.own(message.id!, '{}'));
          return;
        case 'list':
          this.#local(call, lists.page(client, plan.list, message, rawHeaders));
          return;
        case 'level':
          this.#local(
            call,
            setLevel(this.#parts, client, levelOf(message), rawHeaders).then((body) => ({ body })),
          );
          return;
        case 'discover':
          this.#discover(call);
          return;
        case 'listen':
          this.#subscribe(call);
          return;
        case 'named':
          this.#route(call, router.named(client, message, plan.list, rawHeaders));
          return;
        case 'resource':
          this.#route(call, router.resource(client, message, rawHeaders));
          return;
        case 'completion':
          this.#route(call, router.completion(client, message, rawHeaders));
          return;
        case 'task':
          this.#route(call, router.task(client, message));
          return;
        case 'withheld':
          throw new GatewayError('method_unknown', message.method);
        case 'unknown':
          this.#route(call, router.unknown(message));
      }
    } catch (fault) {
      calls.failed(call, fault);
    }
  }

  /** An answer of the gateway's own making: the result as JSON text. */
  #local(call: Call, result: Promise<Own>): void {
    const { calls, journal } = this.#parts;
    result
      .then(({ body, hints }) => {
        call.outlet.whole(call.client.wording.own(call.message.id!, body, hints));
        journal.answered(call.message.method, call.startedMs);
      })
      .catch((fault: unknown) => calls.failed(call, fault));
  }

  /** Its result is a modern one already. */
  #discover(call: Call): void {
    const { upstreams, version, calls, journal } = this.#parts;
    discover(upstreams, call, version)
      .then((result) => {
        call.outlet.whole(resultText(call.message.id!, result));
        journal.answered(call.message.method, call.startedMs);
      })
      .catch((fault: unknown) => calls.failed(call, fault));
  }

  #subscribe(call: Call): void {
    const { upstreams, listening, calls } = this.#parts;
    linksOf(upstreams, call.client, call.rawHeaders)
      .then(() => listening.subscribe(call))
      .catch((fault: unknown) => calls.failed(call, fault));
  }

  #route(call: Call, routed: Routed | Promise<Routed>): void {
    const { calls } = this.#parts;
    if (routed instanceof Promise)
      routed.then(
        (found) => calls.send(call, found),
        (fault: unknown) => calls.failed(call, fault),
      );
    else calls.send(call, routed);
  }

  #get(head: Head, response: ServerResponse): void {
    checkGet(head);
    this.#parts.listening.open(this.#parts.clients.of(head), head.lastEventId, response);
  }

  #delete(head: Head, { rawHeaders }: IncomingMessage, response: ServerResponse): void {
    const { clients, adapter, upstreams, listening } = this.#parts;
    if (head.sessionToken === undefined) throw new GatewayError('session_missing');
    const client = clients.of(head);
    clients.end(client);
    listening.endSession(client.session.claims.jti);
    const links = client.links.all(upstreams).filter((link) => !link.shared);
    this.#active += 1;
    response.on('close', this.#answered);
    Promise.allSettled(links.map((link) => adapter.end(carrying(link, rawHeaders)))).then(
      () => response.writeHead(204).end(),
      () => response.destroy(),
    );
  }

  #refuse(response: ServerResponse, fault: unknown): void {
    this.#parts.journal.refused(undefined, fault);
    respondFault(response, fault);
  }
}

/** An answer that its server did not take is the client's 400, whatever the reason (2025-11-25 transports §Sending Messages 4). */
function notTaken(fault: unknown): unknown {
  return fault instanceof GatewayError && fault.code.startsWith('upstream_')
    ? new GatewayError('answer_unknown', fault.message)
    : fault;
}
