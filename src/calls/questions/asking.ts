/**
 * Asks a client of the session era: an upstream of 2026-07-28 has answered a call with questions (`input_required`). Each
 * question becomes a request on the stream of that call, and the answers are sent with the call's retry (2026-07-28
 * basic/patterns/mrtr). An answer may arrive at any replica, which forwards it to the replica that has the stream.
 */
import { randomUUID } from 'node:crypto';
import { outwardRequest } from '../../aggregate/rewrite.ts';
import { questionMessage, readRound, retryOf, sizeOf, type Round } from '../../aggregate/rounds.ts';
import { GatewayError } from '../../errors.ts';
import type { Message } from '../../protocol/envelope.ts';
import { rawOf } from '../../protocol/scan.ts';
import { encodeEvent } from '../../protocol/sse.ts';
import { sealQuestionId, type HoldAddress } from '../../session/hold.ts';
import type { CallHost } from '../host.ts';
import type { Held, Holds } from './holds.ts';
import { maxRounds, roundPaceMs } from '../../transport/http/limits.ts';
import type { Relay } from '../relay.ts';
import type { Suspension } from './suspension.ts';
import { undeclared } from '../../clients/undeclared.ts';
import { Later } from '../../transport/http/wheel.ts';

export class Asking implements Suspension, Held {
  readonly #host: CallHost<Relay>;
  readonly #asked: Holds<Asking>;
  readonly #relay: Relay;
  readonly #round: Round;
  /** JSON text by key. */
  readonly #answers = new Map<string, string>();
  #place: HoldAddress | undefined;
  #over = false;

  /** Throws `upstream_malformed`. */
  constructor(host: CallHost<Relay>, asked: Holds<Asking>, relay: Relay, message: Message) {
    this.#host = host;
    this.#asked = asked;
    this.#relay = relay;
    this.#round = readRound(message);
  }

  /**
   * Throws `rounds_too_many`, `holds_too_many`, and `upstream_malformed` for a question whose capability the client did not
   * declare.
   */
  begin(): void {
    const relay = this.#relay;
    if (relay.interview.countRound() > maxRounds) throw new GatewayError('rounds_too_many', `${maxRounds} rounds`);
    const { outlet, client } = relay.call;
    const { upstream } = relay.session;
    relay.phase.suspend(this);
    if (outlet.gone) {
      this.end();
      return;
    }
    if (this.#round.questions.length === 0) {
      // No question: the upstream only defers work (2026-07-28 basic/patterns/mrtr), so the call is sent again after a pause.
      this.#host.wheel.arm(new Later(() => this.#done()), roundPaceMs);
      return;
    }
    const asked = this.#round.questions.map((question) => questionMessage(question, randomUUID()));
    for (const message of asked)
      if (undeclared(message, client.clientCapabilities & client.wording.askable) !== undefined)
        throw new GatewayError('upstream_malformed', 'asks for what was never declared');
    const place = this.#asked.add(this, relay.call.caller.principalId, sizeOf(this.#round.questions));
    this.#place = place;
    try {
      const events = asked.map((message, index) => {
        const id = sealQuestionId(client.session, { place, question: index });
        return encodeEvent(outwardRequest(message, upstream.config, id, undefined, client.revision));
      });
      for (const event of events) outlet.events(event);
    } catch (fault) {
      this.#forget();
      throw fault;
    }
  }

  /** Takes a client's response to the question with this number. Repeated and unknown answers are ignored. */
  answer(question: number, { bytes, root }: Message): void {
    const asked = this.#round.questions[question];
    if (this.#over || asked === undefined || this.#answers.has(asked.key)) return;
    const result = root.member('result');
    // A round cannot carry an error. An elicitation can be cancelled instead; any other error ends the call (2026-07-28
    // basic/patterns/mrtr).
    if (result === undefined && asked.method !== 'elicitation/create') {
      this.#fail(new GatewayError('input_refused', asked.method));
      return;
    }
    if (result !== undefined && !this.#asked.grow(this.#place!, bytes.length)) {
      if (this.#close()) this.#relay.fail(new GatewayError('overloaded', 'no room for an answer'));
      return;
    }
    this.#answers.set(asked.key, result === undefined ? '{"action":"cancel"}' : rawOf(bytes, result));
    if (this.#answers.size === this.#round.questions.length) this.#done();
  }

  onExpired(): void {
    this.#fail(new GatewayError('input_refused', 'no answer in time'));
  }

  end(): void {
    if (this.#close()) this.#relay.abandon();
  }

  #done(): void {
    if (!this.#close()) return;
    const relay = this.#relay;
    const id = `"${randomUUID()}"`;
    try {
      this.#host.again(relay, id, retryOf(relay.sent.body, id, this.#answers, this.#round.state));
    } catch (fault) {
      relay.fail(fault);
    }
  }

  /** The failure of a tool is a result with `isError`, which the model gets. Other methods get a JSON-RPC error. */
  #fail(fault: GatewayError): void {
    if (this.#close()) refuseInput(this.#relay, fault);
  }

  #close(): boolean {
    this.#forget();
    if (this.#over || this.#relay.isOver) return false;
    this.#over = true;
    this.#relay.phase.unsuspend();
    return true;
  }

  #forget(): void {
    if (this.#place !== undefined) this.#asked.remove(this.#place);
    this.#place = undefined;
  }
}

function refuseInput(relay: Relay, fault: GatewayError): void {
  const { client, message } = relay.call;
  if (message.method !== 'tools/call') {
    relay.fail(fault);
    return;
  }
  const text = 'The client did not give the input that the tool asked for.';
  const result = JSON.stringify({ content: [{ type: 'text', text }], isError: true });
  relay.conclude(client.wording.own(message.id!, result));
}
