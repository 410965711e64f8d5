/** Applies a notice of another worker or replica. A session that is unknown here may still arrive later. */
import type { UnderWay } from '../calls/under-way.ts';
import type { ClientRegistry } from '../clients/registry.ts';
import type { Wishes } from '../clients/wishes.ts';
import type { ListChanges } from '../lists/list-changes.ts';
import type { OpenStreams } from '../streams/open-streams.ts';
import type { Notice } from '../transport/peers/notice.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

/** The parts of a route that notices change. */
export interface Heard {
  readonly clients: ClientRegistry;
  readonly streams: OpenStreams;
  readonly underWay: UnderWay;
  readonly changes: ListChanges;
  readonly wishes: Wishes;
  /** The upstream of this route that a notice names; undefined for one of another. */
  readonly named: (upstream: string) => Upstream | undefined;
}

/** Resolves when the notice is applied here. */
export async function hear(
  notice: Notice,
  { clients, streams, underWay, changes, wishes, named }: Heard,
): Promise<void> {
  switch (notice.kind) {
    case 'ended': {
      const jti = Buffer.from(notice.jti, 'base64url');
      clients.deny(jti, notice.expiresAt);
      streams.endSession(jti);
      return;
    }
    case 'cancelled':
      underWay.cancelled(notice.jti, notice.requestId);
      return;
    case 'level':
      wishes.setLevel(notice, notice.level);
      return;
    case 'watching':
      if (notice.on) wishes.watch(notice, notice.upstream, notice.uri);
      else wishes.unwatch(notice.jti, notice.upstream, notice.uri);
      await streams.rewatch(notice.jti);
      return;
    case 'changed':
      changes.heard(notice);
      return;
    case 'consented': {
      const upstream = named(notice.upstream);
      if (upstream !== undefined) streams.permitted(notice.principalId, upstream, notice.told);
    }
  }
}
