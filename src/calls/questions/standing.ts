/**
 * The GET stream of a session that several calls of modern clients share: many servers put their questions there and not on
 * the stream of the call that they are about (2025-11-25 transports §Listening for Messages). A question is taken for that of the only
 * call under way; where there are several it cannot be told, and is refused (protocol.md D5, "Unassociated server request").
 */
import { readServerMessage, type Message } from '../../protocol/envelope.ts';
import { clientCapability } from '../../protocol/capabilities.ts';
import type { SseEvent } from '../../protocol/sse.ts';
import type { Client } from '../../clients/client.ts';
import { carrying, type RawHeaders } from '../../transport/upstream/credentials.ts';
import { standingMs } from '../../transport/http/limits.ts';
import type { RelayHost } from '../relay.ts';
import { ownAnswer } from '../../clients/undeclared.ts';
import type { AnswerSink, Exchange, Link, UpstreamAdapter } from '../../transport/upstream/adapter.ts';

const { roots, sampling, elicitationForm, elicitationUrl } = clientCapability;
const askable = roots | sampling | elicitationForm | elicitationUrl;

type Host = Pick<RelayHost, 'noticed' | 'reply'>;

export class Standings {
  readonly #adapter: UpstreamAdapter;
  readonly #host: Host;
  /** By the headers of a link, which are its own. */
  readonly #open = new WeakMap<readonly string[], Standing>();

  constructor(adapter: UpstreamAdapter, host: Host) {
    this.#adapter = adapter;
    this.#host = host;
  }

  /** Resolves when questions can come, or cannot and will not; undefined where that is so already. */
  ready(client: Client, link: Link, rawHeaders: RawHeaders): Promise<void> | undefined {
    const { upstream, sessionId, underWay } = link;
    if (!client.wording.asksByRounds || (client.clientCapabilities & askable) === 0) return undefined;
    // A bridged server has one stream for all of its messages, and the bridge puts them on those of calls.
    if (sessionId === undefined || underWay === undefined || upstream.bridged || !upstream.mayStream(link))
      return undefined;
    const known = this.#open.get(link.headers);
    if (known !== undefined) return known.isReady ? undefined : known.ready;
    const standing = new Standing(this.#host, client, link, rawHeaders, () => this.#open.delete(link.headers));
    this.#open.set(link.headers, standing);
    standing.begin(this.#adapter);
    return standing.ready;
  }

  /** The session is lost, or nobody's any more; an upstream may keep its stream open all the same. */
  close(link: Link): void {
    this.#open.get(link.headers)?.close();
  }
}

class Standing implements AnswerSink {
  isReady = false;
  readonly ready: Promise<void>;
  readonly #host: Host;
  readonly #client: Client;
  readonly #link: Link;
  readonly #rawHeaders: RawHeaders;
  readonly #onOver: () => void;
  #exchange: Exchange | undefined;
  #settle: () => void = () => {};

  constructor(host: Host, client: Client, link: Link, rawHeaders: RawHeaders, onOver: () => void) {
    this.#host = host;
    this.#rawHeaders = rawHeaders;
    this.#client = client;
    this.#link = link;
    this.#onOver = onOver;
    this.ready = new Promise((resolve) => {
      this.#settle = () => {
        this.isReady = true;
        resolve();
      };
    });
  }

  begin(adapter: UpstreamAdapter): void {
    this.#exchange = adapter.listen(carrying(this.#link, this.#rawHeaders), undefined, this);
    // A server that is slow with this stream delays no call for long.
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
      this.#take(readServerMessage(Buffer.from(event.data)));
    } catch {
      this.#host.noticed(this.#link, this.#client, 'malformed');
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
    if (fault.code === 'upstream_verb_refused') this.#link.upstream.cannotStream(this.#link);
    this.onEnd();
  }

  #take(message: Message): void {
    if (message.kind === 'notification') this.#host.noticed(this.#link, this.#client, message.method);
    if (message.kind !== 'request') return;
    const [only, ...others] = this.#link.underWay ?? [];
    if (only !== undefined && others.length === 0 && only.takeQuestion(message)) return;
    const refusal = ownAnswer(message, this.#link, this.#client);
    if (refusal !== undefined) this.#host.reply(carrying(this.#link, this.#rawHeaders), refusal);
  }
}
