/** Which tasks a subscription may be for: those of its own client, where the upstream tells of them. */
import { expect, test, vi } from 'vitest';
import { clientCapability, serverCapability } from '../../src/protocol/capabilities.ts';
import { sealTaskId } from '../../src/session/request-id.ts';
import { watchedTasks } from '../../src/streams/watched-tasks.ts';
import { maxSubscribedTasks } from '../../src/transport/http/limits.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { aClient, aSession, upstreamAt } from '../clients/a-client.ts';

const client = aClient({ revision: '2026-07-28' });
const stranger = aClient({ principal: 'anonymous' });
const [tasks, none] = [upstreamAt(undefined, {}, 'tasks'), upstreamAt(undefined, {}, 'none')];
const upstreams = new Upstreams([tasks, none]);
const declared = clientCapability.tasksExtension;
vi.spyOn(client.sessions, 'peek').mockImplementation((upstream) =>
  aSession({
    upstream,
    revision: '2026-07-28',
    capabilities: upstream === tasks ? serverCapability.tasksExtension : 0,
  }),
);
const idOf = (of: typeof client, upstream: typeof tasks, raw: string): string =>
  sealTaskId(of.session, { upstream: upstream.hash, raw });

test('those of others, and of upstreams that do not tell, are left out', () => {
  const [own, second] = [idOf(client, tasks, 't1'), idOf(client, tasks, 't2')];
  const wanted = [own, second, own, idOf(client, none, 't1'), idOf(stranger, tasks, 't1'), 't1', 7];
  const { ids, byUpstream } = watchedTasks(client, declared, wanted, upstreams);
  expect([[...ids], [...byUpstream]]).toEqual([[own, second], [[tasks, ['t1', 't2']]]]);
});

test('the extension has to be declared, where tasks are asked for', () => {
  expect(watchedTasks(client, 0, undefined, upstreams).ids.size).toBe(0);
  expect(() => watchedTasks(client, 0, [], upstreams)).toThrow(expect.objectContaining({ code: 'capability_missing' }));
});

test('there is a limit', () => {
  const many = Array.from({ length: maxSubscribedTasks + 1 }, (_each, at) => idOf(client, tasks, `${at}`));
  expect(watchedTasks(client, declared, many.slice(1), upstreams).ids.size).toBe(maxSubscribedTasks);
  for (const wanted of [many, {}])
    expect(() => watchedTasks(client, declared, wanted, upstreams)).toThrow(
      expect.objectContaining({ code: 'params_invalid' }),
    );
});
