/**
 * A client of 2026-07-28 sends a retry with answers for a call whose upstream asked by requests. The call is found where it
 * waits, here or at another replica, or its stream is resumed. The answers are posted to the upstream, and the rest of its answer
 * goes to the retry.
 */
import { answersOf } from '../../aggregate/rounds.ts';
import { GatewayError } from '../../errors.ts';
import { rawOf } from '../../protocol/scan.ts';
import type { Rest } from '../../session/request-state.ts';
import type { Call } from '../../clients/call.ts';
import type { Holds } from './holds.ts';
import type { Hops } from '../../transport/peers/hop.ts';
import { headlessMs } from '../../transport/http/limits.ts';
import { answerWithRound, roundOf, type Awaited, type Parking, type Resumable } from './parking.ts';
import type { CallHost } from '../host.ts';
import { Relay } from '../relay.ts';
import type { Sent } from './suspension.ts';
import { UpstreamSession } from '../../transport/upstream/session.ts';
import type { Upstream } from '../../transport/upstream/upstream.ts';

export class Retries {
  readonly #host: CallHost<Relay>;
  readonly #parked: Holds<Parking>;
  readonly #hops: Hops;

  constructor(host: CallHost<Relay>, parked: Holds<Parking>, hops: Hops) {
    this.#host = host;
    this.#parked = parked;
    this.#hops = hops;
  }

  /** Throws `state_invalid`, and `params_invalid` for invalid answers. */
  goOnWithHeld(call: Call, { place }: Extract<Rest, { kind: 'held' }>): void {
    const parking = this.#parked.find(place);
    if (parking === undefined) {
      if (call.hopped || place.address === '' || place.address === this.#hops.ownAddress)
        throw new GatewayError('state_invalid', 'nothing waits here under this state');
      this.#host.hopped(call);
      this.#hops.call(place.address, call);
      return;
    }
    const { relay } = parking;
    const { given, missing } = sorted(call, parking.awaited);
    if (missing.length > 0) {
      // When this fails, another retry may have taken over the call, which must not be ended then.
      this.#post(relay.session, call, given).catch(() => relay.phase.suspension === parking && parking.end());
      parking.askAgain(call, missing);
      return;
    }
    parking.leave();
    const catchUp = relay.reopen(call, sentOf(call, relay.sent));
    if (relay.isOver) return;
    this.#host.begun(relay);
    catchUp();
    // The upstream has continued without the answers, which are no longer needed.
    if (relay.isOver) return;
    relay.phase.exchange?.resume();
    this.#post(relay.session, call, given).catch((fault: unknown) => relay.fail(lost(fault)));
  }

  /** Throws `params_invalid` for invalid answers. */
  goOnAnywhere(call: Call, upstream: Upstream, { at }: Extract<Rest, { kind: 'resumed' }>): void {
    const { client, caller } = call;
    // Sealed by a replica of this gateway, so the content is trusted.
    const { awaited, upstreamId, lastEventId, ...opened } = JSON.parse(at) as Resumable;
    // Calls of one session are counted together: a question on the session's stream belongs to its only call (standing.ts).
    const pooled = client.sessions.peek(upstream);
    const session = pooled?.sessionId === opened.sessionId ? pooled : new UpstreamSession(upstream, opened, true);
    const { given, missing } = sorted(call, awaited);
    if (missing.length > 0) {
      const rest: Resumable = { ...opened, awaited: missing, upstreamId, lastEventId };
      this.#post(session, call, given).catch(() => {});
      answerWithRound(
        call,
        roundOf(call, upstream, missing, upstreamId, { kind: 'resumed', at: JSON.stringify(rest) }),
      );
      return;
    }
    let isAnswered = false;
    const answer = (): void => {
      if (relay.isOver || isAnswered) return;
      isAnswered = true;
      clearTimeout(headless);
      this.#post(session, call, given).catch((fault: unknown) => relay.fail(lost(fault)));
    };
    // The stream is opened first, so that an upstream that answers at once can use it.
    const takenUp = { lastEventId, onOpened: answer };
    const sent = sentOf(call, { upstreamId, body: empty, tokens: undefined });
    const relay = new Relay(this.#host, call, session, sent, takenUp);
    const headless = setTimeout(answer, headlessMs);
    this.#host.begun(relay);
    const idleMs = upstream.config.timeoutMs;
    relay.phase.begin(this.#host.adapter.listen({ session, caller }, lastEventId, relay, { idleMs }));
  }

  async #post(session: UpstreamSession, { caller }: Call, given: readonly Given[]): Promise<void> {
    await Promise.all(
      given.map(({ id, answer }) =>
        this.#host.adapter.post({ session, caller }, `{"jsonrpc":"2.0","id":${id},"result":${answer}}`),
      ),
    );
  }
}

interface Given {
  /** The upstream's own id, raw JSON. */
  readonly id: string;
  /** JSON text. */
  readonly answer: string;
}

function sorted(call: Call, awaited: readonly Awaited[]): { given: Given[]; missing: Awaited[] } {
  const answers = answersOf(call.message);
  const given: Given[] = [];
  const missing: Awaited[] = [];
  for (const each of awaited) {
    const answer = answers.get(each.question.key);
    if (answer === undefined) missing.push(each);
    else given.push({ id: each.id, answer });
  }
  return { given, missing };
}

/** The upstream continues to use the id and the progress token of the first request; the client has new ones. */
function sentOf({ message }: Call, sent: Sent): Sent {
  const token = message.params?.member('_meta')?.member('progressToken');
  const tokens = token === undefined ? undefined : new Map([[sent.upstreamId, rawOf(message.bytes, token)]]);
  return { ...sent, tokens };
}

/** An upstream that refuses an answer has forgotten the call: the client must start it again. */
function lost(fault: unknown): GatewayError {
  return new GatewayError('state_invalid', String(fault), { cause: fault });
}

const empty = Buffer.alloc(0);
