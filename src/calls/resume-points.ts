/**
 * The event ids with which a client can resume the answer to one call. They seal the upstream's ids, and are given only where the
 * upstream sent one and the session can find it again (2025-11-25 basic/transports §Resumability and Redelivery).
 */
import { randomBytes } from 'node:crypto';
import type { Client } from '../clients/client.ts';
import { eventIdToClient } from '../clients/translate.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

const streamIdBytes = 8;

export class ResumePoints {
  /** The client has an id to resume from. */
  given = false;
  readonly #onFirst: () => void;
  #streamId: Buffer | undefined;

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  /** Undefined where the stream cannot be resumed. */
  seal(client: Client, session: UpstreamSession, upstreamEventId: string | undefined): string | undefined {
    if (upstreamEventId === undefined || session.isShared) return undefined;
    this.#streamId ??= randomBytes(streamIdBytes);
    const sealed = eventIdToClient(client, {
      kind: 'post',
      stream: this.#streamId,
      upstream: session.upstream.hash,
      eventId: upstreamEventId,
    });
    if (!this.given && sealed !== undefined) {
      this.given = true;
      this.#onFirst();
    }
    return sealed;
  }
}
