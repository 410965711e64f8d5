/** A client and a session of an upstream, for tests of what stands between them; nothing is sent. */
import { forwarded } from '../../src/transport/upstream/credentials.ts';
import { LegacyAdapter } from '../../src/transport/upstream/legacy.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import { UpstreamSession } from '../../src/transport/upstream/session.ts';
import { Upstream } from '../../src/transport/upstream/upstream.ts';
import { legacyWording, modernWording } from '../../src/transport/downstream/wording.ts';
import { Client } from '../../src/clients/client.ts';
import { Wishes } from '../../src/clients/wishes.ts';
import type { UpstreamConfig } from '../../src/config/model.ts';
import { readClientMessage, readServerMessage, type Message } from '../../src/protocol/envelope.ts';
import type { Revision } from '../../src/protocol/revisions.ts';
import { routeHash } from '../../src/session/claims.ts';
import type { Principal } from '../../src/session/principal.ts';
import { principalSession } from '../../src/session/principal-session.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Wheel } from '../../src/transport/http/wheel.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';
import { alice, firstKey, resource, ringOf } from '../session/ring.ts';
import { closedAtTheEnd } from '../support/started.ts';

const ring = await ringOf(firstKey);
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

export interface ClientOf {
  readonly revision?: Revision;
  readonly capabilities?: number;
  readonly isShared?: boolean;
  readonly principal?: Principal;
}

export function aClient({
  revision = '2025-11-25',
  capabilities = 0,
  isShared = false,
  principal = alice,
}: ClientOf = {}): Client {
  const session = principalSession(ring, principal, routeHash('default', resource), '2025-11-25', nowSeconds());
  const opener = new SessionOpener({
    adapter: new LegacyAdapter(new Wheel(), forwarded, '1'),
    deadlineMs: 1_000,
    log: createLog('silent'),
    now: () => 0,
    onReturn: () => {},
    onLeft: () => {},
  });
  const wording = revision === '2026-07-28' ? modernWording('1') : legacyWording(revision);
  const around = { opener, wishes: new Wishes(nowSeconds), onOpened: () => {} };
  return new Client(session, '', isShared, wording, around, { revision, capabilities });
}

/** `url` is where it is; nothing is there by default. */
export function upstreamAt(url = 'http://localhost:1/mcp', more: Partial<UpstreamConfig> = {}, id = 'up'): Upstream {
  const upstream = new Upstream(anUpstream(id, more), url, url, '1');
  closedAtTheEnd(() => upstream.close());
  return upstream;
}

export interface SessionOf {
  readonly upstream?: Upstream;
  readonly sessionId?: string | undefined;
  readonly revision?: Revision;
  readonly isShared?: boolean;
  readonly capabilities?: number;
}

export function aSession({
  upstream = upstreamAt(),
  sessionId,
  revision = '2025-11-25',
  isShared = false,
  capabilities = 0,
}: SessionOf = {}): UpstreamSession {
  return new UpstreamSession(upstream, { sessionId, revision, capabilities }, isShared);
}

export function toServer(method: string, params: object = {}): Message {
  return readClientMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })));
}

/** A notification of a server, or with `id` a request. */
export function ofServer(method: string, params: object = {}, id?: string): Message {
  return readServerMessage(
    Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method, params })),
  );
}
