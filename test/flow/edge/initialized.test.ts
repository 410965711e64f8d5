/** Servers that refuse `notifications/initialized`, or never answer it, serve all else: nothing of them is lost. */
import { beforeAll, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { RawHandler, RawServer } from '../../support/raw-server.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson, scripted } from '../../support/scripted-upstream.ts';

const tools = { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] };
const called = { content: [{ type: 'text', text: 'heard' }] };

/** Answers `notifications/initialized` its own way, and all else as usual. */
function startOdd(initialized: RawHandler): Promise<RawServer> {
  const usual = scripted(
    (message, response) => sayJson(response, resultOf(message, message.method === 'tools/list' ? tools : called)),
    { sessionId: 'of-odd' },
  );
  return startRawServer((request, response) =>
    (request.json as Rpc | undefined)?.method === 'notifications/initialized'
      ? initialized(request, response)
      : usual(request, response),
  );
}

const refusing = (status: number, body: string): RawHandler => {
  return (_request, response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(body);
};

const noMethod = '{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"Method not found"}}';

const linesOf = (gateway: GatewayProcess, ...words: string[]): number =>
  [...gateway.stdout, ...gateway.stderr].filter((line) => words.every((word) => line.includes(word))).length;

const kinds: readonly (readonly [name: string, kind: string | undefined, initialized: RawHandler])[] = [
  ['s400', 'initialized_refused', refusing(400, noMethod)],
  ['s404', 'initialized_refused', refusing(404, noMethod)],
  ['s405', 'initialized_refused', refusing(405, '')],
  ['s422', 'initialized_refused', refusing(422, '{"detail":"id: field required"}')],
  ['s500', 'initialized_refused', refusing(500, 'oops')],
  ['silent', 'initialized_open', () => {}],
  ['endless', undefined, (_request, response) => void response.writeHead(202).write(' ')],
  [
    'streaming',
    undefined,
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
    },
  ],
];
let gateway: GatewayProcess;
let metrics = '';

beforeAll(async () => {
  const servers = await Promise.all(
    kinds.map(async ([name, , initialized]) => [name, { url: (await startOdd(initialized)).url }] as const),
  );
  gateway = await startGateway({ config: { mcpServers: Object.fromEntries(servers) } });
  for (const _time of [1, 2]) {
    const session = await openSession(gateway.url);
    expect((await session.ask('tools/list')).result?.['tools']).toHaveLength(kinds.length);
    for (const [name] of kinds)
      expect([name, (await session.ask('tools/call', { name: `${name}__echo` })).result]).toEqual([name, called]);
  }
  metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
});

test.each(kinds)('the server is used, and the log says so once: %s', async (name, kind) => {
  await expect.poll(() => linesOf(gateway, `"${name}"`, 'notifications/initialized')).toBe(kind === undefined ? 0 : 1);
  expect(linesOf(gateway, 'upstream is down')).toBe(0);
  if (kind !== undefined)
    expect(metrics).toMatch(new RegExp(`manifold_tolerated_total\\{upstream="${name}",kind="${kind}"\\} [1-9]`));
});

test('one that wants other credentials for it is not used', async () => {
  const odd = await startOdd(refusing(401, ''));
  const other = await startGateway({ config: { mcpServers: { odd: { url: odd.url } } }, admin: false });
  await expect(openSession(other.url)).rejects.toThrow();
});
