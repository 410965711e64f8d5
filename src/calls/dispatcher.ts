/**
 * A call on its way to its one upstream, and what becomes of it there: sent, healed, taken up again, given up. The way back of
 * its answer is relay.ts.
 */
import { randomUUID } from 'node:crypto';
import type { InwardTarget } from '../aggregate/rewrite.ts';
import { inwardCall } from '../aggregate/rewrite.ts';
import { mayContradict } from '../aggregate/contradicted.ts';
import { withoutAnswers } from '../aggregate/rounds.ts';
import type { ErrorCode } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { rawOf } from '../protocol/scan.ts';
import { Asking, type AskingHost } from './questions/asking.ts';
import type { Call } from '../clients/call.ts';
import { checkMirrored } from './repeated-arguments.ts';
import { openCallState } from '../clients/call-state.ts';
import type { Client } from '../clients/client.ts';
import { carrying } from '../transport/upstream/credentials.ts';
import { Holds } from './questions/holds.ts';
import { callCeilingMs } from '../transport/http/limits.ts';
import type { Hops } from '../transport/peers/hop.ts';
import type { Journal } from '../telemetry/journal.ts';
import type { Keeper } from '../streams/keeper.ts';
import type { ListChanges } from '../lists/list-changes.ts';
import type { Lists } from '../lists/lists.ts';
import { Parking, type ParkingHost } from './questions/parking.ts';
import { PooledLogs } from './pooled-logs.ts';
import { Relay } from './relay.ts';
import { goOnAnywhere, goOnWithHeld, type RetriesHost } from './questions/retries.ts';
import type { Routed } from './router.ts';
import type { Said } from '../transport/upstream/said.ts';
import { Standings } from './questions/standing.ts';
import { tasksToUpstream } from '../clients/translate.ts';
import { UnderWay } from './under-way.ts';
import type { Link, UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { Later, type Wheel } from '../transport/http/wheel.ts';

export interface CallsParts {
  readonly hops: Hops;
  readonly upstreams: readonly Upstream[];
  readonly changes: ListChanges;
  readonly lists: Pick<Lists, 'relearn'>;
  readonly adapter: UpstreamAdapter;
  readonly wheel: Wheel;
  readonly journal: Journal;
  readonly keeper: Keeper;
}

export class Calls implements RetriesHost, AskingHost, ParkingHost {
  readonly adapter: UpstreamAdapter;
  readonly wheel: Wheel;
  readonly hops: Hops;
  /** Calls that wait here for answers to requests, and for a retry. */
  readonly asked: Holds<Asking>;
  readonly parked: Holds<Parking>;
  /** Called for each changed list, whichever stream told of it, once the other replicas know. */
  onChanged: (link: Link, method: string) => void = () => {};
  readonly #parts: CallsParts;
  readonly #standings: Standings;
  readonly #logs: PooledLogs;
  readonly changes: ListChanges;
  readonly underWay = new UnderWay();

  constructor(parts: CallsParts) {
    this.#parts = parts;
    this.adapter = parts.adapter;
    this.wheel = parts.wheel;
    this.hops = parts.hops;
    this.#standings = new Standings(parts.adapter, this);
    this.#logs = new PooledLogs(parts.adapter);
    this.changes = parts.changes;
    this.asked = new Holds(parts.wheel, parts.hops.ownAddress);
    this.parked = new Holds(parts.wheel, parts.hops.ownAddress);
  }

  /** Sends a call to where it was routed. Its fate is the outlet's: this never throws. */
  send(call: Call, routed: Routed): void {
    try {
      const rest = call.said === undefined ? undefined : openCallState(call.client, routed.upstream, call.message);
      if (rest === undefined || rest.kind === 'call') this.#open(call, routed, rest?.state);
      else if (rest.kind === 'held') goOnWithHeld(this, call, rest);
      else goOnAnywhere(this, call, routed.upstream, rest);
    } catch (fault) {
      this.failed(call, fault);
    }
  }

  #open(call: Call, { upstream, target }: Routed, state: string | undefined): void {
    const inward = state === undefined ? target : { ...target, requestState: state };
    const link = call.client.links.peek(upstream);
    if (link !== undefined) {
      this.#begin(call, inward, link);
      return;
    }
    call.client.links.ensure(upstream, call.rawHeaders).then(
      (opened) => this.#begin(call, inward, opened),
      (fault: unknown) => this.failed(call, fault),
    );
  }

  /** A link is used no more. */
  left(link: Link): void {
    this.#standings.close(link);
  }

  /** Answers a call with a fault before it has reached an upstream. */
  failed(call: Call, fault: unknown): void {
    this.#parts.journal.refused(call.message.method, fault);
    call.outlet.fault(fault, call.client.wording.fault(fault, call.message.id));
  }

  #begin(call: Call, target: InwardTarget, link: Link): void {
    try {
      const kept = this.#parts.keeper.serve(call, link, target.uri);
      if (kept !== undefined) {
        this.#keep(call, kept);
        return;
      }
      const clientId = call.message.id!;
      if (call.said !== undefined) checkMirrored(call, link.upstream, target);
      let inward = target;
      let tokens: ReadonlyMap<string, string> | undefined;
      let upstreamId = clientId;
      if (link.shared) {
        // Several clients count their ids from 1, so on a link of many each request gets an id and a token of its own.
        upstreamId = `"${randomUUID()}"`;
        const token = call.message.params?.member('_meta')?.member('progressToken');
        if (token !== undefined) tokens = new Map([[upstreamId, rawOf(call.message.bytes, token)]]);
        inward = { ...inward, id: upstreamId, progressToken: upstreamId };
      }
      let body = inwardCall(tasksToUpstream(call.message, link.upstream, call.client), inward);
      // An upstream that asks by requests has nothing to do with answers that come with a call.
      if (call.said !== undefined && !link.mirrors) body = withoutAnswers(body);
      const relay = new Relay(this, call, link, { upstreamId, body, tokens });
      this.#listenAndDispatch(relay);
    } catch (fault) {
      this.failed(call, fault);
    }
  }

  /** The gateway answers in the place of the upstream. */
  #keep(call: Call, kept: Promise<string>): void {
    const { client, message, outlet, startedMs } = call;
    kept.then(
      (result) => {
        outlet.whole(client.wording.own(message.id!, result));
        this.#parts.journal.answered(message.method, startedMs);
      },
      (fault: unknown) => this.failed(call, fault),
    );
  }

  /** On a session that is new to the gateway, its questions have to be heard first. */
  #listenAndDispatch(relay: Relay): void {
    const ready = this.#standings.ready(relay.call.client, relay.link, relay.call.rawHeaders);
    if (ready === undefined) this.#dispatch(relay);
    else void ready.then(() => this.#dispatch(relay));
  }

  #dispatch(relay: Relay): void {
    const ready = this.#logs.ready(relay);
    if (ready === undefined) this.#put(relay);
    else void ready.then(() => this.#put(relay));
  }

  #put(relay: Relay): void {
    // Its client may have left while it waited.
    if (relay.isOver) return;
    const { client, rawHeaders } = relay.call;
    const carried = carrying(relay.link, rawHeaders);
    const said = relay.call.said ?? (carried.mirrors ? saidFor(client, carried) : undefined);
    const link = said === undefined ? carried : { ...carried, said };
    this.resumed(relay);
    try {
      relay.exchange = this.#parts.adapter.call(link, relay.sent.body, relay, patienceMs(relay));
    } catch (fault) {
      // Often behind a promise, where nobody else would catch it.
      relay.fail(fault);
    }
  }

  // RelayHost and its kin: what a call needs on its way back.

  resumed(relay: Relay): void {
    this.underWay.begun(relay);
  }

  suspended(relay: Relay): void {
    const { client, message, startedMs } = relay.call;
    this.underWay.landed(relay);
    this.#parts.journal.called(message.method, relay.link.upstream.config.id, 'ok', startedMs, client);
  }

  ask(relay: Relay, round: Message): void {
    try {
      new Asking(this, relay, round).begin();
    } catch (fault) {
      relay.suspension = undefined;
      relay.fail(fault);
    }
  }

  park(relay: Relay, question: Message): void {
    relay.parking ??= new Parking(this, relay);
    if (relay.parking.add(question)) return;
    const { link, call } = relay;
    this.reply(carrying(link, call.rawHeaders), tooManyText(question.id!));
  }

  again(relay: Relay, id: string, body: Buffer): void {
    this.underWay.landed(relay);
    relay.sent = { ...relay.sent, upstreamId: id, body };
    this.#dispatch(relay);
  }

  heal(relay: Relay): boolean {
    if (relay.healed) return false;
    relay.healed = true;
    // Nothing was done with the request, so it may be sent again (design.md §5).
    relay.call.client.links.renew(relay.link.upstream, relay.link, relay.call.rawHeaders).then(
      (link) => {
        // What is asked on the lost session is not about a call on another.
        relay.link.underWay?.delete(relay);
        relay.link = link;
        this.#listenAndDispatch(relay);
      },
      (fault: unknown) => relay.fail(fault),
    );
    return true;
  }

  realign(relay: Relay): boolean {
    const { client, message, rawHeaders } = relay.call;
    if (relay.realigned || message.method !== 'tools/call') return false;
    relay.realigned = true;
    // The call was refused for its headers, so nothing was done with it (protocol.md D5, D10).
    this.#parts.lists.relearn(client, relay.link.upstream, rawHeaders).then(
      () => this.#dispatch(relay),
      (fault: unknown) => relay.fail(fault),
    );
    return true;
  }

  resume(relay: Relay, lastEventId: string, afterMs: number): void {
    const { adapter, wheel } = this.#parts;
    const waiting = new Later(() => {
      if (relay.isOver) return;
      const link = carrying(relay.link, relay.call.rawHeaders);
      relay.exchange = adapter.listen(link, lastEventId, relay, patienceMs(relay));
    });
    wheel.arm(waiting, afterMs);
  }

  noticed(link: Link, client: Client, method: string): void {
    void this.told(link, client, method);
  }

  told(link: Link, client: Client, method: string): Promise<void> | undefined {
    return this.changes.told(link, client, method)?.then(() => this.onChanged(link, method));
  }

  wantsLog(relay: Relay, message: Message): boolean {
    return this.#logs.wants(relay, message);
  }

  refused({ link, call, sent }: Relay, answer: Message): void {
    if (mayContradict(answer)) this.changes.refused(link, call.client, sent.body, answer);
  }

  reply(link: Link, body: string): void {
    const { adapter, journal } = this.#parts;
    adapter
      .post(link, body)
      .catch((fault: unknown) => journal.dropped('reply not taken', link.upstream.config.id, fault));
  }

  promised(relay: Relay): void {
    this.underWay.promised(relay);
  }

  takenBack(relay: Relay): void {
    // Closing is cancellation for a modern upstream, and nothing for an older one, which is told (protocol.md D5).
    relay.exchange?.cancel?.();
    relay.exchange?.abort();
    this.#cancel(relay, 'the client has left');
    this.finished(relay, 'ok');
  }

  #cancel({ link, call, upstreamId }: Relay, reason: string): void {
    this.reply(carrying(link, call.rawHeaders), cancelledText(upstreamId, reason));
  }

  finished(relay: Relay, outcome: 'ok' | 'error' | ErrorCode): void {
    const { client, message, startedMs } = relay.call;
    this.underWay.over(relay);
    // Whoever gives up on a request says so (2025-11-25 basic/lifecycle §Timeouts).
    if (outcome === 'upstream_timeout') this.#cancel(relay, 'timeout');
    this.#parts.journal.called(message.method, relay.link.upstream.config.id, outcome, startedMs, client);
  }
}

/** Longest silence. The result of a task comes when the task is over, and nothing before (2025-11-25 basic/utilities/tasks). */
function patienceMs({ call, link }: Relay): number {
  return call.message.method === 'tasks/result' ? callCeilingMs : link.upstream.config.timeoutMs;
}

/** For a client that says nothing of itself with a request: also the level of log messages, which it has said before (protocol.md D5, LM). */
function saidFor({ said, logLevel }: Client, { capabilities }: Link): Said {
  return (capabilities & serverCapability.logging) === 0 ? said : { ...said, logLevel };
}

/** `id` is raw JSON. */
function cancelledText(id: string, reason: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"${reason}"}}`;
}

/** The same bound as on rounds that an upstream makes itself (aggregate/rounds.ts). */
function tooManyText(id: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32603,"message":"Too many questions at once"}}`;
}
