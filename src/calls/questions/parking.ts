/**
 * A call of a client of 2026-07-28 whose upstream, of the session era, asks by requests. The questions become a round, and the
 * call waits for the client's retry. If the upstream's stream can be resumed, all state is in `requestState` and any replica can
 * continue; otherwise the stream is held here, and the client's retry is forwarded to this replica.
 */
import { maxQuestions, questionOf, roundMessage, sizeOf, type Question } from '../../aggregate/rounds.ts';
import { GatewayError } from '../../errors.ts';
import { readClientMessage, type Message } from '../../protocol/envelope.ts';
import type { Revision } from '../../protocol/revisions.ts';
import type { HoldAddress } from '../../session/hold.ts';
import type { Rest } from '../../session/request-state.ts';
import type { Call } from '../../clients/call.ts';
import { sealCallState } from '../../clients/call-state.ts';
import type { Worded } from '../../transport/downstream/wording.ts';
import type { CallHost } from '../host.ts';
import type { Held, Holds } from './holds.ts';
import { collectMs } from '../../transport/http/limits.ts';
import type { Relay } from '../relay.ts';
import type { Gathering, Suspension } from './suspension.ts';
import type { Upstream } from '../../transport/upstream/upstream.ts';

/** A question, and the id under which the upstream expects its answer, as raw JSON. */
export interface Awaited {
  readonly question: Question;
  readonly id: string;
}

/** From where any replica can resume an upstream's stream. */
export interface Resumable {
  readonly sessionId: string;
  readonly revision: Revision;
  readonly capabilities: number;
  /** The call's id at the upstream, as raw JSON. */
  readonly upstreamId: string;
  readonly lastEventId: string;
  readonly awaited: readonly Awaited[];
}

export class Parking implements Gathering, Suspension, Held {
  readonly relay: Relay;
  readonly #host: CallHost<Relay>;
  readonly #parked: Holds<Parking>;
  awaited: readonly Awaited[] = [];
  #place: HoldAddress | undefined;

  constructor(host: CallHost<Relay>, parked: Holds<Parking>, relay: Relay) {
    this.#host = host;
    this.#parked = parked;
    this.relay = relay;
    // Servers that ask several questions at once send them one after the other. This is rare enough for a separate timer.
    setTimeout(() => this.#close(), collectMs);
  }

  add(message: Message): boolean {
    if (this.awaited.length >= maxQuestions) return false;
    const question = questionOf(message, `q${this.awaited.length + 1}`);
    this.awaited = [...this.awaited, { question, id: message.id! }];
    return true;
  }

  /** The client's retry does not answer these questions: it is asked again, and the call keeps waiting. */
  askAgain(call: Call, missing: readonly Awaited[]): void {
    this.awaited = missing;
    const rest: Rest = { kind: 'held', place: this.#place! };
    answerWithRound(call, roundOf(call, this.relay.session.upstream, missing, this.relay.upstreamId, rest));
  }

  /** The client has answered everything: the call no longer waits. */
  leave(): void {
    this.#forget();
    this.relay.interview.gathered();
  }

  onExpired(): void {
    this.end();
  }

  end(): void {
    this.#forget();
    this.relay.interview.gathered();
    this.relay.phase.unsuspend();
    this.relay.abandon();
  }

  #forget(): void {
    if (this.#place !== undefined) this.#parked.remove(this.#place);
    this.#place = undefined;
  }

  #close(): void {
    const { relay } = this;
    // The upstream may have continued without an answer meanwhile.
    if (relay.isOver || !relay.interview.isGathering(this)) return;
    try {
      const { call } = relay;
      const { upstream } = relay.session;
      const resumed = resumedRest(relay, this.awaited);
      const worded =
        resumed === undefined
          ? undefined
          : sealed(() => roundOf(call, upstream, this.awaited, relay.upstreamId, resumed));
      if (worded !== undefined) {
        relay.conclude(worded.body, worded.status);
        return;
      }
      const place = this.#parked.add(this, call.caller.principalId, keptOf(call, this.awaited));
      this.#place = place;
      const held = roundOf(call, upstream, this.awaited, relay.upstreamId, { kind: 'held', place });
      relay.phase.suspend(this);
      this.#host.suspended(relay);
      answerWithRound(call, held);
      // Arguments may be large, and the retry contains them again.
      const said = call.said === undefined ? undefined : { ...call.said, clientInfo: undefined };
      relay.waitWith({ ...call, received: nothing, said, message: nameOf(call.message) });
    } catch (fault) {
      this.#forget();
      relay.interview.gathered();
      relay.phase.unsuspend();
      relay.fail(fault);
    }
  }
}

/** The round as sent to the client. Throws `upstream_malformed`. */
export function roundOf(
  { client, message }: Call,
  upstream: Upstream,
  awaited: readonly Awaited[],
  upstreamId: string,
  rest: Rest,
): Worded {
  const state = sealCallState(client, upstream, message, rest);
  const round = roundMessage(
    upstreamId,
    awaited.map(({ question }) => question),
    state,
  );
  return client.wording.response(round, upstream.config, message, (own) => own);
}

/** Answers the request with a round. After this the outlet reports nothing more to the call. */
export function answerWithRound({ outlet }: Call, { body, status }: Worded): void {
  outlet.owner = undefined;
  outlet.whole(body, undefined, status);
}

/**
 * An upstream that keeps a session and sends event ids can replay events (2025-11-25 basic/transports §Resumability and
 * Redelivery). A bridged one can too, but no other replica can reach it.
 */
function resumedRest({ session, lastEventId, upstreamId }: Relay, awaited: readonly Awaited[]): Rest | undefined {
  const { sessionId, revision, capabilities, upstream } = session;
  if (sessionId === undefined || lastEventId === undefined || upstream.bridged) return undefined;
  const at: Resumable = {
    sessionId,
    revision,
    capabilities,
    upstreamId,
    lastEventId,
    awaited,
  };
  return { kind: 'resumed', at: JSON.stringify(at) };
}

/** Undefined if the questions are too long for `requestState`: such a call is held. */
function sealed(make: () => Worded): Worded | undefined {
  try {
    return make();
  } catch (fault) {
    if (fault instanceof GatewayError && fault.code === 'upstream_malformed') return undefined;
    throw fault;
  }
}

/** Memory of a waiting call, in characters: its questions, and its headers, which are needed for later posts. */
function keptOf({ caller }: Call, awaited: readonly Awaited[]): number {
  const headers = caller.rawHeaders.reduce((size, text) => size + text.length, 0);
  return headers + sizeOf(awaited.map(({ question }) => question));
}

function nameOf({ id, method }: Message): Message {
  return readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":${id!},"method":${JSON.stringify(method)}}`));
}

const nothing = Buffer.alloc(0);
