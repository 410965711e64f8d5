/** `initialize` at all upstreams at once: what is told to each, and what the client gets of their answers. */
import { describe, expect, test } from 'vitest';
import {
  endAll,
  initializeResult,
  openAll,
  readGreeting,
  sealedUpstreams,
  type ClientGreeting,
} from '../../src/clients/handshake.ts';
import { GatewayError, type ErrorCode } from '../../src/errors.ts';
import { clientCapability as c, serverCapability as s } from '../../src/protocol/capabilities.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { nobody } from '../../src/transport/http/caller.ts';
import type { ClientFacts, Opened, UpstreamAdapter } from '../../src/transport/upstream/adapter.ts';
import { SessionOpener } from '../../src/transport/upstream/opener.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { aSession, toServer, upstreamAt } from './a-client.ts';

const greeting = (params: object): ClientGreeting => readGreeting(toServer('initialize', params));

describe('the greeting of a client', () => {
  test.each([
    ['2025-06-18', '2025-06-18', '2025-06-18'],
    ['2024-11-05', '2025-03-26', '2024-11-05'],
    ['2026-07-28', '2025-11-25', '2025-11-25'],
    ['2099-01-01', '2025-11-25', '2025-11-25'],
  ])('in %s is served as %s and answered %s', (protocolVersion, revision, answered) => {
    expect(greeting({ protocolVersion, capabilities: {} })).toMatchObject({ revision, answered });
  });

  test('declares tasks where they exist, and never their lists', () => {
    const capabilities = { roots: {}, tasks: { list: {}, cancel: {} } };
    expect(greeting({ protocolVersion: '2025-11-25', capabilities }).capabilities).toBe(
      c.roots | c.tasks | c.tasksCancel,
    );
    expect(greeting({ protocolVersion: '2025-06-18', capabilities }).capabilities).toBe(c.roots);
  });

  test.each([[{}], [{ protocolVersion: 1 }], [{ protocolVersion: '2025-11-25', capabilities: 'all' }]])(
    'with %j is invalid',
    (params) => {
      expect(() => greeting(params)).toThrow(expect.objectContaining({ code: 'params_invalid' }));
    },
  );
});

const told: ClientFacts[] = [];
const ended: (string | undefined)[] = [];

/** Upstreams that open as they are told to, in this order. */
function upstreamsOf(answers: readonly (Partial<Opened> | ErrorCode)[]): {
  upstreams: Upstreams;
  opener: SessionOpener;
  adapter: UpstreamAdapter;
} {
  const all = answers.map((_answer, at) => upstreamAt(undefined, {}, `up${at}`));
  const adapter: Pick<UpstreamAdapter, 'open' | 'end'> = {
    open: (upstream, facts) => {
      told.push(facts);
      const answer = answers[all.indexOf(upstream)]!;
      if (typeof answer === 'string') return Promise.reject(new GatewayError(answer));
      return Promise.resolve({ sessionId: undefined, revision: '2025-11-25', capabilities: 0, ...answer });
    },
    end: ({ session }) => {
      ended.push(session.sessionId);
      return Promise.resolve();
    },
  };
  const opener = new SessionOpener({
    adapter: adapter as UpstreamAdapter,
    deadlineMs: 1_000,
    log: createLog('silent'),
    now: () => 0,
    onReturn: () => {},
    onLeft: () => {},
  });
  return { upstreams: new Upstreams(all), opener, adapter: adapter as UpstreamAdapter };
}

const hello: ClientGreeting = { revision: '2025-11-25', answered: '2025-11-25', capabilities: c.roots };

test('each upstream is told what the client can do; those that fail are left out, in their place', async () => {
  const { upstreams, opener } = upstreamsOf(['upstream_timeout', { sessionId: 'b' }, 'upstream_starting']);
  const openings = await openAll(upstreams, hello, opener, nobody);
  expect(openings.map(({ upstream, session, isStarting }) => [upstream, session?.sessionId, isStarting])).toEqual([
    [upstreams.all[0], undefined, false],
    [upstreams.all[1], 'b', undefined],
    [upstreams.all[2], undefined, true],
  ]);
  expect(told.at(-1)).toMatchObject({ revision: '2025-11-25', capabilities: c.roots, isShared: false });
});

test('when all fail there is no session; one that is starting is enough', async () => {
  const down = upstreamsOf(['upstream_timeout', 'upstream_unauthorized']);
  await expect(openAll(down.upstreams, hello, down.opener, nobody)).rejects.toMatchObject({
    code: 'upstreams_all_down',
  });
  const starting = upstreamsOf(['upstream_timeout', 'upstream_starting']);
  expect(await openAll(starting.upstreams, hello, starting.opener, nobody)).toHaveLength(2);
});

test('an upstream that keeps no sessions is asked once for all clients', async () => {
  const { upstreams, opener } = upstreamsOf([{}]);
  const [first] = await openAll(upstreams, hello, opener, nobody);
  const before = told.length;
  const [second] = await openAll(upstreams, hello, opener, nobody);
  expect([second!.session, told.length]).toEqual([first!.session, before]);
});

const capabilities = (
  capabilities: number,
  revision: ClientGreeting['revision'] = '2025-11-25',
  of: '2025-11-25' | '2026-07-28' = '2025-11-25',
): unknown => {
  const session = aSession({ sessionId: 'x', revision: of, capabilities });
  const openings = [{ upstream: session.upstream, session }];
  const result = JSON.parse(initializeResult(openings, { revision, answered: revision }, '1')) as object;
  expect(result).toMatchObject({ protocolVersion: revision, serverInfo: { name: 'manifold', version: '1' } });
  return (result as { capabilities: unknown }).capabilities;
};

describe('the answer', () => {
  test('offers what the upstream offers, and tells of its changes', () => {
    expect(capabilities(s.tools | s.logging)).toEqual({ tools: { listChanged: true }, logging: {} });
  });

  test('offers tasks only where both sides know them, and no list of them', () => {
    const tasks = s.tools | s.tasks | s.tasksList | s.tasksCancel;
    expect(capabilities(tasks)).toMatchObject({ tasks: { cancel: {} } });
    expect(capabilities(tasks)).not.toHaveProperty('tasks.list');
    expect(capabilities(tasks, '2025-06-18')).not.toHaveProperty('tasks');
    expect(capabilities(tasks, '2025-11-25', '2026-07-28')).not.toHaveProperty('tasks');
  });

  test('offers every list of one that is down, as it may come back with any', () => {
    const openings = [{ upstream: upstreamAt(), session: undefined }];
    expect(JSON.parse(initializeResult(openings, hello, '1'))).toMatchObject({
      capabilities: { tools: {}, prompts: {}, resources: {} },
    });
  });
});

test('the token names the sessions of the session era', () => {
  const session = aSession({ sessionId: 'a', capabilities: s.tools });
  const { upstream } = session;
  const modern = aSession({ revision: '2026-07-28', isShared: true });
  expect(
    sealedUpstreams([
      { upstream, session },
      { upstream: modern.upstream, session: modern },
      { upstream: upstreamAt(), session: undefined },
    ]),
  ).toEqual([{ hash: upstream.hash, capabilities: s.tools, revision: '2025-11-25', sessionId: 'a' }]);
});

test('sessions of a client that has left are ended; those of others are not', async () => {
  const { adapter } = upstreamsOf([]);
  ended.length = 0;
  const own = aSession({ sessionId: 'own' });
  const shared = aSession({ isShared: true });
  const openings = [own, shared].map((session) => ({ upstream: session.upstream, session }));
  await endAll([...openings, { upstream: upstreamAt(), session: undefined }], adapter, nobody);
  expect(ended).toEqual(['own']);
});
