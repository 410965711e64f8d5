/** Arguments in headers must be those in the body (2026-07-28 basic/transports/streamable-http). */
import { beforeEach, expect, test } from 'vitest';
import { checkRepeated } from '../../src/calls/repeated-arguments.ts';
import { anonymous } from '../../src/transport/http/caller.ts';
import { aClient, upstreamAt } from '../clients/a-client.ts';
import { aCall } from './an-outlet.ts';

const client = aClient({ revision: '2026-07-28' });
const upstream = upstreamAt();
beforeEach(
  () => void (upstream.paramHeaders = new Map([['search', [{ name: 'Mcp-Param-Region', path: ['region'] }]]])),
);

const mismatch = expect.objectContaining({ code: 'header_mismatch' }) as Error;

function check(
  args: object | undefined,
  rawHeaders: readonly string[],
  method = 'tools/call',
  name = 'up__search',
): void {
  const params = { name, ...(args === undefined ? {} : { arguments: args }) };
  checkRepeated(aCall(client, { method, params }, { caller: anonymous({ rawHeaders }) }), upstream, { name: 'search' });
}

test('the same value passes, in any case of the name', () => {
  check({ region: 'eu' }, ['MCP-PARAM-region', 'eu']);
  check({}, []);
  check(undefined, []);
});

test.each<[object, string[]]>([
  [{ region: 'eu' }, ['mcp-param-region', 'us']],
  [{ region: 'eu' }, []],
  [{}, ['mcp-param-region', 'eu']],
  // Whichever of two lines is read, another reader may take the other one.
  [{ region: 'eu' }, ['mcp-param-region', 'eu', 'Mcp-Param-Region', 'eu']],
])('%j under %j is refused', (args, rawHeaders) => {
  expect(() => check(args, rawHeaders)).toThrow(mismatch);
});

test('what was never listed, and every other method, is not checked', () => {
  check({ region: 'eu' }, ['mcp-param-region', 'us'], 'prompts/get');
  upstream.paramHeaders = new Map([['search', []]]);
  check({ region: 'eu' }, ['mcp-param-region', 'us']);
  upstream.paramHeaders = new Map();
  check({ region: 'eu' }, ['mcp-param-region', 'us']);
});

test('without a prefix the name in the body is the tool’s', () => {
  const call = aCall(
    client,
    { method: 'tools/call', params: { name: 'search', arguments: { region: 'eu' } } },
    { caller: anonymous({ rawHeaders: ['mcp-param-region', 'us'] }) },
  );
  expect(() => checkRepeated(call, upstream, {})).toThrow(mismatch);
});
