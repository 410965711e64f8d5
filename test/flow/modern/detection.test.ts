/** Which era an upstream is spoken to in when it fails, is silent or changes its mind (2026-07-28 basic/versioning). */
import type { ServerResponse } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../../support/gateway-process.ts';
import { askModern } from '../../support/modern-client.ts';
import { completed, sayError } from '../../support/modern-upstream.ts';
import type { Rpc } from '../../support/plain-client.ts';
import { openSession } from '../../support/plain-client.ts';
import type { RawServer } from '../../support/raw-server.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { resultOf, sayJson, scripted } from '../../support/scripted-upstream.ts';

type Answer = (message: Rpc, response: ServerResponse) => void;

/** How an upstream answers in each era; both can be changed. */
interface Speaking {
  discover: Answer;
  modernCall: Answer;
  initialize: 'answers' | Answer;
}

interface Upstream extends Speaking {
  readonly server: RawServer;
  /** How often a method has arrived, in either era. */
  count(method: string): number;
}

const silent: Answer = () => {};
const status =
  (code: number): Answer =>
  (_message, response) =>
    void response.writeHead(code).end();
const era = (name: string): object => ({ content: [{ type: 'text', text: name }] });
const isModern: Answer = (message, response) => sayJson(response, completed(message, era('modern')));
const discovers: Answer = (message, response) =>
  sayJson(
    response,
    completed(message, {
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      ttlMs: 0,
      cacheScope: 'private',
    }),
  );
const refusesRevision =
  (supported: unknown): Answer =>
  (message, response) =>
    sayError(response, message, 400, { code: -32_022, message: 'no', data: { supported, requested: '2026-07-28' } });

const late: Answer = (message, response) =>
  void setTimeout(() => {
    response.setHeader('mcp-session-id', 's1');
    sayJson(response, resultOf(message, { protocolVersion: '2025-11-25', capabilities: { tools: {} } }));
  }, 1_300);
const others: Answer = (message, response) =>
  sayJson(response, completed(message, { supportedVersions: ['2027-01-01', '2025-06-18'], capabilities: {} }));

const keepsSessions = scripted(
  (message, response) => sayJson(response, resultOf(message, { ...era('legacy'), tools: [] })),
  { sessionId: 's1' },
);

async function speaking(how: Speaking): Promise<Upstream> {
  const upstream: Upstream = {
    ...how,
    server: await startRawServer(async (request, response) => {
      const message = (request.json ?? {}) as Rpc;
      if (message.method === 'server/discover') upstream.discover(message, response);
      else if (request.headers['mcp-method'] !== undefined) upstream.modernCall(message, response);
      else if (message.method === 'initialize' && upstream.initialize !== 'answers')
        upstream.initialize(message, response);
      else await keepsSessions(request, response);
    }),
    count: (method) =>
      upstream.server.requests.filter(({ json }) => (json as Rpc | undefined)?.method === method).length,
  };
  return upstream;
}

const answers = 'answers';
/** What each upstream does at first, by its name. No test uses that of another. */
const kinds = {
  discover_silent: { discover: silent, modernCall: isModern, initialize: answers },
  discover_503: { discover: status(503), modernCall: isModern, initialize: answers },
  initialize_silent: { discover: discovers, modernCall: isModern, initialize: silent },
  initialize_503: { discover: discovers, modernCall: isModern, initialize: status(503) },
  both: { discover: discovers, modernCall: isModern, initialize: late },
  discover_401: { discover: status(401), modernCall: isModern, initialize: answers },
  discover_403: { discover: status(403), modernCall: isModern, initialize: answers },
  both_503: { discover: discovers, modernCall: isModern, initialize: answers },
  both_404: { discover: discovers, modernCall: isModern, initialize: answers },
  both_silence: { discover: discovers, modernCall: isModern, initialize: answers },
  alone_503: { discover: discovers, modernCall: isModern, initialize: status(400) },
  alone_404: { discover: discovers, modernCall: isModern, initialize: status(400) },
  alone_silence: { discover: discovers, modernCall: isModern, initialize: status(400) },
  turning: { discover: discovers, modernCall: isModern, initialize: status(400) },
  refusing: { discover: discovers, modernCall: refusesRevision(['2026-07-28']), initialize: status(400) },
  other_revisions: { discover: others, modernCall: isModern, initialize: answers },
  replaced: { discover: status(400), modernCall: isModern, initialize: answers },
} as const satisfies Record<string, Speaking>;

type Name = keyof typeof kinds;
let upstreams: Readonly<Record<Name, Upstream>>;
let url: string;

beforeAll(async () => {
  const started = await Promise.all(
    Object.entries(kinds).map(async ([name, how]) => [name, await speaking(how)] as const),
  );
  upstreams = Object.fromEntries(started) as Record<Name, Upstream>;
  const mcpServers = Object.fromEntries(started.map(([name, { server }]) => [name, { url: server.url }]));
  ({ url } = await startGateway({ config: { mcpServers }, args: ['--init-timeout', '2s'], admin: false }));
});

/** The era that a call of a modern client was answered in, or the code of its error. */
async function called(name: Name, capabilities: object = {}): Promise<unknown> {
  const { rpc } = await askModern(url, 'tools/call', { params: { name: `${name}__x` }, capabilities });
  return rpc.error?.code ?? ((rpc.result?.['content'] ?? []) as { text: string }[])[0]?.text;
}

/** The same of a client with a session. */
async function calledInSession(name: Name): Promise<unknown> {
  const { result, error } = await (await openSession(url)).ask('tools/call', { name: `${name}__x` });
  return error?.code ?? ((result?.['content'] ?? []) as { text: string }[])[0]?.text;
}

describe('silence and faults are no evidence of an era', () => {
  for (const what of ['silent', '503'] as const) {
    test(`an upstream whose answer to server/discover is ${what} is spoken to in the other era, for as long as it is`, async () => {
      const name = `discover_${what}` as const;
      expect(await called(name)).toBe('legacy');
      upstreams[name].discover = discovers;
      // A client with other capabilities has an upstream session of its own.
      expect(await called(name, { roots: {} })).toBe('modern');
    });

    test(`an upstream whose answer to initialize is ${what} is spoken to in the other era`, async () => {
      expect(await calledInSession(`initialize_${what}`)).toBe('modern');
    });
  }

  test('of two openings that both come to something one is used and the other ended', async () => {
    expect(await calledInSession('both')).toBe('modern');
    await expect
      .poll(() => upstreams.both.server.requests.filter(({ method }) => method === 'DELETE').length)
      .toBeGreaterThan(0);
  });

  for (const code of [401, 403] as const) {
    test(`nor is ${code}, and it is not tried in the other era`, async () => {
      const name = `discover_${code}` as const;
      const before = upstreams[name].count('initialize');
      expect(await called(name)).toBe(-32603);
      expect(upstreams[name].count('initialize')).toBe(before);
    });
  }
});

describe('an upstream that has proved to be modern', () => {
  for (const [what, failing] of [
    ['503', status(503)],
    ['404', status(404)],
    ['silence', silent],
  ] as const) {
    for (const speaks of ['both', 'alone'] as const) {
      const shown = speaks === 'both' ? 'both eras' : 'this one alone';
      test(`and speaks ${shown} is not taken for an older one after ${what}`, async () => {
        const name = `${speaks}_${what}` as const;
        expect(await called(name)).toBe('modern');
        const modernCall = refusesRevision(['2026-07-28']);
        Object.assign(upstreams[name], { discover: failing, modernCall, initialize: answers });
        const before = upstreams[name].count('initialize');
        expect(await called(name)).toBe(-32603);
        expect(upstreams[name].count('initialize')).toBe(before);
      });
    }
  }

  test('and says that it speaks revisions with sessions alone is spoken to in those, within the same call', async () => {
    expect(await called('turning')).toBe('modern');
    const refuses = refusesRevision(['2025-11-25']);
    Object.assign(upstreams.turning, { discover: refuses, modernCall: refuses, initialize: answers });
    expect(await called('turning')).toBe('legacy');
  });

  test('and refuses its revision at each call is asked twice, and no more', async () => {
    const before = upstreams.refusing.count('tools/call');
    expect(await called('refusing')).toBe(-32603);
    expect(upstreams.refusing.count('tools/call')).toBe(before + 2);
  });
});

test('a discover result that names other revisions alone does not prove that this one is spoken', async () => {
  expect(await called('other_revisions')).toBe('legacy');
});

test('an upstream that was of the session era and is replaced by one of 2026-07-28 is spoken to in that', async () => {
  expect(await called('replaced')).toBe('legacy');
  Object.assign(upstreams.replaced, { discover: discovers, initialize: status(400) });
  expect(await called('replaced', { roots: {} })).toBe('modern');
});
