import { expect, test } from 'vitest';
import { stateText } from '../../src/kubernetes/mode.ts';

const state = { isSynced: true, isConnected: true, lagMs: 0, faults: [] };

test('readiness says in words how it stands with the cluster', () => {
  expect(stateText(state)).toBe('ready: the cluster is watched');
  expect(stateText({ ...state, isConnected: false, lagMs: 61_000, faults: ['MCPRoute in ns: away', 'more'] })).toBe(
    'ready: the last known configuration is served, 61 s old: MCPRoute in ns: away',
  );
  expect(stateText({ ...state, isSynced: false, isConnected: false })).toMatch(/^not ready: /);
});
