/** What every stream to a client needs of the route it is on. */
import type { DropReason } from '../telemetry/metrics.ts';
import type { Client } from '../clients/client.ts';
import type { Wheel } from '../transport/http/wheel.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { Outbound, UpstreamSession } from '../transport/upstream/session.ts';

export interface StreamHost {
  readonly adapter: UpstreamAdapter;
  readonly wheel: Wheel;
  /**
   * A notification of a server, of whatever method. Undefined, or a promise that resolves when its client may hear it: of some the
   * other replicas are told first. `by` is the stream that brought it. Never rejects.
   */
  told(session: UpstreamSession, client: Client, method: string, by?: object): Promise<void> | undefined;
  /** Sends an answer of the gateway's own to a server, without waiting. */
  reply(to: Outbound, body: string): void;
  /** A message of a server was dropped, for this reason; counted. */
  dropped(reason: DropReason, session: UpstreamSession, cause?: unknown): void;
}
