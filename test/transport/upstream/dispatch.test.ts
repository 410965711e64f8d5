/** A request leaves with its credentials, and not without them. */
import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { nobody, type RawHeaders } from '../../../src/transport/http/caller.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import { dispatch } from '../../../src/transport/upstream/dispatch.ts';
import { HttpExchange } from '../../../src/transport/upstream/exchange.ts';
import { upstreamAt } from '../../clients/a-client.ts';
import { answerJson, startRawServer } from '../../support/raw-server.ts';
import { RecordingSink } from './recording-sink.ts';

const answered = '{"jsonrpc":"2.0","id":1,"result":{}}';
const server = await startRawServer(answerJson(answered));
const upstream = upstreamAt(server.url);
const headers = ['content-type', 'application/json', 'x-own', 'gateway'];

async function told(credentials: RawHeaders | Promise<RawHeaders>): Promise<string[]> {
  const sink = new RecordingSink('1');
  const exchange = new HttpExchange(sink, new Wheel(), 5_000);
  dispatch(
    upstream,
    upstream.pool,
    { method: 'POST', headers, body: '{}' },
    { for: () => credentials },
    nobody,
    exchange,
  );
  await sink.over;
  return sink.told;
}

test('credentials that are known go with the other headers', async () => {
  expect(await told(['authorization', 'Bearer a'])).toEqual([`json ${answered}`, 'end']);
  expect(server.requests.at(-1)).toMatchObject({
    method: 'POST',
    path: '/mcp',
    headers: { 'x-own': 'gateway', authorization: 'Bearer a' },
  });
  await told([]);
  expect(server.requests.at(-1)!.headers).not.toHaveProperty('authorization');
  expect(headers).toHaveLength(4);
});

test('credentials that have to be fetched are waited for', async () => {
  const before = server.requests.length;
  const fetched = Promise.withResolvers<RawHeaders>();
  const answer = told(fetched.promise);
  expect(server.requests.length).toBe(before);
  fetched.resolve(['authorization', 'Bearer b']);
  expect(await answer).toEqual([`json ${answered}`, 'end']);
  expect(server.requests.at(-1)!.headers.authorization).toBe('Bearer b');
});

test('without its credentials nothing is sent, and the fault says why', async () => {
  const before = server.requests.length;
  expect(await told(Promise.reject(new GatewayError('upstream_timeout')))).toEqual(['upstream_timeout']);
  expect(await told(Promise.reject(new Error('the issuer is gone')))).toEqual(['upstream_unauthorized']);
  expect(server.requests.length).toBe(before);
});
