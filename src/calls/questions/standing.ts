/**
 * The GET stream of a session that several calls of modern clients share. Many servers send their questions there and not on the
 * stream of the call they belong to (2025-11-25 basic/transports §Listening for Messages from the Server). If one call is in
 * progress, the question is assigned to it. With several, its call is unknown, and the question is refused.
 */
import { readServerMessage, type Message } from '../../protocol/envelope.ts';
import { clientCapability } from '../../protocol/capabilities.ts';
import { bytesOf, type SseEvent } from '../../protocol/sse.ts';
import type { Client } from '../../clients/client.ts';
import { receive, type Receiver } from '../../clients/receive.ts';
import type { StreamHost } from '../../streams/host.ts';
import type { Caller } from '../../transport/http/caller.ts';
import { standingMs } from '../../transport/http/limits.ts';
import type { AnswerSink, Exchange } from '../../transport/upstream/adapter.ts';
import type { Outbound, UpstreamSession } from '../../transport/upstream/session.ts';

const { roots, sampling, elicitationForm, elicitationUrl } = clientCapability;
const askable = roots | sampling | elicitationForm | elicitationUrl;

export class Standings {
  readonly #host: StreamHost;
  readonly #open = new WeakMap<UpstreamSession, Standing>();

  constructor(host: StreamHost) {
    this.#host = host;
  }

  /** Resolves when the stream is open or the upstream has none; undefined when there is nothing to wait for. */
  ready(client: Client, session: UpstreamSession, caller: Caller): Promise<void> | undefined {
    const { upstream, keepsSession, underWay } = session;
    if (!client.wording.asksByRounds || (client.clientCapabilities & askable) === 0) return undefined;
    // The bridge already puts the messages of a stdio server on the streams of calls.
    if (!keepsSession || underWay === undefined || upstream.bridged || !upstream.mayStream(session)) return undefined;
    const known = this.#open.get(session);
    if (known !== undefined) return known.isReady ? undefined : known.ready;
    const standing = new Standing(this.#host, client, { session, caller }, () => this.#open.delete(session));
    this.#open.set(session, standing);
    standing.begin();
    return standing.ready;
  }

  /** The session is lost or no longer used. The upstream may still keep its stream open. */
  close(session: UpstreamSession): void {
    this.#open.get(session)?.close();
  }
}

class Standing implements AnswerSink, Receiver {
  isReady = false;
  readonly ready: Promise<void>;
  readonly #host: StreamHost;
  readonly #client: Client;
  readonly #to: Outbound;
  readonly #onOver: () => void;
  #exchange: Exchange | undefined;
  #settle: () => void = () => {};

  constructor(host: StreamHost, client: Client, to: Outbound, onOver: () => void) {
    this.#host = host;
    this.#client = client;
    this.#to = to;
    this.#onOver = onOver;
    this.ready = new Promise((resolve) => {
      this.#settle = () => {
        this.isReady = true;
        resolve();
      };
    });
  }

  begin(): void {
    this.#exchange = this.#host.adapter.listen(this.#to, undefined, this);
    // A server that opens this stream slowly delays a call only briefly.
    setTimeout(this.#settle, standingMs).unref();
  }

  onJson(): void {}
  onRetry(): void {}

  onStream(): void {
    this.#settle();
  }

  onEvent(event: SseEvent): void {
    if (event.data === '') return;
    try {
      const message = readServerMessage(bytesOf(event));
      if (!this.#isTaken(message)) receive(message, this.#to.session, this.#client, undefined, this);
    } catch (fault) {
      this.#host.dropped('invalid', this.#to.session, fault);
    }
  }

  close(): void {
    this.#exchange?.abort();
    this.onEnd();
  }

  /** The next call opens another. */
  onEnd(): void {
    this.#onOver();
    this.#settle();
  }

  onFault(fault: { readonly code: string }): void {
    const { session } = this.#to;
    if (fault.code === 'upstream_verb_refused') session.upstream.cannotStream(session);
    this.onEnd();
  }

  /** Whether the message is a question that the only call in progress takes. */
  #isTaken(message: Message): boolean {
    const [only, ...others] = this.#to.session.underWay ?? [];
    return message.kind === 'request' && only !== undefined && others.length === 0 && only.takeQuestion(message);
  }

  response(): void {}

  notification(message: Message): void {
    void this.#host.told(this.#to.session, this.#client, message.method, this);
  }

  /** Passes on no question here: its call is unknown. */
  question(): void {}

  reply(body: string): void {
    this.#host.reply(this.#to, body);
  }
}
