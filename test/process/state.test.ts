/** What several processes know, as one. */
import { expect, test } from 'vitest';
import { together, type ProcessState } from '../../src/process/state.ts';
import type { UpstreamState } from '../../src/route/state.ts';

const counts = { sealed: 1, opened: 2, sessionless: 3, streams: 4, requests: 5, held: 6 };
const upstream = (more: Partial<UpstreamState> = {}): UpstreamState => ({
  id: 'up',
  health: 'unknown',
  breaker: undefined,
  waiting: 0,
  eras: [],
  revisions: [],
  capabilities: undefined,
  openedMs: undefined,
  fault: undefined,
  ...more,
});
const state = (more: Partial<UpstreamState>, peers: ProcessState['peers'] = { told: [], heard: [] }): ProcessState => ({
  routes: [{ route: 'r', counts, upstreams: [upstream(more)] }],
  peers,
});
const fault = (atMs: number): UpstreamState['fault'] => ({ code: 'upstream_timeout', message: 'late', atMs });

test('counts are sums', () => {
  const [route] = together([state({ waiting: 1 }), state({ waiting: 2 })]).routes;
  expect(route?.counts).toEqual({ sealed: 2, opened: 4, sessionless: 6, streams: 8, requests: 10, held: 12 });
  expect(route?.upstreams).toEqual([upstream({ waiting: 3 })]);
});

test('an upstream is up where one process reaches it, and the latest contact and fault count', () => {
  const [route] = together([
    state({
      health: 'down',
      breaker: 'open',
      fault: fault(20),
      revisions: ['2025-06-18'],
      eras: ['legacy'],
      openedMs: 9,
    }),
    state({
      health: 'up',
      breaker: 'closed',
      fault: fault(10),
      revisions: ['2026-07-28'],
      eras: ['modern'],
      openedMs: 8,
      capabilities: 3,
    }),
    state({}),
  ]).routes;
  expect(route?.upstreams).toEqual([
    upstream({
      health: 'up',
      breaker: 'open',
      fault: fault(20),
      revisions: ['2026-07-28', '2025-06-18'],
      eras: ['modern', 'legacy'],
      capabilities: 3,
      openedMs: 9,
    }),
  ]);
});

test('a route or an upstream that one process does not have yet is shown', () => {
  const other: ProcessState = {
    routes: [
      { route: 'r', counts, upstreams: [upstream({ id: 'new' })] },
      { route: 'new', counts, upstreams: [] },
    ],
    peers: { told: [], heard: [] },
  };
  const { routes } = together([state({}), other]);
  expect(routes.map(({ route, upstreams }) => [route, upstreams.map(({ id }) => id)])).toEqual([
    ['r', ['up', 'new']],
    ['new', []],
  ]);
});

test('peers are shown once each, with the latest times', () => {
  const { peers } = together([
    state({}, { told: [{ address: 'a:1', answeredMs: 1, failedMs: 5 }], heard: [{ from: 'a', atMs: 1 }] }),
    state({}, { told: [{ address: 'a:1', answeredMs: 2 }, { address: 'b:1' }], heard: [{ from: 'a', atMs: 3 }] }),
  ]);
  expect(peers).toEqual({
    told: [{ address: 'a:1', answeredMs: 2, failedMs: 5 }, { address: 'b:1' }],
    heard: [{ from: 'a', atMs: 3 }],
  });
});

test('nobody has answered', () => expect(together([])).toEqual({ routes: [], peers: { told: [], heard: [] } }));
