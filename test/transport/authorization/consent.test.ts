/** A user gives an upstream its permission, at a real authorization server; its tokens are got, renewed and taken back. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConsentRequired } from '../../../src/errors.ts';
import {
  callbackPath,
  clientDocument,
  clientDocumentPath,
  consentClient,
} from '../../../src/transport/authorization/consent-client.ts';
import { answerConsent } from '../../../src/transport/authorization/consent-pages.ts';
import { consentMs, consentSeal, type User } from '../../../src/transport/authorization/consent-state.ts';
import {
  consentTokens,
  type ConsentConfig,
  type ConsentTokens,
} from '../../../src/transport/authorization/consent-tokens.ts';
import { fileStore } from '../../../src/transport/authorization/token-store-file.ts';
import { redisStore } from '../../../src/transport/authorization/token-store-redis.ts';
import { tokenStore } from '../../../src/transport/authorization/token-store.ts';
import { guardedEgress } from '../../../src/transport/egress/guarded-fetch.ts';
import { firstKey, ringOf } from '../../session/ring.ts';
import { browse, startConsentProvider, type ConsentProvider } from '../../support/consent-provider.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';
import { closedAtTheEnd } from '../../support/started.ts';

const alice: User = { iss: 'https://as.example', sub: 'alice@gateway', bind: '' };
const bob: User = { ...alice, sub: 'bob@gateway' };
const resource = 'https://files.example.com/mcp';
const clock = { ahead: 0 };
const now = (): number => Date.now() + clock.ahead;
const ring = await ringOf(firstKey);
const egress = guardedEgress({ allowLoopback: true });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'consent-'));
});
afterAll(async () => {
  await egress.close();
  await rm(directory, { recursive: true });
});

interface Gateway {
  readonly origin: string;
  /** Where it is on this machine. */
  readonly local: string;
  readonly tokens: ConsentTokens;
  readonly consents: string[];
  readonly faults: unknown[];
}

let count = 0;
const storeFile = (): string => join(directory, `${(count += 1)}.json`);

/** The pages and the tokens of one upstream; `file`: the store that another replica has, a path or the URL of a Redis; `named`: its public address. */
async function gateway(
  config: Partial<ConsentConfig> & Pick<ConsentConfig, 'issuer'>,
  file?: string,
  named?: string,
): Promise<Gateway> {
  const raw = file?.startsWith('redis:') === true ? redisStore(file, () => {}) : await fileStore(file ?? storeFile());
  const store = tokenStore(raw, ring, () => Math.floor(now() / 1_000));
  const seal = consentSeal(ring, now);
  const consents: string[] = [];
  const faults: unknown[] = [];
  let tokens: ConsentTokens;
  const server = createServer((request, response) => {
    void answerConsent(
      {
        origin,
        seal,
        store,
        find: (name) => (name === 'files' ? tokens : undefined),
        onConsent: ({ user, upstream }) => consents.push(`${user.sub} ${upstream}`),
        onFault: (fault) => faults.push(fault),
      },
      request,
      response,
      request.url!,
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedAtTheEnd(async () => {
    server.closeAllConnections();
    server.close();
    await raw.close();
  });
  const local = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const origin = named ?? local;
  tokens = consentTokens({
    upstream: 'files',
    config: { resource, scopes: ['read'], ...config },
    client: consentClient(origin, egress, store, now),
    store,
    seal,
    origin,
    now,
  });
  return { origin, local, tokens, consents, faults };
}

async function linkFor({ tokens }: Gateway, user: User): Promise<string> {
  try {
    await tokens.tokenOf(user);
  } catch (fault) {
    if (!(fault instanceof ConsentRequired)) throw fault;
    const link = fault.linkFor(undefined);
    // Each link is another one.
    expect(fault.linkFor(undefined).id).not.toBe(link.id);
    expect(link.message).toContain('files');
    return link.url;
  }
  throw new Error('there is a token');
}

/** The link on the page that asks. */
function onwards(text: string): string {
  return /href="([^"]+)"/.exec(text)![1]!.replaceAll('&amp;', '&');
}

async function consent(at: Gateway, user: User, jar = new Map<string, string>()): ReturnType<typeof browse> {
  const found = { [at.origin]: at.local };
  const page = await browse(await linkFor(at, user), jar, undefined, found);
  expect([page.status, at.faults]).toEqual([200, []]);
  return await browse(onwards(page.text), jar, undefined, found);
}

/** A provider where clients register themselves, and the gateway at it. */
async function both(ttl?: number): Promise<{ provider: ConsentProvider; at: Gateway }> {
  const provider = await startConsentProvider({ registers: true, ...(ttl !== undefined && { ttl }) });
  return { provider, at: await gateway({ issuer: provider.issuer }) };
}

test('the link leads to the server and back; the token is for the upstream, and for nobody else', async () => {
  const { provider, at } = await both();
  const jar = new Map<string, string>();
  const page = await browse(await linkFor(at, alice), jar);
  expect(page.text).toContain('alice@gateway');
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(page.headers.get('referrer-policy')).toBe('no-referrer');
  const asked = new URL(onwards(page.text)).searchParams;
  expect(Object.fromEntries(asked)).toMatchObject({
    response_type: 'code',
    code_challenge_method: 'S256',
    resource,
    scope: 'read',
    redirect_uri: `${at.origin}${callbackPath}`,
  });
  expect(asked.get('state')).not.toContain('alice');
  const done = await browse(onwards(page.text), jar);
  expect([done.status, at.faults]).toEqual([200, []]);
  expect(at.consents).toEqual(['alice@gateway files']);
  const token = await at.tokens.tokenOf(alice);
  expect(await provider.holder(token)).toEqual({ account: 'alice', audience: resource });
  await linkFor(at, bob);
  // Registered once.
  provider.account = 'bob';
  await consent(at, bob);
  expect(await provider.holder(await at.tokens.tokenOf(bob))).toMatchObject({ account: 'bob' });
  expect(await at.tokens.tokenOf(alice)).toBe(token);
  expect(provider.asked.filter((one) => one === 'POST /reg')).toHaveLength(1);
});

test('the answer is taken from the browser that has gone there, once, in time', async () => {
  const { at } = await both();
  const jar = new Map<string, string>();
  const page = await browse(await linkFor(at, alice), jar);
  const back = await browse(onwards(page.text), jar, `${at.origin}${callbackPath}`);
  expect((await browse(back.url, new Map())).status).toBe(400);
  const forged = new URL(back.url);
  forged.searchParams.set('state', `${forged.searchParams.get('state')!.slice(0, -2)}AA`);
  expect((await browse(forged.href, jar)).status).toBe(400);
  expect((await browse(back.url, jar)).status).toBe(200);
  expect((await browse(back.url, jar)).status).toBe(400);
  const late = await browse(await linkFor(at, bob), jar);
  const lateBack = await browse(onwards(late.text), jar, `${at.origin}${callbackPath}`);
  const link = await linkFor(at, bob);
  clock.ahead = consentMs + 1_000;
  expect((await browse(lateBack.url, jar)).status).toBe(400);
  expect((await browse(link, jar)).status).toBe(400);
  clock.ahead = 0;
});

test('an answer in the name of another server is refused (RFC 9207)', async () => {
  const { at } = await both();
  const jar = new Map<string, string>();
  const page = await browse(await linkFor(at, alice), jar);
  const back = new URL((await browse(onwards(page.text), jar, `${at.origin}${callbackPath}`)).url);
  expect(back.searchParams.get('iss')).not.toBeNull();
  back.searchParams.set('iss', 'https://evil.example.com');
  expect((await browse(back.href, jar)).status).toBe(502);
  expect(at.faults).toHaveLength(1);
  await linkFor(at, alice);
});

test('an answer that does not say who gives it is taken only from a server that never says so (RFC 9207 §2.4)', async () => {
  for (const isSaid of [true, false]) {
    const provider = await startConsentProvider({
      registers: true,
      metadata: (document) => ({ ...document, authorization_response_iss_parameter_supported: isSaid }),
    });
    const at = await gateway({ issuer: provider.issuer });
    const jar = new Map<string, string>();
    const page = await browse(await linkFor(at, alice), jar);
    const back = new URL((await browse(onwards(page.text), jar, `${at.origin}${callbackPath}`)).url);
    back.searchParams.delete('iss');
    expect((await browse(back.href, jar)).status).toBe(isSaid ? 502 : 200);
  }
});

test('who says no has no token', async () => {
  const { at } = await both();
  const jar = new Map<string, string>();
  const page = await browse(await linkFor(at, alice), jar);
  const state = new URL(onwards(page.text)).searchParams.get('state')!;
  const answer = await browse(
    `${at.origin}${callbackPath}?error=access_denied&state=${encodeURIComponent(state)}`,
    jar,
  );
  expect(answer.status).toBe(403);
  await linkFor(at, alice);
});

describe('a call waits for the permission of its user', () => {
  test('which another replica is given', async () => {
    const provider = await startConsentProvider({ registers: true });
    const file = join(directory, 'waited.json');
    const [one, other] = [
      await gateway({ issuer: provider.issuer }, file),
      await gateway({ issuer: provider.issuer }, file),
    ];
    const permitted = other.tokens.permitted(alice, 60_000, () => false);
    await consent(one, alice);
    await permitted;
    expect(await other.tokens.tokenOf(alice)).toBe(await one.tokens.tokenOf(alice));
  });

  test('no longer than it is told, nor when nobody waits any more', async () => {
    const { at } = await both();
    await at.tokens.permitted(alice, 10, () => false);
    await at.tokens.permitted(alice, 60_000, () => true);
    await linkFor(at, alice);
  });
});

const stores: readonly (readonly [string, () => string | Promise<string>])[] = [
  ['a file', storeFile],
  ...(hasRedis ? [['Redis', startRedis] as const] : []),
];

test.skipIf(hasRedis)('Redis: this machine has no redis-server', ({ skip }) => skip('no redis-server'));

describe('renewal', () => {
  test.each(stores)('once, by one of two replicas, and its new refresh token is kept in %s', async (_name, place) => {
    const provider = await startConsentProvider({ registers: true, ttl: 100 });
    const file = await place();
    const one = await gateway({ issuer: provider.issuer }, file);
    const other = await gateway({ issuer: provider.issuer }, file, one.origin);
    await consent(one, alice);
    const first = await one.tokens.tokenOf(alice);
    expect(await other.tokens.tokenOf(alice)).toBe(first);
    const renewals = (): number => provider.asked.filter((path) => path === 'POST /token').length - 1;
    for (const round of [1, 2]) {
      clock.ahead = round * 95_000;
      const given = await Promise.all([one, other, one, other].map(async ({ tokens }) => await tokens.tokenOf(alice)));
      expect(new Set(given).size).toBe(1);
      expect(given[0]).not.toBe(first);
      expect(renewals()).toBe(round);
    }
    clock.ahead = 0;
  });

  test('by a replica that is known there as another client', async () => {
    const provider = await startConsentProvider({ registers: true, ttl: 100 });
    const file = join(directory, 'two-clients.json');
    const one = await gateway({ issuer: provider.issuer }, file);
    const other = await gateway({ issuer: provider.issuer }, file);
    await consent(other, bob);
    await consent(one, alice);
    expect(provider.asked.filter((path) => path === 'POST /reg')).toHaveLength(2);
    // The new one is for the same resource too (RFC 8707 §2.2).
    const first = await one.tokens.tokenOf(alice);
    clock.ahead = 95_000;
    const second = await other.tokens.tokenOf(alice);
    expect(second).not.toBe(first);
    expect(await one.tokens.tokenOf(alice)).toBe(second);
    expect(await provider.holder(second)).toEqual({ account: 'alice', audience: resource });
    clock.ahead = 0;
  });

  test('a token that the upstream refuses is renewed', async () => {
    const { at } = await both();
    await consent(at, alice);
    const first = await at.tokens.tokenOf(alice);
    at.tokens.refused(alice, first);
    const second = await at.tokens.tokenOf(alice);
    expect(second).not.toBe(first);
    // A late refusal of the old one does not end the new one.
    at.tokens.refused(alice, first);
    expect(await at.tokens.tokenOf(alice)).toBe(second);
  });

  test('a token that the upstream forbids something to is renewed once it is a while old', async () => {
    const { at } = await both();
    await consent(at, alice);
    const first = await at.tokens.tokenOf(alice);
    expect(at.tokens.refused(alice, first, 30_000)).toBe(false);
    expect(await at.tokens.tokenOf(alice)).toBe(first);
    clock.ahead = 30_000;
    expect(at.tokens.refused(alice, first, 30_000)).toBe(true);
    expect(await at.tokens.tokenOf(alice)).not.toBe(first);
    clock.ahead = 0;
  });

  test('permission that was taken back is asked for again', async () => {
    const { provider, at } = await both();
    await consent(at, alice);
    const token = await at.tokens.tokenOf(alice);
    provider.revoke();
    at.tokens.refused(alice, token);
    await linkFor(at, alice);
    await linkFor(at, alice);
  });

  test('a server that does not answer is no lack of permission', async () => {
    const { provider, at } = await both();
    await consent(at, alice);
    await at.tokens.tokenOf(alice);
    const broken = await gateway({ issuer: 'http://127.0.0.1:1', resource: `${resource}2` });
    expect(provider.issuer).toBeTruthy();
    // Without a token the link is given, and the page tells that nothing can be done now.
    const page = await browse(await linkFor(broken, alice));
    expect(page.status).toBe(502);
  });
});

describe('the client', () => {
  test('that the operator has registered', async () => {
    const provider = await startConsentProvider({ registers: true });
    const answer = await fetch(`${provider.issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/callback'] }),
    });
    const { client_id: clientId, client_secret: secret } = (await answer.json()) as Record<string, string>;
    const identity = { clientId: clientId!, credential: { method: 'client_secret_basic', secret: secret! } } as const;
    const at = await gateway({ issuer: provider.issuer, identity });
    const page = await browse(await linkFor(at, alice));
    expect(new URL(onwards(page.text)).searchParams.get('client_id')).toBe(clientId);
    expect(provider.asked.filter((one) => one === 'POST /reg')).toHaveLength(1);
  });

  test('that nobody has registered, where it cannot be done, is told to the operator', async () => {
    const at = await gateway({ issuer: (await startConsentProvider()).issuer });
    expect((await browse(await linkFor(at, alice))).status).toBe(502);
    expect(String(at.faults[0])).toContain('clientId');
  });

  test('a server without PKCE is not used', async () => {
    const provider = await startConsentProvider({
      registers: true,
      metadata: ({ code_challenge_methods_supported: _methods, ...rest }) => rest,
    });
    const at = await gateway({ issuer: provider.issuer });
    expect((await browse(await linkFor(at, alice))).status).toBe(502);
    expect(String(at.faults[0])).toContain('PKCE');
  });

  test('a server that has PKCE and does not say so is used where the operator says it; one that says otherwise is not', async () => {
    for (const [methods, isUsed] of [
      [undefined, true],
      [['plain'], false],
    ] as const) {
      const provider = await startConsentProvider({
        registers: true,
        metadata: (document) => ({ ...document, code_challenge_methods_supported: methods }),
      });
      const at = await gateway({ issuer: provider.issuer, assumesPkce: true });
      const page = await browse(await linkFor(at, alice));
      expect(page.status).toBe(isUsed ? 200 : 502);
    }
  });

  test('a server that refuses "resource" is asked without, and with "audience" where it wants that', async () => {
    const provider = await startConsentProvider({ registers: true });
    const at = await gateway({
      issuer: provider.issuer,
      omitsResource: true,
      audience: 'https://api.example.com/',
      scopes: ['openid'],
    });
    const jar = new Map<string, string>();
    const page = await browse(await linkFor(at, alice), jar);
    const asked = new URL(onwards(page.text)).searchParams;
    expect([asked.has('resource'), asked.get('audience')]).toEqual([false, 'https://api.example.com/']);
    expect((await browse(onwards(page.text), jar)).status).toBe(200);
    const token = await at.tokens.tokenOf(alice);
    expect((await provider.holder(token))?.audience).toBeUndefined();
    at.tokens.refused(alice, token);
    expect((await provider.holder(await at.tokens.tokenOf(alice)))?.account).toBe('alice');
  });

  test('is told by a document of its own where the server takes that, over https', async () => {
    let at: Gateway | undefined;
    const provider = await startConsentProvider({
      registers: true,
      documents: (id) => id.replace('https://gw.example.com', at!.local),
    });
    at = await gateway({ issuer: provider.issuer }, undefined, 'https://gw.example.com');
    const done = await consent(at, alice);
    expect([done.status, at.faults]).toEqual([200, []]);
    expect(provider.asked).toContain(`document https://gw.example.com${clientDocumentPath}`);
    expect(provider.asked).not.toContain('POST /reg');
    const token = await at.tokens.tokenOf(alice);
    expect(await provider.holder(token)).toEqual({ account: 'alice', audience: resource });
    // It renews by the same name.
    at.tokens.refused(alice, token);
    expect(await provider.holder(await at.tokens.tokenOf(alice))).toEqual({ account: 'alice', audience: resource });
  });

  test('registers itself where the server takes documents, but the gateway has no https', async () => {
    const provider = await startConsentProvider({ registers: true, documents: (id) => id });
    const at = await gateway({ issuer: provider.issuer });
    expect((await consent(at, alice)).status).toBe(200);
    expect(provider.asked).toContain('POST /reg');
  });

  test('serves that document', async () => {
    const { at } = await both();
    const answer = await fetch(`${at.origin}/.manifold/oauth/client.json`);
    expect(await answer.json()).toEqual(clientDocument(at.origin));
    expect((await fetch(`${at.origin}/.manifold/oauth/else`)).status).toBe(404);
    expect((await fetch(`${at.origin}${callbackPath}`, { method: 'POST' })).status).toBe(404);
  });
});
