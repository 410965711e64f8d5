/**
 * The stream that answers a call: the last position, whether the client can resume from it, and how often in a row the upstream
 * was asked to resume (2025-11-25 basic/transports §Resumability and Redelivery).
 */
import type { Client } from '../clients/client.ts';
import type { SseEvent } from '../protocol/sse.ts';
import { ResumePoints } from './resume-points.ts';
import { resumptionDelayMs } from '../streams/resumption.ts';
import { maxResumptions } from '../transport/http/limits.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

export class AnswerStream {
  /** The upstream's latest event id. */
  lastEventId: string | undefined;
  /** The pause that the upstream requested before the next attempt, in ms. */
  retryMs: number | undefined;
  /** The id of the event that is being read. */
  #eventId: string | undefined;
  #resumptions = 0;
  /** Created with the upstream's first event id: most answers have none. */
  #resumePoints: ResumePoints | undefined;
  readonly #onPromised: () => void;

  /** `onPromised` is called when the client gets its first event id. */
  constructor(lastEventId: string | undefined, onPromised: () => void) {
    this.lastEventId = lastEventId;
    this.#onPromised = onPromised;
  }

  /** The client has an event id to resume from. */
  get isPromised(): boolean {
    return this.#resumePoints?.given === true;
  }

  take({ id }: SseEvent): void {
    if (id !== undefined) this.lastEventId = id;
    this.#eventId = id;
    this.#resumptions = 0;
  }

  /** Position and pause (ms) for the next attempt to resume; undefined after too many attempts, or without an event id. */
  nextResumption(): { readonly lastEventId: string; readonly afterMs: number } | undefined {
    if (this.lastEventId === undefined || this.#resumptions >= maxResumptions) return undefined;
    const afterMs = resumptionDelayMs(this.#resumptions, this.retryMs);
    this.#resumptions += 1;
    return { lastEventId: this.lastEventId, afterMs };
  }

  /** The client's id for the event that is being read; undefined where the stream cannot be resumed. */
  seal(client: Client, session: UpstreamSession): string | undefined {
    if (this.#eventId === undefined) return undefined;
    this.#resumePoints ??= new ResumePoints(this.#onPromised);
    return this.#resumePoints.seal(client, session, this.#eventId);
  }
}
