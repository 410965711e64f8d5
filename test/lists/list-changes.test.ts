/** A changed list is dropped here and elsewhere before anyone is told of it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Catalogue } from '../../src/aggregate/catalogue.ts';
import { ListChanges } from '../../src/lists/list-changes.ts';
import type { Notice } from '../../src/transport/peers/notice.ts';
import { Upstreams } from '../../src/transport/upstream/upstreams.ts';
import { aClient, aSession, upstreamAt } from '../clients/a-client.ts';

const upstream = upstreamAt();
const session = aSession({ upstream, sessionId: 's' });
const client = aClient();
/** Notices, and `changed METHOD` when it may be told. */
let steps: string[];
let tells: PromiseWithResolvers<void>[];
let catalogue: Catalogue;
let changes: ListChanges;

function changesOf(forwardHeaders: string[] = []): ListChanges {
  const upstreams = new Upstreams(
    forwardHeaders.length === 0 ? [upstream] : [upstreamAt(undefined, { forwardHeaders })],
  );
  return new ListChanges(
    catalogue,
    upstreams,
    (notice: Notice) => {
      steps.push(JSON.stringify(notice));
      const tell = Promise.withResolvers<void>();
      tells.push(tell);
      return tell.promise;
    },
    (_session, method) => void steps.push(`changed ${method}`),
  );
}

beforeEach(() => {
  [steps, tells, catalogue] = [[], [], new Catalogue()];
  changes = changesOf();
});

const method = 'notifications/resources/list_changed';
const notice = (audience?: string): string =>
  JSON.stringify({ kind: 'changed', upstream: upstream.hash, list: 'resources', audience });

test('the others are told first, and only then whoever listens', async () => {
  const before = catalogue.changesOf('up');
  const telling = changes.told(session, client, method);
  expect(catalogue.changesOf('up')).toBeGreaterThan(before);
  expect(steps).toEqual([notice(client.audienceOf(upstream))]);
  tells[0]!.resolve();
  await telling;
  expect(steps[1]).toBe(`changed ${method}`);
});

test('what is about no list is nothing to it', () => {
  expect(changes.told(session, client, 'notifications/progress')).toBeUndefined();
  expect(steps).toEqual([]);
});

test('an upstream that says so on every stream is told of once, and once more for what came meanwhile', async () => {
  const all = [1, 2, 3].map(() => changes.told(session, client, method));
  expect(tells).toHaveLength(1);
  tells[0]!.resolve();
  await expect.poll(() => tells.length).toBe(2);
  tells[1]!.resolve();
  for (const telling of all) await telling;
  expect(steps.filter((step) => step.startsWith('{'))).toHaveLength(2);
});

test('where headers of clients are forwarded, every audience is dropped', async () => {
  void changesOf(['x-who']).told(session, client, method);
  expect(steps).toEqual([notice()]);
});

describe('what another replica has heard', () => {
  test('drops the list here', () => {
    const before = catalogue.changesOf('up');
    changes.heard({ kind: 'changed', upstream: upstream.hash, list: 'tools' });
    expect(catalogue.changesOf('up')).toBeGreaterThan(before);
    expect(steps).toEqual([]);
  });

  test('of an upstream that is not of this route changes nothing', () => {
    changes.heard({ kind: 'changed', upstream: upstream.hash ^ 1, list: 'tools' });
    expect(catalogue.changesOf('up')).toBe(0);
  });
});
