/**
 * Sends a call to its upstream, and sends it again after a lost session or an interrupted answer. relay.ts passes the answer to the
 * client.
 */
import type { GatewayError } from '../errors.ts';
import { randomUUID } from 'node:crypto';
import { mayContradict } from '../aggregate/contradicted.ts';
import { inwardCall, withMeta, type InwardTarget } from '../aggregate/rewrite.ts';
import { withoutAnswers } from '../aggregate/rounds.ts';
import type { Call } from '../clients/call.ts';
import { openCallState } from '../clients/call-state.ts';
import { faultToClient } from '../clients/faults.ts';
import type { Client } from '../clients/client.ts';
import { tasksToUpstream } from '../clients/translate.ts';
import type { ListChanges } from '../lists/list-changes.ts';
import type { Lists } from '../lists/lists.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import type { Said } from '../protocol/said.ts';
import { rawOf } from '../protocol/scan.ts';
import type { StreamHost } from '../streams/host.ts';
import type { Keeper } from '../streams/keeper.ts';
import type { Journal, UpstreamPart } from '../telemetry/journal.ts';
import { resumptions } from '../telemetry/metrics.ts';
import { tracing } from '../telemetry/traces.ts';
import { callCeilingMs } from '../transport/http/limits.ts';
import { Later } from '../transport/http/wheel.ts';
import type { Hops } from '../transport/peers/hop.ts';
import type { Exchange } from '../transport/upstream/adapter.ts';
import type { Credentials } from '../transport/upstream/credentials.ts';
import type { Outbound, UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { CallHost, Outcome } from './host.ts';
import { PooledLogs } from './pooled-logs.ts';
import { Asking } from './questions/asking.ts';
import { afterConsent } from './questions/consented.ts';
import type { Holds } from './questions/holds.ts';
import { Parking } from './questions/parking.ts';
import { Retries } from './questions/retries.ts';
import type { Standings } from './questions/standing.ts';
import { Relay } from './relay.ts';
import { checkRepeated } from './repeated-arguments.ts';
import type { Routed } from './router.ts';
import type { UnderWay } from './under-way.ts';
import { WholeCalls } from './whole-call.ts';

export interface DispatcherParts extends StreamHost {
  readonly hops: Hops;
  readonly changes: ListChanges;
  readonly lists: Pick<Lists, 'relearn'>;
  readonly journal: Journal;
  readonly keeper: Keeper;
  readonly standings: Standings;
  readonly underWay: UnderWay;
  readonly credentials: Credentials;
  /** Calls that wait on this replica: `asked` for answers of a session-era client, `parked` for a retry of a modern client. */
  readonly asked: Holds<Asking>;
  readonly parked: Holds<Parking>;
}

export class Dispatcher implements CallHost<Relay> {
  readonly adapter: StreamHost['adapter'];
  readonly wheel: StreamHost['wheel'];
  readonly told: StreamHost['told'];
  readonly reply: StreamHost['reply'];
  readonly dropped: StreamHost['dropped'];
  readonly #parts: DispatcherParts;
  readonly #logs: PooledLogs;
  readonly #retries: Retries;
  readonly #wholeCalls: WholeCalls;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.adapter = parts.adapter;
    this.wheel = parts.wheel;
    this.told = parts.told;
    this.reply = parts.reply;
    this.dropped = parts.dropped;
    this.#logs = new PooledLogs(parts.adapter);
    this.#retries = new Retries(this, parts.parked, parts.hops);
    this.#wholeCalls = new WholeCalls(parts.wheel);
  }

  /** Sends a call to the upstream it was routed to. Never throws: every result goes to the outlet. */
  send(call: Call, { subject: { upstream }, target }: Routed): void {
    const { client } = call;
    if (tracing !== undefined) this.#parts.journal.begun(call, target.name);
    try {
      const rest = client.wording.asksByRounds ? openCallState(client, upstream, call.message) : undefined;
      if (rest?.kind === 'held') this.#retries.goOnWithHeld(call, rest);
      else if (rest?.kind === 'resumed') this.#retries.goOnAnywhere(call, upstream, rest);
      else if (rest?.kind === 'consent')
        afterConsent(call, upstream, this.#parts.credentials, rest.state !== undefined)
          .then((again) => this.#start(again, withState(target, rest.state), upstream))
          .catch((fault: unknown) => this.failed(call, fault, upstream));
      else this.#start(call, withState(target, rest?.state), upstream);
    } catch (fault) {
      this.failed(call, fault, upstream);
    }
  }

  #start(call: Call, target: InwardTarget, upstream: Upstream): void {
    const { sessions } = call.client;
    const session = sessions.peek(upstream);
    if (session !== undefined) this.#begin(call, target, session);
    else
      sessions.ensure(upstream, call.caller).then(
        (opened) => this.#begin(call, target, opened),
        (fault: unknown) => this.failed(call, fault, upstream),
      );
  }

  /** Answers a call with a fault before it has reached an upstream. `upstream` is its target, if already known. */
  failed(call: Call, fault: unknown, upstream?: Upstream): void {
    this.#parts.journal.refused(call, fault);
    call.outlet.fault(fault, faultToClient(call, fault, upstream));
  }

  #begin(call: Call, target: InwardTarget, session: UpstreamSession): void {
    try {
      const kept = this.#parts.keeper.serve(call, session, target.uri);
      if (kept === undefined) this.#relay(call, target, session);
      else this.#keep(call, kept);
    } catch (fault) {
      this.failed(call, fault);
    }
  }

  /** Answers with the gateway's own result, in place of the upstream's. `kept` is JSON text. */
  #keep(call: Call, kept: Promise<string>): void {
    const { client, message, outlet } = call;
    kept.then(
      (result) => {
        outlet.whole(client.wording.own(message.id!, result));
        this.#parts.journal.answered(call);
      },
      (fault: unknown) => this.failed(call, fault),
    );
  }

  #relay(call: Call, target: InwardTarget, session: UpstreamSession): void {
    const { client, message } = call;
    if (client.wording.repeatsInHeaders) checkRepeated(call, session.upstream, target);
    let inward = target;
    let tokens: ReadonlyMap<string, string> | undefined;
    let upstreamId = message.id!;
    if (session.isShared) {
      // Clients count their ids from 1, so on a shared session each request gets a new id and a new progress token.
      upstreamId = `"${randomUUID()}"`;
      const token = message.params?.member('_meta')?.member('progressToken');
      if (token !== undefined) tokens = new Map([[upstreamId, rawOf(message.bytes, token)]]);
      inward = { ...inward, id: upstreamId, progressToken: upstreamId };
    }
    let body = inwardCall(tasksToUpstream(message, session.upstream, client), inward);
    // An upstream that asks by requests does not understand answers inside a call.
    if (client.wording.asksByRounds && !session.asksByRounds) body = withoutAnswers(body);
    const relay = new Relay(this, call, session, { upstreamId, body, tokens });
    relay.phase.named = target.name;
    this.#wholeCalls.begun(relay);
    this.#prepare(relay);
  }

  /**
   * Prepares the session for a call: the gateway listens for its questions, and its log level includes what the call asks for.
   * Usually the session is ready, and the call is sent synchronously.
   */
  #prepare(relay: Relay): void {
    const { call, session } = relay;
    const heard = this.#parts.standings.ready(call.client, session, call.caller);
    const verbose = this.#logs.ready(relay);
    if (heard === undefined && verbose === undefined) this.#put(relay);
    else void Promise.all([heard, verbose]).then(() => this.#put(relay));
  }

  #put(relay: Relay): void {
    // The client may have disconnected while the call waited.
    if (relay.isOver) return;
    const { call, session, sent } = relay;
    const said = call.said ?? (session.isToldOfClient ? saidFor(call.client, session) : undefined);
    this.begun(relay);
    try {
      if (relay.phase.sentMs === 0) relay.phase.sentMs = performance.now();
      relay.alignedTo = session.upstream.paramHeaders;
      const to = { session, caller: call.caller, said };
      const exchange =
        tracing === undefined
          ? this.adapter.call(to, sent.body, relay, patienceMs(relay))
          : this.#callTraced(relay, to);
      relay.phase.begin(exchange);
    } catch (fault) {
      // Often called from a promise callback, where nothing else would catch the fault.
      relay.fail(fault);
    }
  }

  /** Sends the call with its trace context, in headers and in `_meta`. */
  #callTraced(relay: Relay, to: Outbound): Exchange {
    const { call, session, sent, phase } = relay;
    const carried = this.#parts.journal.sent(call, session.upstream.config.id, phase.named);
    if (carried === undefined) return this.adapter.call(to, sent.body, relay, patienceMs(relay));
    const body = withMeta(sent.body, carried.meta);
    return this.adapter.call({ ...to, trace: carried.headers }, body, relay, patienceMs(relay));
  }

  // CallHost: what relay.ts needs while it passes the answer.

  begun(relay: Relay): void {
    this.#parts.underWay.begun(relay);
  }

  suspended(relay: Relay): void {
    this.#parts.underWay.landed(relay);
    this.#parts.journal.called(relay.call, passed(relay), 'ok');
  }

  ask(relay: Relay, round: Message): void {
    try {
      new Asking(this, this.#parts.asked, relay, round).begin();
    } catch (fault) {
      relay.phase.unsuspend();
      relay.fail(fault);
    }
  }

  park(relay: Relay, question: Message): void {
    const gathering = relay.interview.gather(() => new Parking(this, this.#parts.parked, relay));
    if (!gathering.add(question)) this.reply(relay.to, tooManyText(question.id!));
  }

  again(relay: Relay, id: string, body: Buffer): void {
    this.#parts.underWay.landed(relay);
    relay.replace({ ...relay.sent, upstreamId: id, body });
    this.#prepare(relay);
  }

  heal(relay: Relay): boolean {
    if (!relay.mayHeal()) return false;
    const { client, caller } = relay.call;
    // The upstream did not run the request, so it may be sent again.
    client.sessions.renew(relay.session, caller).then(
      (session) => {
        this.#parts.journal.befell(relay.call, 'manifold.session.healed');
        relay.moveTo(session);
        this.#prepare(relay);
      },
      (fault: unknown) => relay.fail(fault),
    );
    return true;
  }

  realign(relay: Relay): boolean {
    if (!relay.mayRealign()) return false;
    const { client, caller } = relay.call;
    // The upstream refused the headers and did not run the call.
    this.#parts.lists.relearn(client, relay.session.upstream, caller, relay.alignedTo).then(
      () => this.#prepare(relay),
      (fault: unknown) => relay.fail(fault),
    );
    return true;
  }

  resume(relay: Relay, lastEventId: string, afterMs: number): void {
    this.#parts.journal.befell(relay.call, 'manifold.answer.resumed');
    resumptions.inc();
    const waiting = new Later(() => {
      if (relay.isOver) return;
      relay.phase.begin(this.adapter.listen(relay.to, lastEventId, relay, { idleMs: patienceMs(relay) }));
    });
    this.wheel.arm(waiting, afterMs);
  }

  hopped(call: Call): void {
    this.#parts.journal.hopped(call);
  }

  wantsLog(relay: Relay, message: Message): boolean {
    return this.#logs.wants(relay, message);
  }

  refused({ session, call, sent }: Relay, answer: Message): void {
    if (sent.body.length > 0 && mayContradict(answer))
      this.#parts.changes.refused(session, call.client, sent.body, answer);
  }

  promised(relay: Relay): void {
    this.#parts.underWay.promised(relay);
  }

  takenBack(relay: Relay): void {
    this.#cancel(relay, 'the client has left');
    this.finished(relay, 'ok');
  }

  #cancel(relay: Relay, reason: string): void {
    this.reply(relay.to, cancelledText(relay.upstreamId, reason));
  }

  finished(relay: Relay, outcome: Outcome, fault?: GatewayError): void {
    this.#parts.underWay.over(relay);
    this.#wholeCalls.over(relay);
    if (fault !== undefined) relay.session.upstream.contact.failed(fault.code);
    // A request that timed out is cancelled (2025-11-25 basic/lifecycle §Timeouts).
    if (outcome === 'upstream_timeout') this.#cancel(relay, 'timeout');
    this.#parts.journal.called(relay.call, passed(relay), outcome, fault);
  }
}

/** Adds the state that the upstream itself sent earlier. */
function withState(target: InwardTarget, state: string | undefined): InwardTarget {
  return state === undefined ? target : { ...target, requestState: state };
}

function passed({ call, session, phase }: Relay): UpstreamPart {
  return {
    upstream: session.upstream.config.id,
    tool: call.message.method === 'tools/call' ? phase.named : undefined,
    sentMs: phase.sentMs,
    answerBytes: phase.answerBytes,
  };
}

/** Maximum silence in ms. `tasks/result` is silent until the task ends (2025-11-25 basic/utilities/tasks). */
function patienceMs({ call, session }: Relay): number {
  return call.message.method === 'tasks/result' ? callCeilingMs : session.upstream.config.timeoutMs;
}

/**
 * Describes a session-era client to an upstream without sessions, with the client's log level from `logging/setLevel`
 * (docs/adr/0006-both-eras.md).
 */
function saidFor({ said, logLevel }: Client, session: UpstreamSession): Said {
  return session.has(serverCapability.logging) ? { ...said, logLevel } : said;
}

/** `id` is raw JSON. */
function cancelledText(id: string, reason: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"${reason}"}}`;
}

/** The error for a question above the limit. The limit is the same as for rounds (aggregate/rounds.ts). `id` is raw JSON. */
function tooManyText(id: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32603,"message":"Too many questions at once"}}`;
}
