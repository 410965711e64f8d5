/** Log levels of requests on a session that several clients share. */
import { describe, expect, test } from 'vitest';
import { PooledLogs } from '../../src/calls/pooled-logs.ts';
import { GatewayError } from '../../src/errors.ts';
import { serverCapability } from '../../src/protocol/capabilities.ts';
import type { LogLevel } from '../../src/protocol/log-levels.ts';
import type { UpstreamSession } from '../../src/transport/upstream/session.ts';
import { aClient, aSession, ofServer, upstreamAt, type SessionOf } from '../clients/a-client.ts';
import { aHost } from '../streams/a-host.ts';
import { aCall } from './an-outlet.ts';

const client = aClient({ revision: '2026-07-28', isShared: true });

function calling(session: UpstreamSession, logLevel?: LogLevel): Parameters<PooledLogs['ready']>[0] {
  const said = { capabilities: 0, clientInfo: undefined, logLevel, itself: true };
  return { call: aCall(client, { method: 'tools/call' }, { said }), session };
}

const shared = (of: SessionOf = {}): UpstreamSession =>
  aSession({ sessionId: 's', isShared: true, capabilities: serverCapability.logging, ...of });
const logged = (level: unknown): ReturnType<typeof ofServer> => ofServer('notifications/message', { level, data: 1 });

describe('the level of the session', () => {
  test('is set once, and only made more verbose', async () => {
    const host = aHost();
    const logs = new PooledLogs(host.adapter);
    const session = shared();
    const first = logs.ready(calling(session, 'warning'));
    // Calls that come meanwhile wait for the same answer.
    expect(logs.ready(calling(session, 'error'))).toBe(first);
    await first;
    expect(logs.ready(calling(session, 'error'))).toBeUndefined();
    await logs.ready(calling(session, 'debug'));
    expect(logs.ready(calling(session, 'info'))).toBeUndefined();
    expect(host.asks).toEqual(['logging/setLevel {"level":"warning"}', 'logging/setLevel {"level":"debug"}']);
  });

  test('is set again where the upstream was not reached, and not where it is slow', async () => {
    const host = aHost();
    const logs = new PooledLogs(host.adapter);
    const session = shared();
    for (const [code, count] of [
      ['upstream_unreachable', 1],
      ['upstream_timeout', 2],
    ] as const) {
      host.answer = () => Promise.reject(new GatewayError(code));
      await logs.ready(calling(session, 'info'));
      expect(host.asks).toHaveLength(count);
    }
    expect(logs.ready(calling(session, 'info'))).toBeUndefined();
  });

  test.each<[string, SessionOf]>([
    ['an upstream of 2026-07-28', { revision: '2026-07-28' }],
    ['one that does not log', { capabilities: 0 }],
    ['one that keeps no session', { sessionId: undefined }],
  ])('is not set at %s', (_what, of) => {
    const host = aHost();
    expect(new PooledLogs(host.adapter).ready(calling(shared(of), 'info'))).toBeUndefined();
    expect(host.asks).toEqual([]);
  });

  test('is nothing to a request that asks for none', () => {
    const host = aHost();
    expect(new PooledLogs(host.adapter).ready(calling(shared()))).toBeUndefined();
    expect(host.asks).toEqual([]);
  });
});

describe('a log message', () => {
  const logs = new PooledLogs(aHost().adapter);

  test('is for the request that has asked for its level', () => {
    const session = shared();
    const wanted = ['debug', 'info', 'error', 'loud', 3].map((level) =>
      logs.wants(calling(session, 'info'), logged(level)),
    );
    expect(wanted).toEqual([false, true, true, false, false]);
    expect(logs.wants(calling(session), logged('error'))).toBe(false);
  });

  test('of an upstream of 2026-07-28 was filtered there', () => {
    const modern = shared({ revision: '2026-07-28', sessionId: undefined });
    expect(logs.wants(calling(modern, 'error'), logged('debug'))).toBe(true);
  });

  test('of a bridged server is for nobody while it may be about another call', () => {
    const transport = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined } as const;
    const upstream = upstreamAt(undefined, { transport });
    const session = shared({ upstream });
    const [one, two] = [{ takeQuestion: () => false }, { takeQuestion: () => false }];
    session.underWay!.add(one).add(two);
    expect(logs.wants(calling(session, 'info'), logged('error'))).toBe(false);
    session.underWay!.delete(two);
    expect(logs.wants(calling(session, 'info'), logged('error'))).toBe(true);
  });
});
