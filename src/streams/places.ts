/**
 * The event ids by which a client can take up the answer to one call: sealed from the upstream's, and promised only where the
 * upstream gave one and the session finds it again (2025-11-25 transports §Resumability and Redelivery).
 */
import { randomBytes } from 'node:crypto';
import type { Client } from '../clients/client.ts';
import { eventIdToClient } from '../clients/translate.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';

const streamIdBytes = 8;

export class Places {
  /** The client was given one to come back with. */
  given = false;
  readonly #onFirst: () => void;
  #streamId: Buffer | undefined;

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  /** undefined where no place can be promised. */
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
