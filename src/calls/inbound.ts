/**
 * Notifications of a client, and its answers to requests of a server. Each goes to the upstream in its sealed id, or to all
 * upstreams (2025-11-25 basic/transports §Sending Messages to the Server). The client waits at most for the upstream's 202.
 */
import { GatewayError } from '../errors.ts';
import { withId } from '../aggregate/rewrite.ts';
import type { Message } from '../protocol/envelope.ts';
import type { NotificationPlan } from '../protocol/methods.ts';
import { rawOf, textOf, type Found } from '../protocol/scan.ts';
import { splice } from '../protocol/splice.ts';
import { openQuestionId, type HeldQuestion } from '../session/hold.ts';
import { openProgressToken, openRequestId } from '../session/request-id.ts';
import type { Log } from '../telemetry/log.ts';
import type { Asking } from './questions/asking.ts';
import type { Holds } from './questions/holds.ts';
import type { Client } from '../clients/client.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { Hops } from '../transport/peers/hop.ts';
import { maxRequestIdChars, type Tell } from '../transport/peers/notice.ts';
import { tasksToUpstream } from '../clients/translate.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { Outbound, UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import { unixSeconds } from '../transport/http/clock.ts';

export interface InboundParts {
  readonly upstreams: Upstreams;
  readonly adapter: UpstreamAdapter;
  /** Calls that wait here for answers of their clients. */
  readonly asked: Holds<Asking>;
  readonly hops: Hops;
  readonly tell: Tell;
  readonly log: Log;
}

export class Inbound {
  readonly #parts: InboundParts;

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /**
   * Sends an answer to the server that asked, or to the call that waits for it at any replica. `hopped`: another replica has
   * forwarded it. Throws `answer_unknown`, or the upstream's fault when it did not accept the answer.
   */
  async answer(client: Client, message: Message, caller: Caller, hopped: boolean): Promise<void> {
    const id = message.root.member('id');
    const text = id?.kind === 'string' ? textOf(message.bytes, id) : '';
    const held = openQuestionId(client.session, text, unixSeconds());
    if (held !== undefined) {
      await this.#answerHeld(held, message, caller, hopped);
      return;
    }
    const opened = openRequestId(client.session, text, unixSeconds());
    const session = opened === undefined ? undefined : this.#sessionAt(client, opened.upstream);
    if (opened === undefined || session === undefined) throw new GatewayError('answer_unknown');
    const answer = tasksToUpstream(message, session.upstream, client);
    await this.#parts.adapter.post({ session, caller }, withId(answer, opened.raw));
  }

  async #answerHeld({ place, question }: HeldQuestion, message: Message, caller: Caller, hopped: boolean) {
    const { asked, hops } = this.#parts;
    const asking = asked.find(place);
    if (asking !== undefined) asking.answer(question, message);
    else if (hopped || place.address === '' || place.address === hops.ownAddress)
      throw new GatewayError('answer_unknown', 'no call waits for it');
    else await hops.answer(place.address, caller, message.bytes);
  }

  /** Handles a notification. One that cannot be delivered is only logged, because its sender expects no answer. */
  notify(client: Client, message: Message, plan: NotificationPlan, caller: Caller): void {
    switch (plan.kind) {
      // Each upstream got `initialized` at the end of its own handshake.
      case 'terminate':
        return;
      case 'cancelled':
        this.#cancel(client, message, caller);
        return;
      case 'progress':
        this.#progress(client, message, caller);
        return;
      case 'broadcast':
        this.#broadcast(client, message, caller);
    }
  }

  /**
   * The message names no upstream. If the request is known here, the message goes to its upstream; otherwise to all: they ignore
   * unknown ids.
   */
  #cancel(client: Client, message: Message, caller: Caller): void {
    // Clients without a session may use the same ids, and one must not cancel the call of another.
    if (client.isShared) return;
    const requestId = message.params?.member('requestId');
    if (requestId === undefined) return;
    const raw = rawOf(message.bytes, requestId);
    if (raw.length > maxRequestIdChars) return;
    const flight = client.inFlight.get(raw);
    if (flight === undefined) {
      this.#broadcast(client, message, caller);
      // An upstream without sessions takes no notifications: the replica that holds the call closes it.
      const sessions = this.#parts.upstreams.all.map((upstream) => client.sessions.peek(upstream));
      if (sessions.some((session) => session?.takesNotifications !== true))
        void this.#parts.tell({ kind: 'cancelled', jti: client.known.jti, requestId: raw });
      return;
    }
    const { session } = flight;
    // Where no notifications are taken, closing is cancelling (2026-07-28 basic/patterns/cancellation).
    if (!session.takesNotifications) {
      flight.takeBack();
      return;
    }
    const body = flight.upstreamId === raw ? message.bytes : replace(message.bytes, requestId, flight.upstreamId);
    this.#send({ session, caller }, body);
  }

  #progress(client: Client, message: Message, caller: Caller): void {
    const token = message.params?.member('progressToken');
    const opened =
      token?.kind === 'string'
        ? openProgressToken(client.session, textOf(message.bytes, token), unixSeconds())
        : undefined;
    const session = opened === undefined ? undefined : this.#sessionAt(client, opened.upstream);
    if (token === undefined || opened === undefined || session === undefined) return;
    const { bytes, params } = tasksToUpstream(message, session.upstream, client);
    this.#send({ session, caller }, replace(bytes, params?.member('progressToken') ?? token, opened.raw));
  }

  #broadcast(client: Client, message: Message, caller: Caller): void {
    // A notification of one client must not reach a session that others share.
    for (const session of client.sessions.all(this.#parts.upstreams))
      if (!session.isShared) this.#send({ session, caller }, tasksToUpstream(message, session.upstream, client).bytes);
  }

  #send(to: Outbound, body: Buffer): void {
    const { adapter, log } = this.#parts;
    adapter
      .post(to, body)
      .catch((fault: unknown) =>
        log.debug({ upstream: to.session.upstream.config.id, fault: String(fault) }, 'notification not taken'),
      );
  }

  #sessionAt(client: Client, hash: number): UpstreamSession | undefined {
    const upstream = this.#parts.upstreams.byHash(hash);
    return upstream === undefined ? undefined : client.sessions.peek(upstream);
  }
}

function replace(bytes: Buffer, found: Found, raw: string): Buffer {
  return splice(bytes, [{ start: found.start, end: found.end, text: raw }]);
}
