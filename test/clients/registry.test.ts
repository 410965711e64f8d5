/** Callers without sessions are kept ready in a bounded number; whoever makes up new ones ends nothing that is in use. */
import { expect, test } from 'vitest';
import { routeHash } from '../../src/session/claims.ts';
import { createLog } from '../../src/telemetry/log.ts';
import type { Client } from '../../src/clients/client.ts';
import { ClientRegistry } from '../../src/clients/registry.ts';
import { LegacyAdapter } from '../../src/transport/upstream/legacy.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { anonymous } from '../../src/transport/http/caller.ts';
import { forwarded } from '../../src/transport/upstream/credentials.ts';
import { Upstream } from '../../src/transport/upstream/upstream.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { Wheel } from '../../src/transport/http/wheel.ts';
import { Wishes } from '../../src/clients/wishes.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';
import { firstKey, resource, ringOf } from '../session/ring.ts';

const kept = 10_000;
const nowSeconds = (): number => 1_799_971_200;

test('the one unused for longest gives way, and one that has streams or calls under way goes last', async () => {
  const retired: Client[] = [];
  const config = anUpstream('up', { forwardHeaders: ['x-who'] });
  const upstream = new Upstream(config, 'http://localhost:1/mcp', 'http://localhost:1/mcp', '1');
  closedAtTheEnd(() => upstream.close());
  const clients = new ClientRegistry({
    keyring: await ringOf(firstKey),
    route: routeHash('default', resource),
    sessions: 'optional',
    maxAgeSeconds: 3_600,
    notBefore: undefined,
    version: '1',
    upstreams: new Upstreams([upstream]),
    opener: new SessionOpener({
      adapter: new LegacyAdapter(new Wheel(), forwarded, '1'),
      deadlineMs: 1_000,
      log: createLog('silent'),
      now: () => 0,
      onReturn: () => {},
      onLeft: () => {},
    }),
    onOpened: () => {},
    onEnded: () => {},
    retire: (client) => void retired.push(client),
    tell: () => Promise.resolve(),
    wishes: new Wishes(nowSeconds),
    nowSeconds,
  });
  const of = (who: string): Client => clients.shared('2026-07-28', anonymous({ rawHeaders: ['X-Who', who] }));
  const idle = of('idle');
  const listening = of('listening');
  listening.openStreams = 1;
  const used = of('used');
  const others = Array.from({ length: kept - 3 }, (_each, at) => of(`other ${at}`));
  of('used');
  expect(retired).toEqual([]);
  for (let i = 0; i < 3; i += 1) of(`crowd ${i}`);
  expect(retired[0]).toBe(idle);
  expect(retired).toHaveLength(3);
  expect([of('listening'), of('used')]).toEqual([listening, used]);
  // A limit is a limit, whatever is in use.
  for (const each of others) each.openStreams = 1;
  of('one more');
  expect(retired).toHaveLength(4);
});
