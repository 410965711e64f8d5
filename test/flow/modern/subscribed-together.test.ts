/**
 * Several clients of 2026-07-28 subscribe to one upstream of the session era, whose session has one stream for all (2026-07-28
 * basic/patterns/subscriptions).
 */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import type { OpenStream } from '../../support/plain-client.ts';
import { openStream } from '../../support/plain-client.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

const acknowledged = 'notifications/subscriptions/acknowledged';
const methodsOf = ({ messages }: OpenStream): unknown[] => messages.map(({ method }) => method);

async function open(url: string, filter: object, id: string, capabilities = {}): Promise<OpenStream> {
  await askModern(url, 'tools/list', { capabilities });
  const asking = { id, params: { notifications: filter }, capabilities };
  const stream = await openStream(url, modernRequest('subscriptions/listen', asking));
  await stream.until(({ method }) => method === acknowledged);
  return stream;
}

const toggle = (url: string, capabilities = {}): Promise<unknown> =>
  askModern(url, 'tools/call', { params: { name: 'alpha__toggle', arguments: {} }, capabilities });

test('each is told of a change once, by its own name, and only of what it asked for', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const { url } = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  const one = await open(url, { toolsListChanged: true }, '"one"');
  const two = await open(url, { toolsListChanged: true }, '2');
  const three = await open(url, { promptsListChanged: true }, '3');
  // The first has the only stream of the session; the others are refused theirs.
  await expect.poll(() => alpha.requests.filter(({ method }) => method === 'GET').length).toBeGreaterThan(2);
  await toggle(url);
  const changed = 'notifications/tools/list_changed';
  for (const stream of [one, two]) await stream.until(({ method }) => method === changed);
  await toggle(url);
  for (const stream of [one, two]) {
    await expect.poll(() => methodsOf(stream)).toEqual([acknowledged, changed, changed]);
  }
  expect(two.messages[1]?.params).toEqual({ _meta: { 'io.modelcontextprotocol/subscriptionId': 2 } });
  await alpha.changed('prompts');
  await three.until(({ method }) => method === 'notifications/prompts/list_changed');
  expect(methodsOf(three)).toEqual([acknowledged, 'notifications/prompts/list_changed']);
});

test('one is told although the stream of the session stands open for questions', async () => {
  const alpha = await startStatefulServer({ name: 'alpha' });
  const { url } = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
  const capabilities = { sampling: {} };
  await toggle(url, capabilities);
  const stream = await open(url, { toolsListChanged: true }, '1', capabilities);
  await toggle(url, capabilities);
  await stream.until(({ method }) => method === 'notifications/tools/list_changed');
  expect(methodsOf(stream)).toEqual([acknowledged, 'notifications/tools/list_changed']);
});
