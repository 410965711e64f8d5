/**
 * The stream on which a call is answered: how far it has come, where the client may come back to, and how often in a row the
 * upstream was asked to go on from there (2025-11-25 basic/transports §Resumability and Redelivery).
 */
import type { Client } from '../clients/client.ts';
import type { SseEvent } from '../protocol/sse.ts';
import { Places } from '../streams/places.ts';
import { resumptionDelayMs } from '../streams/resumption.ts';
import { maxResumptions } from '../transport/http/limits.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

export class AnswerStream {
  /** The upstream's latest event id. */
  lastEventId: string | undefined;
  /** The upstream's own wish for the pause before it is asked again, in ms. */
  retryMs: number | undefined;
  /** The id of the event that is read now. */
  #eventId: string | undefined;
  #resumptions = 0;
  /** Made with the first event id of the upstream: most answers have none. */
  #places: Places | undefined;
  readonly #onPromised: () => void;

  /** `onPromised` is told when the client gets the first event id to come back with. */
  constructor(lastEventId: string | undefined, onPromised: () => void) {
    this.lastEventId = lastEventId;
    this.#onPromised = onPromised;
  }

  /** The client was given an event id to come back with. */
  get isPromised(): boolean {
    return this.#places?.given === true;
  }

  take({ id }: SseEvent): void {
    if (id !== undefined) this.lastEventId = id;
    this.#eventId = id;
    this.#resumptions = 0;
  }

  /** The pause in ms before the upstream is asked to go on; undefined when it was asked often enough, or has named no place. */
  nextResumption(): { readonly lastEventId: string; readonly afterMs: number } | undefined {
    if (this.lastEventId === undefined || this.#resumptions >= maxResumptions) return undefined;
    const afterMs = resumptionDelayMs(this.#resumptions, this.retryMs);
    this.#resumptions += 1;
    return { lastEventId: this.lastEventId, afterMs };
  }

  /** The id under which the client gets the event that is read now; undefined where no place can be promised. */
  seal(client: Client, session: UpstreamSession): string | undefined {
    if (this.#eventId === undefined) return undefined;
    this.#places ??= new Places(this.#onPromised);
    return this.#places.seal(client, session, this.#eventId);
  }
}
