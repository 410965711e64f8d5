/** A subscription is told of the URI that it was made with, be there one server or two (2025-11-25 server/resources §Subscriptions). */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { listenTo, openSession } from '../../support/plain-client.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

test.each([
  ['one server', ['one'], 'memo://today'],
  ['one server, and a prefix', ['one'], 'one+memo://today'],
  ['two servers, of which one has it', ['one', 'two'], 'memo://today'],
  ['two servers, and a prefix', ['one', 'two'], 'one+memo://today'],
])('%s', async (_what, names, uri) => {
  const [server, other] = [
    await startStatefulServer({ name: 'one' }),
    await startStatefulServer({ name: 'two', resources: [], templates: [] }),
  ];
  const urls = { one: { url: server.url }, two: { url: other.url } };
  const mcpServers = Object.fromEntries(Object.entries(urls).filter(([name]) => names.includes(name)));
  const gateway = await startGateway({ config: { mcpServers }, admin: false });
  const session = await openSession(gateway.url);
  const stream = await listenTo(session);
  expect((await session.ask('resources/subscribe', { uri })).result).toEqual({});
  await expect
    .poll(async () => {
      await server.touch('memo://today');
      return stream.messages.at(-1)?.params;
    })
    .toEqual({ uri });
  stream.close();
  await gateway.kill();
});
