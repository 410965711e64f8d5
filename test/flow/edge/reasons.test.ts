/** What the log says of a call that failed: why, in few words, and nothing of what anybody has sent. */
import { beforeAll, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { startGateway } from '../../support/gateway-process.ts';
import { posting, send } from '../../support/plain-client.ts';
import { resultOf, sayJson, startScripted } from '../../support/scripted-upstream.ts';

const secret = 'sECRet-42';
const answers: Record<string, string> = {
  another: `{"jsonrpc":"2.0","id":"of-another","result":{"text":"${secret}"}}`,
  garbage: `{"${secret}" and no more of it`,
  twice: `{"jsonrpc":"2.0","id":1,"${secret}":1,"${secret}":2}`,
};
let gateway: GatewayProcess;

beforeAll(async () => {
  const names = [...Object.keys(answers), 'gone'];
  const upstream = await startScripted((message, response) => {
    const name = message.params?.['name'] as string;
    if (message.method === 'tools/list')
      sayJson(
        response,
        resultOf(message, { tools: names.map((each) => ({ name: each, inputSchema: { type: 'object' } })) }),
      );
    else if (name === 'gone') response.destroy();
    else sayJson(response, answers[name] ?? '');
  });
  gateway = await startGateway({
    config: { mcpServers: { up: { url: upstream.url } } },
    args: ['--log-format', 'json'],
  });
});

for (const [name, reason] of [
  ['another', 'answered with another id'],
  ['garbage', 'not a JSON-RPC message: json_malformed'],
  ['twice', 'not a JSON-RPC message: json_key_repeated'],
  ['gone', 'other side closed'],
] as const)
  test(`the line of a call that failed says why: ${reason}`, async () => {
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up__${name}","arguments":{"text":"${secret}"}}}`;
    const seen = gateway.stderr.length;
    await send(gateway.url, { headers: posting(), body });
    const line = (): Record<string, unknown> | undefined =>
      gateway.stderr
        .slice(seen)
        .filter((text) => text.startsWith('{'))
        .map((text) => JSON.parse(text) as Record<string, unknown>)
        .find(({ msg, outcome }) => msg === 'call' && outcome !== 'ok');
    await expect.poll(line).toBeDefined();
    expect(line()?.['reason']).toContain(reason);
    expect(String(line()?.['reason']).length).toBeLessThanOrEqual(200);
    expect(gateway.stderr.join('\n')).not.toContain(secret);
  });

test('the line of a request that was refused has no value of its headers', async () => {
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const odd = [
    ['Origin', `https://${secret}.example`],
    ['Accept', `text/${secret}`],
    ['Content-Type', `text/${secret}`],
    ['Mcp-Session-Id', secret],
    ['Mcp-Protocol-Version', secret],
    ['Content-Type', `application/json; charset=${secret}`],
  ] as const;
  const seen = gateway.stderr.length;
  for (const [name, value] of odd) {
    const rest = ['Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];
    const at = rest.indexOf(name);
    const headers = at < 0 ? [...rest, name, value] : rest.with(at + 1, value);
    expect((await send(gateway.url, { headers, body })).status).toBeGreaterThanOrEqual(400);
  }
  expect((await send(gateway.url, { headers: posting('Host', `${secret}.example`), body })).status).toBe(403);
  const lines = (): string[] => gateway.stderr.slice(seen).filter((text) => text.includes('"refused"'));
  await expect.poll(() => lines().length).toBe(odd.length + 1);
  expect(lines().join('\n').toLowerCase()).not.toContain(secret.toLowerCase());
});
