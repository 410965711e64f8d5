/** MCP Apps in all four cells: declared to upstreams, offered to clients, their resources and their calls by original names. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import { completed, startModern } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';

const ui = 'io.modelcontextprotocol/ui';
const mimeType = 'text/html;profile=mcp-app';
const showing = { extensions: { [ui]: { mimeTypes: [mimeType] } } };
const capabilities = { tools: {}, resources: {}, extensions: { [ui]: {} } };

/** What a server with one app says; without a client that can show it, the tool has no app. */
function said(message: Rpc, tool: string, canShow: boolean): object {
  const uri = 'ui://board/main.html';
  const params = (message.params ?? {}) as { name?: string; uri?: string };
  switch (message.method) {
    case 'tools/list': {
      const app = canShow ? { _meta: { ui: { resourceUri: uri } } } : {};
      return { tools: [{ name: tool, inputSchema: { type: 'object' }, ...app }] };
    }
    case 'resources/list':
      return { resources: [{ uri, name: 'board', mimeType }] };
    case 'resources/read':
      return { contents: params.uri === uri ? [{ uri, mimeType, text: `<p>${tool}</p>` }] : [] };
    default:
      return { content: [{ type: 'text', text: `${params.name} ${canShow ? 'shown' : 'told'}` }] };
  }
}

let gateway: GatewayProcess;

beforeAll(async () => {
  const young = await startModern((message, response) => {
    const meta = (message.params?.['_meta'] ?? {}) as Record<string, { extensions?: Record<string, unknown> }>;
    const declared = meta['io.modelcontextprotocol/clientCapabilities']?.extensions?.[ui];
    sayJson(response, completed(message, said(message, 'draw', declared !== undefined)));
  }, capabilities);
  // Each session is named after what its client can do.
  const old = await startScripted(
    (message, response, request) => {
      const shows = request.headers['mcp-session-id'] === 'shows';
      sayJson(response, resultOf(message, said(message, 'paint', shows)));
    },
    {
      capabilities,
      opened: (message) => {
        const { capabilities: declared } = message.params as { capabilities: { extensions?: Record<string, unknown> } };
        return declared.extensions?.[ui] === undefined ? 'tells' : 'shows';
      },
    },
  );
  gateway = await startGateway({
    config: { mcpServers: { young: { url: young.url }, old: { url: old.url } } },
    admin: false,
  });
});

type Ask = (method: string, params?: Readonly<Record<string, unknown>>) => Promise<Rpc>;

const clients: readonly (readonly [string, (declared: object) => Promise<Ask>])[] = [
  [
    'the session era',
    async (declared) => {
      const session = await openSession(gateway.url, { capabilities: declared });
      return async (method, params = {}) => await session.ask(method, params);
    },
  ],
  [
    '2026-07-28',
    async (declared) =>
      await Promise.resolve(
        async (method: string, params: Readonly<Record<string, unknown>> = {}) =>
          (await askModern(gateway.url, method, { params, capabilities: declared })).rpc,
      ),
  ],
];

const textOf = ({ result }: Rpc): unknown => ((result?.['content'] ?? []) as { text: string }[])[0]?.text;

for (const [era, connect] of clients) {
  describe(`a client of ${era}`, () => {
    for (const [upstream, tool] of [
      ['young', 'draw'],
      ['old', 'paint'],
    ] as const) {
      test(`that shows apps gets that of ${upstream}, can read it, and its frame can call by the original name`, async () => {
        const ask = await connect(showing);
        const uri = `ui://${upstream}/board/main.html`;
        const tools = (await ask('tools/list')).result?.['tools'];
        expect(tools).toContainEqual(
          expect.objectContaining({ name: `${upstream}__${tool}`, _meta: { ui: { resourceUri: uri } } }),
        );
        expect((await ask('resources/list')).result?.['resources']).toContainEqual({ uri, name: 'board', mimeType });
        const { result } = await ask('resources/read', { uri });
        expect(result?.['contents']).toEqual([{ uri, mimeType, text: `<p>${tool}</p>` }]);
        expect(textOf(await ask('tools/call', { name: tool }))).toBe(`${tool} shown`);
      });

      test(`that shows none is not said to by the gateway, to ${upstream}`, async () => {
        const ask = await connect({});
        expect(textOf(await ask('tools/call', { name: tool }))).toBe(`${tool} told`);
        const tools = (await ask('tools/list')).result?.['tools'];
        expect(tools).toContainEqual({ name: `${upstream}__${tool}`, inputSchema: { type: 'object' } });
      });
    }
  });
}

test('the extension is offered in both eras', async () => {
  const session = await openSession(gateway.url);
  const { rpc } = await askModern(gateway.url, 'server/discover');
  for (const offered of [session.initialized['capabilities'], rpc.result?.['capabilities']])
    expect(offered).toMatchObject({ extensions: { [ui]: {} } });
});
