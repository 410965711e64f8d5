/**
 * Arguments that stand in headers as well, where the upstream knows sessions alone: checked at the door, and gone behind it
 * (2026-07-28 basic/transports/streamable-http).
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { StatefulServer } from '../../support/stateful-server.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let gateway: GatewayProcess;
let alpha: StatefulServer;

const schemaWith = (header: string): { type: 'object'; properties: Record<string, object> } => ({
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': header } },
});

beforeAll(async () => {
  const tools = [
    { name: 'legal', inputSchema: schemaWith('Region') },
    { name: 'illegal', inputSchema: schemaWith('Re gion') },
    { name: 'plain' },
  ];
  alpha = await startStatefulServer({ name: 'alpha', tools });
  gateway = await startGateway({ config: { mcpServers: { alpha: { url: alpha.url } } }, admin: false });
});

const called = (name: string, header: string | undefined): ReturnType<typeof askModern> =>
  askModern(gateway.url, 'tools/call', {
    params: { name: `alpha__${name}`, arguments: { region: 'north' } },
    headers: { 'Mcp-Param-Region': header },
  });

describe('a modern client that has the tools of a server with sessions', () => {
  test('is refused a header that the body contradicts, and one that is missing', async () => {
    const { rpc } = await askModern(gateway.url, 'tools/list');
    expect(rpc.result?.['tools']).toMatchObject([
      { name: 'alpha__legal' },
      { name: 'alpha__illegal' },
      { name: 'alpha__plain' },
    ]);
    for (const header of ['south', '=?base64?bm9ydGg?=', undefined])
      expect(await called('legal', header)).toMatchObject({ status: 400, rpc: { error: { code: -32_020 } } });
  });

  test('gets its answer where header and body agree, and where the schema asks for nothing that a header can hold', async () => {
    for (const [name, header] of [
      ['legal', 'north'],
      ['legal', '=?base64?bm9ydGg=?='],
      ['illegal', undefined],
      ['plain', undefined],
    ] as const) {
      const { status, rpc } = await called(name, header);
      expect([status, rpc.result?.['content']]).toEqual([200, [{ type: 'text', text: `alpha:${name}` }]]);
    }
    expect(alpha.requests.some(({ headers }) => headers['mcp-param-region'] !== undefined)).toBe(false);
  });

  test('a client with a session is asked for no header', async () => {
    const session = await openSession(gateway.url);
    const { result } = await session.ask('tools/call', { name: 'alpha__legal', arguments: { region: 'north' } });
    expect(result?.['content']).toEqual([{ type: 'text', text: 'alpha:legal' }]);
  });
});
