/** What a notice of another worker or replica means on this one. A session that is unknown here may come any time. */
import type { Calls } from '../calls/dispatcher.ts';
import type { Clients } from '../clients/registry.ts';
import type { Listening } from '../streams/open-streams.ts';
import type { Notice } from '../transport/peers/notice.ts';
import type { Wishes } from '../clients/wishes.ts';

/** Resolves when it holds here. */
export async function hear(
  notice: Notice,
  parts: {
    readonly clients: Clients;
    readonly listening: Listening;
    readonly calls: Calls;
    readonly wishes: Wishes;
  },
): Promise<void> {
  const { clients, listening, calls, wishes } = parts;
  switch (notice.kind) {
    case 'ended': {
      const jti = Buffer.from(notice.jti, 'base64url');
      clients.deny(jti, notice.expiresAt);
      listening.endSession(jti);
      return;
    }
    case 'cancelled':
      calls.underWay.cancelled(notice.jti, notice.requestId);
      return;
    case 'level':
      wishes.setLevel(notice, notice.level);
      return;
    case 'watching':
      if (notice.on) wishes.watch(notice, notice.upstream, notice.uri);
      else wishes.unwatch(notice.jti, notice.upstream, notice.uri);
      await listening.rewatch(notice.jti);
      return;
    case 'changed':
      calls.changes.heard(notice);
  }
}
