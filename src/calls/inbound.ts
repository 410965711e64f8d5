/**
 * What a client sends besides requests: notifications, and answers to requests of a server. Each finds its upstream by a sealed
 * id or goes to all (protocol.md D4, D5); none waits for anything but the upstream's acceptance.
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
import type { Calls } from './dispatcher.ts';
import type { Client } from '../clients/client.ts';
import { carrying, type RawHeaders } from '../transport/upstream/credentials.ts';
import type { Tell } from '../transport/peers/notice.ts';
import { tasksToUpstream } from '../clients/translate.ts';
import type { Link, UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { unixSeconds } from '../transport/http/clock.ts';

export interface InboundParts {
  readonly upstreams: readonly Upstream[];
  readonly adapter: UpstreamAdapter;
  readonly calls: Pick<Calls, 'asked' | 'hops'>;
  readonly tell: Tell;
  readonly log: Log;
}

export class Inbound {
  readonly #upstreams: readonly Upstream[];
  readonly #adapter: UpstreamAdapter;
  readonly #calls: Pick<Calls, 'asked' | 'hops'>;
  readonly #tell: Tell;
  readonly #log: Log;

  constructor({ upstreams, adapter, calls, tell, log }: InboundParts) {
    this.#upstreams = upstreams;
    this.#adapter = adapter;
    this.#calls = calls;
    this.#tell = tell;
    this.#log = log;
  }

  /**
   * Carries an answer to the server that asked, or to the call that waits for it, at whatever replica; `hopped`: another
   * has brought it here. Throws `answer_unknown`, or the upstream's fault when it did not take it.
   */
  async answer(client: Client, message: Message, rawHeaders: RawHeaders, hopped: boolean): Promise<void> {
    const id = message.root.member('id');
    const text = id?.kind === 'string' ? textOf(message.bytes, id) : '';
    const held = openQuestionId(client.session, text, unixSeconds());
    if (held !== undefined) {
      await this.#answerHeld(held, message, rawHeaders, hopped);
      return;
    }
    const opened = openRequestId(client.session, text, unixSeconds());
    const link = opened === undefined ? undefined : this.#linkTo(client, opened.upstream);
    if (opened === undefined || link === undefined) throw new GatewayError('answer_unknown');
    const answer = tasksToUpstream(message, link.upstream, client);
    await this.#adapter.post(carrying(link, rawHeaders), withId(answer, opened.raw));
  }

  async #answerHeld({ place, question }: HeldQuestion, message: Message, rawHeaders: RawHeaders, hopped: boolean) {
    const { asked, hops } = this.#calls;
    const asking = asked.find(place);
    if (asking !== undefined) asking.answer(question, message);
    else if (hopped || place.address === '' || place.address === hops.ownAddress)
      throw new GatewayError('answer_unknown', 'no call waits for it');
    else await hops.answer(place.address, rawHeaders, message.bytes);
  }

  /** Takes a notification; what cannot be delivered is logged and otherwise ignored, as its sender expects no answer. */
  notify(client: Client, message: Message, plan: NotificationPlan, rawHeaders: RawHeaders): void {
    switch (plan.kind) {
      // Each upstream was told `initialized` at the end of its own handshake.
      case 'terminate':
        return;
      case 'cancelled':
        this.#cancel(client, message, rawHeaders);
        return;
      case 'progress':
        this.#progress(client, message, rawHeaders);
        return;
      case 'broadcast':
        this.#broadcast(client, message, rawHeaders);
    }
  }

  /** The message names no upstream: known here, it goes to one; else to all of the session, who ignore ids they do not know. */
  #cancel(client: Client, message: Message, rawHeaders: RawHeaders): void {
    // Clients without a session count their ids alike, and one of them must not end the call of another.
    if (client.shared) return;
    const requestId = message.params?.member('requestId');
    if (requestId === undefined) return;
    const raw = rawOf(message.bytes, requestId);
    const flight = client.inFlight.get(raw);
    if (flight === undefined) {
      this.#broadcast(client, message, rawHeaders);
      // An upstream that takes no notifications has it closed by the replica that called it.
      if (this.#upstreams.some((upstream) => client.links.peek(upstream)?.mirrors !== false))
        void this.#tell({ kind: 'cancelled', jti: client.known.jti, requestId: raw });
      return;
    }
    const link = client.links.peek(flight.upstream);
    if (link === undefined) return;
    // An upstream without sessions takes no notifications: there, closing is cancelling (protocol.md D5).
    if (link.mirrors) {
      flight.relay.takeBack();
      return;
    }
    const body = flight.upstreamId === raw ? message.bytes : replace(message.bytes, requestId, flight.upstreamId);
    this.#send(carrying(link, rawHeaders), body);
  }

  #progress(client: Client, message: Message, rawHeaders: RawHeaders): void {
    const token = message.params?.member('progressToken');
    const opened =
      token?.kind === 'string' ? openProgressToken(client.session, textOf(message.bytes, token), unixSeconds()) : undefined;
    const link = opened === undefined ? undefined : this.#linkTo(client, opened.upstream);
    if (token === undefined || opened === undefined || link === undefined) return;
    const { bytes, params } = tasksToUpstream(message, link.upstream, client);
    this.#send(carrying(link, rawHeaders), replace(bytes, params?.member('progressToken') ?? token, opened.raw));
  }

  #broadcast(client: Client, message: Message, rawHeaders: RawHeaders): void {
    // What one client says must not reach what others share.
    for (const link of client.links.all(this.#upstreams))
      if (!link.shared) this.#send(carrying(link, rawHeaders), tasksToUpstream(message, link.upstream, client).bytes);
  }

  #send(link: Link, body: Buffer): void {
    this.#adapter
      .post(link, body)
      .catch((fault: unknown) =>
        this.#log.debug({ upstream: link.upstream.config.id, fault: String(fault) }, 'notification not taken'),
      );
  }

  #linkTo(client: Client, hash: number): Link | undefined {
    const upstream = this.#upstreams.find((candidate) => candidate.hash === hash);
    return upstream === undefined ? undefined : client.links.peek(upstream);
  }
}

function replace(bytes: Buffer, found: Found, raw: string): Buffer {
  return splice(bytes, [{ start: found.start, end: found.end, text: raw }]);
}
