/** One upstream of each kind behind one endpoint: no client sees fewer tools because of its era (docs/adr/0006-both-eras.md). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startEverything } from '../../support/everything.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { RawServer } from '../../support/raw-server.ts';
import { answer, startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson } from '../../support/scripted-upstream.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

/** A server of both eras whose only tool tells which one it was called in. */
async function startDual(): Promise<RawServer> {
  return await startRawServer((request, response) => {
    const message = request.json as Rpc | undefined;
    if (message?.method === undefined) response.writeHead(405).end();
    else if (message.id === undefined) response.writeHead(202).end();
    else sayJson(response, resultOf(message, said(message, request.headers['mcp-method'] !== undefined)));
  });
}

function said(message: Rpc, isModern: boolean): object {
  const capabilities = { tools: {} };
  switch (message.method) {
    case 'initialize':
      return { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'dual', version: '1' } };
    case 'server/discover':
      return {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities,
        ttlMs: 0,
        cacheScope: 'private',
      };
    case 'tools/list':
      return { tools: [{ name: 'era', inputSchema: { type: 'object' } }] };
    default:
      return { content: [{ type: 'text', text: isModern ? 'modern' : 'legacy' }] };
  }
}

let gateway: GatewayProcess;
let dual: RawServer;

beforeAll(async () => {
  const [old, young] = [await startStatefulServer({ name: 'old' }), await startEverything('modern')];
  dual = await startDual();
  gateway = await startGateway({
    config: {
      mcpServers: {
        old: { url: old.url },
        young: { url: young },
        dual: { url: dual.url },
        likesOld: { url: dual.url, era: 'legacy' },
        likesYoung: { url: dual.url, era: 'modern' },
      },
    },
    admin: false,
  });
});

type Ask = (method: string, params?: Readonly<Record<string, unknown>>) => Promise<Rpc>;

const askYoung: Ask = async (method, params = {}) => (await askModern(gateway.url, method, { params })).rpc;
const askOld: Ask = async (method, params = {}) => await (await openSession(gateway.url)).ask(method, params);
const textOf = ({ result }: Rpc): unknown => (result?.['content'] as { text: string }[] | undefined)?.[0]?.text;

describe('clients of both eras', () => {
  test('see the same tools, prompts and resources, in the same order', async () => {
    for (const [method, member, key] of [
      ['tools/list', 'tools', 'name'],
      ['prompts/list', 'prompts', 'name'],
      ['resources/list', 'resources', 'uri'],
      ['resources/templates/list', 'resourceTemplates', 'uriTemplate'],
    ] as const) {
      const names = async (ask: Ask): Promise<unknown[]> => {
        const items = (await ask(method)).result?.[member] as Record<string, unknown>[] | undefined;
        return (items ?? []).map((item) => item[key]);
      };
      const seen = await names(askOld);
      expect(await names(askYoung)).toEqual(seen);
      for (const id of ['old', 'young']) expect(seen.join(' ')).toContain(id);
    }
  });

  test('call the tools of upstreams of either era', async () => {
    for (const ask of [askOld, askYoung]) {
      expect(textOf(await ask('tools/call', { name: 'old__echo', arguments: { a: 1 } }))).toBe('{"a":1}');
      expect(textOf(await ask('tools/call', { name: 'young__test_simple_text' }))).toContain('simple text');
    }
  });

  test('are each served in their own era by an upstream that speaks both', async () => {
    for (const round of [1, 2]) {
      expect([round, textOf(await askOld('tools/call', { name: 'dual__era' }))]).toEqual([round, 'legacy']);
      expect([round, textOf(await askYoung('tools/call', { name: 'dual__era' }))]).toEqual([round, 'modern']);
    }
  });

  test('are served in the era that the configuration pins', async () => {
    for (const ask of [askOld, askYoung]) {
      expect(textOf(await ask('tools/call', { name: 'likesOld__era' }))).toBe('legacy');
      expect(textOf(await ask('tools/call', { name: 'likesYoung__era' }))).toBe('modern');
    }
  });
});

describe('an upstream of the session era that is asked whether it speaks 2026-07-28', () => {
  const refusals = [
    [400, '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}'],
    [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}'],
    [404, '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}'],
    [200, '{"jsonrpc":"2.0","error":{"code":-32600,"message":"no"},"id":null}'],
    [400, '{"error":"no"}'],
    [400, 'Bad Request'],
    [405, ''],
    [406, ''],
    [422, '{}'],
  ] as const;
  for (const [status, body] of refusals) {
    test(`and answers HTTP ${status} ${body.slice(0, 40)} is spoken to in its own era`, async () => {
      const upstream = await startRawServer((request, response) => {
        const message = request.json as Rpc | undefined;
        if (message?.method === 'server/discover') {
          return answer(status, body, { 'content-type': 'application/json' })(request, response);
        }
        if (message?.id === undefined) response.writeHead(message?.method === undefined ? 405 : 202).end();
        else sayJson(response, resultOf(message, said(message, request.headers['mcp-method'] !== undefined)));
      });
      const alone = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
      const { rpc } = await askModern(alone.url, 'tools/call', { params: { name: 'up__era' } });
      expect(textOf(rpc)).toBe('legacy');
      await alone.kill();
    });
  }
});
