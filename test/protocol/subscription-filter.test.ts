/** What a subscription asks for, within its limits. */
import { expect, test } from 'vitest';
import { readClientMessage } from '../../src/protocol/envelope.ts';
import { maxWatchedBytes } from '../../src/protocol/limits.ts';
import { readFilter, type SubscriptionFilter } from '../../src/protocol/subscription-filter.ts';

const most = { uris: 3, tasks: 2 };
function filter(notifications: unknown): SubscriptionFilter {
  const message = { jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params: { notifications } };
  return readFilter(readClientMessage(Buffer.from(JSON.stringify(message))), most);
}
const invalid = expect.objectContaining({ code: 'params_invalid' }) as Error;

test('only true asks for a kind of change', () => {
  expect(filter({ toolsListChanged: true, promptsListChanged: false, resourcesListChanged: 'true' })).toEqual({
    toolsListChanged: true,
    promptsListChanged: false,
    resourcesListChanged: false,
    resourceSubscriptions: [],
    taskIds: undefined,
  });
});

test('each URI is named once; what is no text, or too long, is left out', () => {
  const long = 'x'.repeat(maxWatchedBytes - 1);
  expect(filter({ resourceSubscriptions: ['a:b', 'a:b', 1] }).resourceSubscriptions).toEqual(['a:b']);
  expect(filter({ resourceSubscriptions: [long, long.slice(1)] }).resourceSubscriptions).toEqual([long.slice(1)]);
  expect([filter({ taskIds: [] }).taskIds, filter({ taskIds: null }).taskIds]).toEqual([[], undefined]);
});

test('more than there may be, and what is no list, is invalid', () => {
  expect(filter({ resourceSubscriptions: ['a:1', 'a:2', 'a:3'], taskIds: ['1', '2'] }).taskIds).toHaveLength(2);
  expect(() => filter({ resourceSubscriptions: ['a:1', 'a:1', 'a:1', 'a:1'] })).toThrow(invalid);
  expect(() => filter({ taskIds: ['1', '2', '3'] })).toThrow(invalid);
  for (const each of [{ taskIds: {} }, { resourceSubscriptions: 'a:b' }, [], undefined])
    expect(() => filter(each)).toThrow(invalid);
});
