/** A request leaves with its credentials, and not without them. */
import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import { nobody, type RawHeaders } from '../../../src/transport/http/caller.ts';
import { Wheel } from '../../../src/transport/http/wheel.ts';
import type { Credentials } from '../../../src/transport/upstream/credentials.ts';
import { dispatch } from '../../../src/transport/upstream/dispatch.ts';
import { HttpExchange } from '../../../src/transport/upstream/exchange.ts';
import { upstreamAt } from '../../clients/a-client.ts';
import { answerJson, startRawServer } from '../../support/raw-server.ts';
import { RecordingSink } from './recording-sink.ts';

const answered = '{"jsonrpc":"2.0","id":1,"result":{}}';
const server = await startRawServer(answerJson(answered));
const upstream = upstreamAt(server.url);
const headers = ['content-type', 'application/json', 'x-own', 'gateway'];
const aGrant = {
  kind: 'clientCredentials',
  issuer: 'https://as.example.com',
  clientId: 'gateway',
  credential: { method: 'none' },
} as const;

/** What comes of one request. */
async function dispatched(credentials: Credentials, at = upstream): Promise<string[]> {
  const sink = new RecordingSink('1');
  const exchange = new HttpExchange(sink, new Wheel(), 5_000);
  dispatch(at, at.pool, { method: 'POST', headers, body: '{}' }, credentials, nobody, exchange);
  await sink.over;
  return sink.told;
}

async function told(credentials: RawHeaders | Promise<RawHeaders>): Promise<string[]> {
  return await dispatched({ for: () => credentials });
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

test.each([
  ['401', 401, 'Bearer', true, 'again'],
  ['403', 403, undefined, true, 'again'],
  ['403 that speaks of scopes', 403, 'Bearer error="insufficient_scope", scope="a"', true, 'refused'],
  ['401 where no other credential is to be had', 401, 'Bearer', false, 'refused'],
  ['403 where no other credential is to be had', 403, undefined, false, 'refused'],
  ['500', 500, undefined, true, 'failed'],
] as const)('after a %s', async (_name, status, challenge, renews, outcome) => {
  const refusing = await startRawServer((request, response) => {
    if (request.headers.authorization === 'Bearer new') return answerJson(answered)(request, response);
    response.writeHead(status, challenge === undefined ? {} : { 'www-authenticate': challenge }).end('inner words');
    return undefined;
  });
  const at = upstreamAt(refusing.url, { grant: { ...aGrant } });
  const asked: number[] = [];
  let current = 'old';
  const credentials: Credentials = {
    for: () => ['authorization', `Bearer ${current}`],
    refused: (_config, _caller, sent, code) => {
      expect(sent).toEqual(['authorization', 'Bearer old']);
      asked.push(code);
      if (renews) current = 'new';
      return renews;
    },
  };
  const seen = await dispatched(credentials, at);
  const expected = {
    again: [`json ${answered}`, 'end'],
    refused: ['upstream_unauthorized'],
    failed: ['upstream_unreachable'],
  };
  expect(seen).toEqual(expected[outcome]);
  expect(refusing.requests).toHaveLength(outcome === 'again' ? 2 : 1);
  expect(asked).toHaveLength(status === 500 || challenge?.includes('scope') === true ? 0 : 1);
});

test('a credential is renewed once for one request', async () => {
  const refusing = await startRawServer((_request, response) => void response.writeHead(401).end());
  const at = upstreamAt(refusing.url, { grant: { ...aGrant } });
  let made = 0;
  const credentials: Credentials = { for: () => ['authorization', `Bearer ${(made += 1)}`], refused: () => true };
  const seen = await dispatched(credentials, at);
  expect([seen, refusing.requests.length]).toEqual([['upstream_unauthorized'], 2]);
});
