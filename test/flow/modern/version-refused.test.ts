/** An upstream that refuses the version it is spoken to in and says which it takes: select and continue (2026-07-28 basic/versioning). */
import { expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import { completed, sayError } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import type { RawServer } from '../../support/raw-server.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { sayJson } from '../../support/scripted-upstream.ts';

/** Refuses so many times, offering `supported`, before it serves 2026-07-28. */
async function refusing(times: number, supported: unknown): Promise<RawServer> {
  let refused = 0;
  return await startRawServer(({ json }, response) => {
    const message = json as Rpc;
    if (message.method === 'server/discover' && refused < times) {
      refused += 1;
      sayError(response, message, 400, { code: -32_022, message: 'Unsupported protocol version', data: { supported } });
    } else if (message.method === 'server/discover') {
      const discovered = { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
      sayJson(response, completed(message, { ...discovered, ttlMs: 0, cacheScope: 'private' }));
    } else if (message.method === 'tools/list') sayJson(response, completed(message, { tools: [{ name: 'do' }] }));
    else response.writeHead(404).end();
  });
}

async function listedBehind(server: RawServer): Promise<unknown> {
  const config = { mcpServers: { up: { url: server.url, era: 'modern' } } };
  const gateway = await startGateway({ config, admin: false });
  return (await askModern(gateway.url, 'tools/list')).rpc.result?.['tools'];
}

const methodsOf = (server: RawServer): unknown[] => server.requests.map(({ json }) => (json as Rpc).method);

test('is asked again in the version that it offers', async () => {
  const server = await refusing(1, ['2026-07-28']);
  expect(await listedBehind(server)).toMatchObject([{ name: 'up__do' }]);
  expect(methodsOf(server).slice(0, 2)).toEqual(['server/discover', 'server/discover']);
});

test.each([
  ['offers the same for ever', ['2026-07-28'], 2],
  ['offers only what the gateway does not speak', ['2027-01-01'], 1],
  ['offers nothing', undefined, 1],
  ['offers what is no list of versions', { 0: '2026-07-28' }, 1],
])('is given up when it %s', async (_title, supported, asked) => {
  const server = await refusing(Infinity, supported);
  const config = { mcpServers: { up: { url: server.url, era: 'modern' } } };
  await startGateway({ config, admin: false });
  // The gateway says at its start how it has found each upstream: by then it has asked.
  expect(methodsOf(server)).toEqual(Array.from({ length: asked }, () => 'server/discover'));
});
