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
   * Called for each notification of a server. Returns undefined when the client may get it at once, else a promise that resolves
   * when it may: some notifications go to other replicas first. `by` is the stream that brought it. Never rejects.
   */
  readonly told: (session: UpstreamSession, client: Client, method: string, by?: object) => Promise<void> | undefined;
  /** Sends the gateway's own answer to a server, without waiting. */
  readonly reply: (to: Outbound, body: string) => void;
  /** Counts a message of a server that was dropped for this reason. */
  readonly dropped: (reason: DropReason, session: UpstreamSession, cause?: unknown) => void;
}
