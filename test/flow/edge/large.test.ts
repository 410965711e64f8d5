/**
 * Large messages through the real command: what is checked as it comes in arrives as it was, byte for byte, on every way. How long
 * the loop is held is no matter of this file: `walk.test.ts` shows that nothing is gone through twice.
 */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type GatewayProcess } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import { dataOf, openSession, send, type PlainSession } from '../../support/plain-client.ts';
import { startScripted } from '../../support/scripted-upstream.ts';

const mib = 1_048_576;
const row = (n: number): string =>
  `{"id": ${n} ,"name":"row \\u00e9 ${n}","price":${n}.50,"tags":["日本", null,true ],"at":{"x":-1e-2}}`;
const allRows = Array.from({ length: 90_000 }, (_, n) => row(n));
const rows = allRows.join(', ');
const texts = {
  'rows of structure': `{"content":[],"structuredContent":{"rows":[${rows}]}}`,
  'a text with escapes': `{"content":[{"type":"text","text":${JSON.stringify(rows)}}]}`,
  'many blocks': `{"content":[${Array.from({ length: 8_000 }, (_, n) => `{"type":"text","text":"${n} ${'x'.repeat(900)}"}`).join()}]}`,
} as const;
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

let gateway: GatewayProcess;
let session: PlainSession;
/** What reached the upstream last, as its digest. */
let got = '';

beforeAll(async () => {
  const upstream = await startScripted(
    (message, response, request) => {
      got = digest(request.body.toString());
      const { kind, how } = (message.params?.['arguments'] ?? {}) as { kind?: keyof typeof texts; how?: string };
      const result = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${kind === undefined ? '{"tools":[{"name":"give","inputSchema":{"type":"object"}}]}' : texts[kind]}}`;
      const type = how === 'events' ? 'text/event-stream' : 'application/json';
      const mark = how === 'marked' ? '\u{feff}' : '';
      response.writeHead(200, { 'content-type': type }).end(how === 'events' ? `data: ${result}\n\n` : mark + result);
    },
    { sessionId: 'large-1' },
  );
  gateway = await startGateway({ config: { mcpServers: { up: { url: upstream.url } } }, admin: false });
  session = await openSession(gateway.url);
});

describe.each(Object.keys(texts) as (keyof typeof texts)[])('an answer of %s', (kind) => {
  test.each(['json', 'marked', 'events'])('as %s arrives as it was', async (how) => {
    const params = JSON.stringify({ name: 'up__give', arguments: { kind, how } });
    const answer = await session.post(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}`);
    const [text] = how === 'events' ? dataOf(answer.body) : [answer.body];
    expect(text!.length).toBeGreaterThan(6 * mib);
    expect(digest(text!)).toBe(digest(`{"jsonrpc":"2.0","id":7,"result":${texts[kind]}}`));
  });
});

test('a request of almost 4 MiB arrives as it was, and so does one of a client without sessions, but for its envelope', async () => {
  const data = allRows.slice(0, 38_000).join(', ');
  const args = `{"kind":"many blocks","data":[${data}]}`;
  const body = `{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"up__give","arguments":${args}}}`;
  expect(body.length).toBeGreaterThan(2 * mib);
  expect((await session.post(body)).status).toBe(200);
  expect(got).toBe(digest(body.replace('up__give', 'give')));
  const { rpc } = await askModern(gateway.url, 'tools/call', {
    params: { name: 'up__give', arguments: JSON.parse(args) as object },
  });
  expect(rpc.result?.['content']).toHaveLength(8_000);
});

async function statusOf(body: string): Promise<unknown> {
  const answer = await send(session.url, { body });
  return [answer.status, (JSON.parse(answer.body) as { error?: { code: number } }).error?.code];
}

test('a large body with a fault anywhere is the fault that a small one is', async () => {
  const good = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__give","arguments":{"x":"${'x'.repeat(mib)}"}}}`;
  for (const bad of [good.slice(0, -1), `${good}}`, good.replace('"x":', '"x"'), good.replace('xxx', 'x\\qx')])
    expect(await statusOf(bad)).toEqual([400, -32_700]);
});

async function codeOf(method: string, member: string, text: string): Promise<number | undefined> {
  return (await session.ask(method, { [member]: text })).error?.code;
}

test('a name or a URI may have 64 KiB; a longer one is -32602 at once, and no server hears of it', async () => {
  got = '';
  for (const [method, member, text] of [
    ['tools/call', 'name', 'up__'],
    ['prompts/get', 'name', 'up__'],
    ['resources/read', 'uri', 'up+x:'],
    ['of/nobody', 'name', 'up__'],
    ['of/nobody', 'uri', 'up+x:'],
  ] as const)
    expect([method, await codeOf(method, member, text.padEnd(65_535, 'n'))]).toEqual([method, -32_602]);
  expect(got).toBe('');
  expect(await codeOf('resources/read', 'uri', 'up+x:'.padEnd(65_534, 'n'))).toBeUndefined();
  expect(got).not.toBe('');
});
