/**
 * One request reads top to bottom: accept → caller → read the message → session → route → gate → call the upstream → translate →
 * write. Each step has a file of its own with its own faults; this file has their order. One `Gateway` serves one route.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from './calls/dispatcher.ts';
import type { Idle } from './calls/idle.ts';
import type { Inbound } from './calls/inbound.ts';
import type { Routed, Router } from './calls/router.ts';
import { callOf, type Call, type Received } from './clients/call.ts';
import type { Client } from './clients/client.ts';
import type { Gate } from './clients/gate.ts';
import { endAll, initializeResult, openAll, readGreeting } from './clients/handshake.ts';
import type { ClientRegistry } from './clients/registry.ts';
import { GatewayError } from './errors.ts';
import { discover, sessionsOf } from './lists/discover.ts';
import { levelOf, setLevel } from './lists/level.ts';
import type { Lists } from './lists/lists.ts';
import type { Message } from './protocol/envelope.ts';
import type { ModernRequestPlan, RequestPlan } from './protocol/methods.ts';
import type { Keeper } from './streams/keeper.ts';
import type { OpenStreams } from './streams/open-streams.ts';
import type { Journal } from './telemetry/journal.ts';
import { tracing } from './telemetry/traces.ts';
import { BatchOutlet } from './transport/downstream/batch.ts';
import { beginsWork, type Incoming } from './transport/downstream/incoming.ts';
import { PostOutlet, type Outlet } from './transport/downstream/outlet.ts';
import { readIncoming } from './transport/downstream/read.ts';
import { legacyFault, resultText, type Own } from './transport/downstream/wording.ts';
import {
  checkGet,
  checkOrigin,
  checkPost,
  checkSingle,
  readBody,
  readHead,
  type Head,
  type OriginPolicy,
} from './transport/http/accept.ts';
import { shareOf } from './transport/http/budget.ts';
import { answerCors } from './transport/http/cors.ts';
import { queryOf, type Authenticate, type Caller, type RequestLine } from './transport/http/caller.ts';
import { messageLimits } from './transport/http/message-limits.ts';
import { respondAccepted, respondFault } from './transport/http/respond.ts';
import type { Wheel } from './transport/http/wheel.ts';
import type { UpstreamAdapter } from './transport/upstream/adapter.ts';
import type { SessionOpener } from './transport/upstream/opener.ts';
import type { Upstreams } from './transport/upstream/upstreams.ts';

export interface GatewayParts {
  readonly upstreams: Upstreams;
  readonly policy: OriginPolicy;
  readonly authenticate: Authenticate;
  /**
   * Maximum size of a body in bytes, for a route whose external authorization service reads bodies: the caller is authenticated
   * again, with the body. Undefined: no service reads them.
   */
  readonly shownBodyBytes?: number | undefined;
  /** Converts a fault that is thrown before authentication, for a route that sends challenges. Default: no conversion. */
  readonly refusalOf?: ((fault: unknown) => unknown) | undefined;
  /** Client headers, in lower case, that may carry credentials in addition to `Authorization`. */
  readonly credentialNames?: ReadonlySet<string> | undefined;
  readonly gate: Gate;
  readonly clients: ClientRegistry;
  readonly lists: Lists;
  readonly router: Router;
  readonly calls: Dispatcher;
  readonly inbound: Inbound;
  readonly streams: OpenStreams;
  readonly adapter: UpstreamAdapter;
  readonly opener: SessionOpener;
  readonly wheel: Wheel;
  readonly journal: Journal;
  readonly keeper: Keeper;
  readonly idle: Idle;
  readonly version: string;
}

export class Gateway {
  readonly #parts: GatewayParts;
  #isDraining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** From now on accepts only messages that active calls wait for. */
  refuseNew(): void {
    this.#isDraining = true;
  }

  /** Answers one HTTP request. Never throws: every fault becomes an error response. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    try {
      const head = readHead(request.rawHeaders);
      checkOrigin(head, this.#parts.policy);
      const { forwardedNames, forwardedCredentials } = this.#parts.upstreams;
      if (answerCors(head, request, response, forwardedNames, this.#parts.credentialNames)) return;
      checkSingle(request.rawHeaders, forwardedCredentials);
      if (this.#isDraining && request.method !== 'POST') throw new GatewayError('draining');
      const caller = this.#parts.authenticate(head, request);
      if (caller instanceof Promise) this.#later(caller, head, request, response);
      else this.#admit(head, caller, request, response);
    } catch (fault) {
      const { refusalOf } = this.#parts;
      this.#refuse(response, refusalOf === undefined ? fault : refusalOf(fault));
    }
  }

  /** Continues after an authentication that needed a request to another service. */
  #later(caller: Promise<Caller>, head: Head, request: IncomingMessage, response: ServerResponse): void {
    caller
      .then((known) => {
        if (!response.destroyed) this.#admit(head, known, request, response);
      })
      .catch((fault: unknown) => this.#refuse(response, fault));
  }

  #admit(head: Head, caller: Caller, request: IncomingMessage, response: ServerResponse): void {
    switch (request.method) {
      case 'POST':
        this.#post(head, caller, request, response);
        return;
      case 'GET':
        this.#get(head, caller, response);
        return;
      case 'DELETE':
        this.#delete(head, caller, response);
        return;
      default:
        throw new GatewayError('verb_not_allowed', request.method);
    }
  }

  #post(head: Head, caller: Caller, request: IncomingMessage, response: ServerResponse): void {
    const { idle, shownBodyBytes } = this.#parts;
    const limit = shownBodyBytes === undefined ? undefined : Math.min(shownBodyBytes, messageLimits().request);
    checkPost(head, limit);
    idle.begun(response);
    readBody(
      request,
      (fault, body) => {
        if (fault !== undefined) this.#refuse(response, fault);
        else if (limit === undefined) this.#received(head, caller, body, false, response);
        else this.#judged(head, { method: 'POST', url: request.url, body }, body, false, response);
      },
      { until: response, share: shareOf(caller.principalId), limit },
    );
  }

  /** Authenticates the caller with the body, then continues. */
  #judged(head: Head, line: RequestLine, body: Buffer, hopped: boolean, response: ServerResponse): void {
    new Promise<Caller>((resolve) => resolve(this.#parts.authenticate(head, line))).then(
      (caller) => {
        if (!response.destroyed) this.#received(head, caller, body, hopped, response);
      },
      (fault: unknown) => this.#refuse(response, fault),
    );
  }

  /** Answers a client's request that another replica has checked and forwarded. It is read and checked again here. */
  handleBrought(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.#parts.idle.begun(response);
    try {
      // The path is the one used between replicas, not the client's.
      this.#judged(
        readHead(request.rawHeaders),
        { method: 'POST', query: queryOf(request.url), body },
        body,
        true,
        response,
      );
    } catch (fault) {
      this.#refuse(response, fault);
    }
  }

  #received(head: Head, caller: Caller, body: Buffer, hopped: boolean, response: ServerResponse): void {
    try {
      const incoming = readIncoming(head, body, caller, this.#parts.clients);
      // A call on this replica waits for the forwarded request, so draining does not refuse it.
      if (this.#isDraining && !hopped && beginsWork(incoming)) throw new GatewayError('draining');
      const received = { caller, received: body, hopped };
      if ('kind' in incoming) this.#single(incoming, received, response);
      else this.#batch(incoming, received, response);
    } catch (thrown) {
      this.#refuse(response, thrown);
    }
  }

  #single(incoming: Incoming<Client>, received: Received, response: ServerResponse): void {
    const { inbound, calls, wheel } = this.#parts;
    const { caller, hopped } = received;
    switch (incoming.kind) {
      case 'initialize':
        this.#initialize(incoming.message, caller, new PostOutlet(response, wheel, caller.principalId));
        return;
      case 'request':
        this.#request(callOf(incoming, received, new PostOutlet(response, wheel, caller.principalId)), incoming.plan);
        return;
      case 'refused':
        calls.failed(callOf(incoming, received, new PostOutlet(response, wheel, caller.principalId)), incoming.fault);
        return;
      case 'notification':
        inbound.notify(incoming.client, incoming.message, incoming.plan, caller);
        respondAccepted(response);
        return;
      case 'answer':
        inbound.answer(incoming.client, incoming.message, caller, hopped).then(
          () => respondAccepted(response),
          (fault: unknown) => this.#refuse(response, notTaken(fault)),
        );
    }
  }

  #batch(batch: readonly Incoming<Client>[], received: Received, response: ServerResponse): void {
    const { inbound, wheel, journal } = this.#parts;
    const { caller, hopped } = received;
    const outlet = new BatchOutlet(response, wheel, caller.principalId);
    for (const incoming of batch) {
      if (incoming.kind === 'request') this.#request(callOf(incoming, received, outlet.part()), incoming.plan);
      else if (incoming.kind === 'notification')
        inbound.notify(incoming.client, incoming.message, incoming.plan, caller);
      else if (incoming.kind === 'answer')
        inbound
          .answer(incoming.client, incoming.message, caller, hopped)
          .catch((fault: unknown) => journal.dropped('answer in a batch not taken', undefined, fault));
    }
    outlet.seal();
  }

  #initialize(message: Message, caller: Caller, outlet: Outlet): void {
    const { upstreams, clients, opener, adapter, version, journal, gate } = this.#parts;
    const noted = { message, caller, received: message.bytes, startedMs: performance.now() };
    if (tracing !== undefined) journal.begun(noted, undefined);
    const open = async (): Promise<string> => {
      const greeting = readGreeting(message);
      const openings = await openAll(upstreams, greeting, opener, caller, (upstream) => gate.reaches(caller, upstream));
      if (outlet.gone) {
        await endAll(openings, adapter, caller);
        return '';
      }
      const token = clients.create(greeting, openings, caller);
      const result = initializeResult(openings, greeting, version);
      outlet.whole(resultText(message.id!, result), token);
      return result;
    };
    open().then(
      (result) => journal.answered(noted, result),
      (fault: unknown) => {
        journal.refused(noted, fault);
        outlet.fault(fault, legacyFault(fault, message.id));
      },
    );
  }

  #request(call: Call, plan: RequestPlan | ModernRequestPlan): void {
    const { lists, router, calls } = this.#parts;
    const { client, message, caller } = call;
    if (tracing !== undefined && plan.kind !== 'ping' && plan.kind !== 'listen')
      this.#parts.journal.begun(call, undefined);
    try {
      switch (plan.kind) {
        case 'initialize':
          throw new GatewayError('initialize_misplaced');
        case 'ping':
          call.outlet.whole(client.wording.own(message.id!, '{}'));
          return;
        case 'list':
          this.#local(call, lists.page(client, plan.list, message, caller));
          return;
        case 'level':
          this.#local(
            call,
            setLevel(this.#parts, client, levelOf(message), caller).then((body) => ({ body })),
          );
          return;
        case 'discover':
          this.#discover(call);
          return;
        case 'listen':
          this.#subscribe(call);
          return;
        case 'named':
          this.#route(call, router.named(call, plan.list));
          return;
        case 'resource':
          this.#route(call, router.resource(call));
          return;
        case 'completion':
          this.#route(call, router.completion(call));
          return;
        case 'task':
          this.#route(call, router.task(call));
          return;
        case 'withheld':
          throw new GatewayError('method_unknown');
        case 'unknown':
          this.#route(call, router.unknown(call));
      }
    } catch (fault) {
      calls.failed(call, fault);
    }
  }

  /** Answers with a result made by the gateway, as JSON text. */
  #local(call: Call, result: Promise<Own>): void {
    const { calls, journal } = this.#parts;
    result
      .then(({ body, hints }) => {
        call.outlet.whole(call.client.wording.own(call.message.id!, body, hints));
        journal.answered(call, body);
      })
      .catch((fault: unknown) => calls.failed(call, fault));
  }

  /** `server/discover`: its result already has the form of 2026-07-28. */
  #discover(call: Call): void {
    const { upstreams, version, calls, journal, gate } = this.#parts;
    discover(upstreams, call, version, gate)
      .then((result) => {
        call.outlet.whole(resultText(call.message.id!, result));
        journal.answered(call, result);
      })
      .catch((fault: unknown) => calls.failed(call, fault));
  }

  #subscribe(call: Call): void {
    const { upstreams, streams, calls, gate } = this.#parts;
    sessionsOf(upstreams, call.client, call.caller, gate)
      .then(() => {
        if (this.#isDraining) throw new GatewayError('draining');
        streams.subscribe(call);
      })
      .catch((fault: unknown) => calls.failed(call, fault));
  }

  #route(call: Call, routed: Routed | Promise<Routed>): void {
    const { calls } = this.#parts;
    if (routed instanceof Promise)
      routed.then((found) => this.#pass(call, found)).catch((fault: unknown) => calls.failed(call, fault));
    else this.#pass(call, routed);
  }

  /** Checks the access rules. Every call passes here. */
  #pass(call: Call, routed: Routed): void {
    const { gate, calls } = this.#parts;
    const refusal = gate.refusal(call.caller, routed.subject, call.message);
    if (refusal !== undefined) throw refusal;
    calls.send(call, routed);
  }

  #get(head: Head, caller: Caller, response: ServerResponse): void {
    checkGet(head);
    const { clients, streams } = this.#parts;
    streams.open(clients.ofSession(head, caller), caller, head.lastEventId, response);
  }

  #delete(head: Head, caller: Caller, response: ServerResponse): void {
    const { clients, adapter, upstreams, streams, idle } = this.#parts;
    if (head.sessionToken === undefined) throw new GatewayError('session_missing');
    const client = clients.ofSession(head, caller);
    clients.end(client, head.sessionToken);
    streams.endSession(client.session.claims.jti);
    const own = client.sessions.all(upstreams).filter((session) => !session.isShared);
    idle.begun(response);
    Promise.allSettled(own.map((session) => adapter.end({ session, caller }))).then(
      () => response.writeHead(204).end(),
      () => response.destroy(),
    );
  }

  #refuse(response: ServerResponse, fault: unknown): void {
    this.#parts.journal.refused(undefined, fault);
    respondFault(response, fault);
  }
}

/**
 * If the upstream does not accept an answer of the client, the client gets status 400, whatever the reason (2025-11-25
 * basic/transports §Sending Messages to the Server 4).
 */
function notTaken(fault: unknown): unknown {
  return fault instanceof GatewayError && fault.code.startsWith('upstream_')
    ? new GatewayError('answer_unknown', fault.message)
    : fault;
}
