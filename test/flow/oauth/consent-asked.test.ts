/**
 * How a client is asked for the permission of its user, in each era, at two replicas: by the error of 2025-11-25, by a round of 2026-07-28,
 * or by a text; and what its streams are told when permission was given.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ElicitationCompleteNotificationSchema,
  ToolListChangedNotificationSchema,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { givePermission, startConsentProvider, type ConsentProvider } from '../../support/consent-provider.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { askModern, modernRequest } from '../../support/modern-client.ts';
import { modernSdkClient } from '../../support/modern-sdk-client.ts';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { openSession, openStream, type Rpc } from '../../support/plain-client.ts';
import { oauthOf, startProtectedPair } from '../../support/protected.ts';
import { rotating } from '../../support/rotating.ts';
import { sdkClient } from '../../support/sdk-client.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let directory: string;
let as: AuthorizationServer;
let provider: ConsentProvider;
let pair: readonly [GatewayProcess, GatewayProcess];

/** Each test has users of its own. */
const users = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal'];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'consent-asked-'));
  as = await authorizationServer({ clients: users });
  provider = await startConsentProvider({ registers: true });
  const open = await startStatefulServer({ name: 'open', tools: ['echo'] });
  const files = await startStatefulServer({ name: 'files', tools: ['echo'] });
  pair = await startProtectedPair(
    {
      backends: { open: { url: open.url }, files: { url: files.url } },
      securityPolicy: (url) => ({ oauth: oauthOf(as.issuer, url) }),
      settings: { backends: { files: { grant: { userConsent: { issuer: provider.issuer, scopes: ['read'] } } } } },
    },
    ['--token-store', join(directory, 'tokens.json')],
  );
  // Several processes start one after the other on a busy machine.
}, 60_000);
afterAll(async () => {
  await as.close();
  await rm(directory, { recursive: true });
});

async function bearerOf(user: string): Promise<string> {
  return `Bearer ${await as.token({ client: user, resource: pair[0].url })}`;
}

const called = { name: 'files__echo', arguments: {} };
const urls = { elicitation: { url: {} } };

describe('a client of 2025-11-25 that shows URLs', () => {
  test('gets the error of its revision, and hears at another replica that its user is done', async () => {
    const authorization = await bearerOf('ann');
    const listening = Promise.withResolvers<void>();
    const watched: typeof fetch = async (url, init) => {
      const answer = await fetch(url, init);
      if (init?.method === 'GET' && answer.status === 200) listening.resolve();
      return answer;
    };
    const { client } = await sdkClient(pair[1].url, {
      elicit: () => ({ action: 'accept' }),
      headers: { authorization },
      transport: { fetch: watched },
    });
    const heard: string[] = [];
    client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => {
      heard.push(params.elicitationId);
    });
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      heard.push('tools');
    });
    // Of the same user, and of another one: what is told to the first is not for them.
    const own = await streamOf('ann');
    const other = await streamOf('ben');
    await listening.promise;
    const fault = await client.callTool(called).catch((thrown: unknown) => thrown);
    expect(fault).toBeInstanceOf(UrlElicitationRequiredError);
    const [elicitation] = (fault as UrlElicitationRequiredError).elicitations;
    expect(elicitation).toMatchObject({ mode: 'url', message: expect.stringContaining('files') });
    await givePermission(elicitation!.url);
    await expect.poll(() => heard).toEqual(expect.arrayContaining(['tools', elicitation!.elicitationId]));
    await own.until(({ method }) => method === 'notifications/tools/list_changed');
    expect(await client.callTool(called)).not.toHaveProperty('isError', true);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('files__echo');
    expect(own.messages.map(({ method }) => method)).not.toContain('notifications/elicitation/complete');
    expect(other.messages).toEqual([]);
  });

  test('hears nothing of it where only the link of another session was used', async () => {
    const headers = ['Authorization', await bearerOf('cat')];
    const [one, other] = await Promise.all(
      pair.map(async ({ url }) => await openSession(url, { capabilities: urls, headers })),
    );
    const streams = await Promise.all([
      listening(one!.url, one!.token, headers),
      listening(other!.url, other!.token, headers),
    ]);
    const { error } = await one!.ask('tools/call', called, ...headers);
    const { elicitations } = error!.data as { elicitations: { elicitationId: string; url: string }[] };
    await givePermission(elicitations[0]!.url);
    const complete = await streams[0].until(({ method }) => method === 'notifications/elicitation/complete');
    expect(complete.params).toEqual({ elicitationId: elicitations[0]!.elicitationId });
    await streams[1].until(({ method }) => method === 'notifications/resources/list_changed');
    expect(await other!.ask('tools/call', called, ...headers)).toHaveProperty('result');
    expect(streams[1].messages.map(({ method }) => method)).not.toContain('notifications/elicitation/complete');
  });
});

describe('a client that shows no URLs gets the link as a text', () => {
  test.each([
    ['2025-11-25', {}],
    ['2025-11-25', { elicitation: {} }],
    ['2025-06-18', urls],
    ['2025-03-26', urls],
  ])('of %s with %j', async (revision, capabilities) => {
    const headers = ['Authorization', await bearerOf('dan')];
    const session = await openSession(pair[0].url, { revision, capabilities, headers });
    for (const [method, params] of [
      ['tools/call', called],
      ['prompts/get', { name: 'files__greeting' }],
      ['resources/read', { uri: 'files+test://one' }],
    ] as const)
      expectPlain(await session.ask(method, params, ...headers));
  });

  test('of 2026-07-28', async () => {
    const headers = { Authorization: await bearerOf('dan') };
    for (const capabilities of [{}, { elicitation: {} }])
      expectPlain((await askModern(pair[0].url, 'tools/call', { params: called, capabilities, headers })).rpc);
  });
});

describe('a client of 2026-07-28 that shows URLs', () => {
  test('is asked by a round, and its call goes on at whichever replica', async () => {
    const asked: string[] = [];
    const client = await modernSdkClient(pair[0].url, {
      elicit: async (params) => {
        asked.push((params as { url: string }).url);
        await givePermission(asked.at(-1)!);
        return { action: 'accept' };
      },
      headers: { authorization: await bearerOf('eve') },
      fetch: rotating(pair.map(({ url }) => url)).fetch,
    });
    expect(await client.callTool(called)).not.toHaveProperty('isError', true);
    expect(asked).toHaveLength(1);
    expect(await client.callTool(called)).not.toHaveProperty('isError', true);
    expect(asked).toHaveLength(1);
  });

  test('waits while its user is still there; its subscription hears of the lists', async () => {
    const authorization = await bearerOf('fay');
    const subscription = await openStream(
      pair[1].url,
      modernRequest('subscriptions/listen', {
        id: '"s"',
        params: { notifications: { toolsListChanged: true } },
        headers: { Authorization: authorization },
      }),
    );
    await subscription.until(({ method }) => method === 'notifications/subscriptions/acknowledged');
    let given = Promise.resolve();
    let asked = 0;
    const client = await modernSdkClient(pair[0].url, {
      elicit: (params) => {
        asked += 1;
        // As a client answers: when the user has agreed to open it.
        given = givePermission((params as { url: string }).url);
        return { action: 'accept' };
      },
      headers: { authorization },
    });
    expect(await client.callTool(called)).not.toHaveProperty('isError', true);
    await given;
    expect(asked).toBe(1);
    await subscription.until(({ method }) => method === 'notifications/tools/list_changed');
  });

  test('whose user refuses gets an error', async () => {
    const client = await modernSdkClient(pair[0].url, {
      elicit: () => ({ action: 'decline' }),
      headers: { authorization: await bearerOf('gil') },
    });
    await expect(client.callTool(called)).rejects.toMatchObject({ code: -32_603 });
  });

  test('comes back with a state that is for this user and this call', async () => {
    const headers = { Authorization: await bearerOf('hal') };
    const ask = async (more: object, user = headers): Promise<Rpc> => {
      const params = { ...called, ...more };
      return (await askModern(pair[0].url, 'tools/call', { params, capabilities: urls, headers: user })).rpc;
    };
    const { result } = await ask({});
    expect(result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { consent: { method: 'elicitation/create', params: { mode: 'url' } } },
      requestState: expect.any(String),
    });
    expect(JSON.stringify(result)).not.toContain('elicitationId');
    const retry = { requestState: result!['requestState'], inputResponses: { consent: { action: 'accept' } } };
    for (const [more, user] of [
      [{ ...retry, arguments: { other: 1 } }, headers],
      [retry, { Authorization: await bearerOf('gil') }],
      [{ ...retry, requestState: `${retry.requestState as string}A` }, headers],
    ] as const)
      expect((await ask(more, user)).error?.code).toBe(-32_602);
    // Without an answer the user is asked again.
    expect((await ask({ requestState: retry.requestState })).result).toHaveProperty('resultType', 'input_required');
    const { inputRequests } = result as { inputRequests: { consent: { params: { url: string } } } };
    await givePermission(inputRequests.consent.params.url);
    expect((await ask(retry)).result).toHaveProperty('content');
  });
});

function expectPlain({ error }: Rpc): void {
  expect(error).toMatchObject({
    code: -32_603,
    message: expect.stringMatching(/permission.* open http\S+ and try again/),
  });
  expect(error).not.toHaveProperty('data');
}

async function streamOf(user: string): ReturnType<typeof openStream> {
  const headers = ['Authorization', await bearerOf(user)];
  const { url, token } = await openSession(pair[1].url, { capabilities: urls, headers });
  return await listening(url, token, headers);
}

function listening(url: string, token: string, headers: readonly string[]): ReturnType<typeof openStream> {
  return openStream(url, {
    method: 'GET',
    headers: ['Accept', 'text/event-stream', 'Mcp-Session-Id', token, ...headers],
  });
}
