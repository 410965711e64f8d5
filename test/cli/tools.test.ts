/** `manifold tools`: what a client sees of a gateway, and one line when it sees nothing. */
import { afterEach, describe, expect, test } from 'vitest';
import { tools } from '../../src/cli/tools.ts';
import type { RawServer } from '../support/raw-server.ts';
import { startRawServer } from '../support/raw-server.ts';
import { startStatefulServer } from '../support/stateful-server.ts';
import { startStatelessServer } from '../support/stateless-server.ts';
import { recordingIo } from './recording-io.ts';

let close: () => Promise<void> = async () => {};
afterEach(() => close());

const offered = [
  { name: 'notes__add', description: 'Adds a note.\nIn full: adds a note.' },
  { name: 'git__log', description: 'Shows the log' },
  { name: 'notes__find__all' },
  { name: 'bare', description: 'Has no prefix' },
];

/** A server that answers `initialize` and then what `answers` holds by method. */
async function startAnswering(answers: Readonly<Record<string, unknown>>): Promise<RawServer> {
  const server = await startRawServer(({ method, json }, response) => {
    const { id, method: called } = (json ?? {}) as { id?: number; method?: string };
    if (method !== 'POST') return void response.writeHead(405).end();
    if (id === undefined) return void response.writeHead(202).end();
    const initialized = {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'raw', version: '1' },
    };
    const result = called === 'initialize' ? initialized : answers[called ?? ''];
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
  close = () => server.close();
  return server;
}

describe('a gateway that answers', () => {
  test('has its tools listed by upstream, with the first line of what they do, from all pages', async () => {
    const server = await startStatefulServer({ name: 'manifold', version: '0.1.0', tools: offered, pageSize: 3 });
    close = () => server.close();
    const io = recordingIo();
    expect(await tools({ url: `${server.url}?key=hunter2`, headers: [], json: false }, io)).toBe(0);
    expect(io.said()).toEqual({
      out: [
        `${server.url}: manifold 0.1.0`,
        '',
        'notes (2 tools)',
        '  notes__add        Adds a note.',
        '  notes__find__all',
        '',
        'git (1 tool)',
        '  git__log  Shows the log',
        '',
        '(without a prefix) (1 tool)',
        '  bare  Has no prefix',
        '',
        '4 tools, 1 prompt, 2 resources, 1 resource template',
        '',
      ].join('\n'),
      err: '',
    });
    expect(server.sessionIds()).toEqual([]);
  });

  test('has them as JSON, descriptions whole', async () => {
    const server = await startStatelessServer({ name: 'manifold', version: '0.1.0', tools: offered.slice(0, 1) });
    close = () => server.close();
    const io = recordingIo();
    expect(await tools({ url: server.url, headers: [], json: true }, io)).toBe(0);
    expect(JSON.parse(io.said().out)).toEqual({
      url: server.url,
      server: 'manifold',
      version: '0.1.0',
      upstreams: [{ id: 'notes', tools: [{ name: 'notes__add', description: 'Adds a note.\nIn full: adds a note.' }] }],
      prompts: 1,
      resources: 2,
      resourceTemplates: 1,
      missing: [],
    });
  });

  test('has the servers named that it is without', async () => {
    const server = await startAnswering({
      'tools/list': { tools: offered.slice(0, 1), _meta: { 'mcp-manifold/missing': ['git', 'docs'] } },
    });
    const io = recordingIo();
    expect(await tools({ url: server.url, headers: [], json: false }, io)).toBe(0);
    expect(io.said().out).toContain('\nMissing, as they do not answer: git, docs\n');
    const json = recordingIo();
    expect(await tools({ url: server.url, headers: [], json: true }, json)).toBe(0);
    expect(JSON.parse(json.said().out)).toMatchObject({ missing: ['git', 'docs'] });
  });

  test('gets the headers that were given', async () => {
    const server = await startStatelessServer({ name: 'manifold', tools: [] });
    close = () => server.close();
    expect(await tools({ url: server.url, headers: [['X-Tenant', 'seven']], json: false }, recordingIo())).toBe(0);
    expect(new Set(server.requests.map(({ headers }) => headers['x-tenant']))).toEqual(new Set(['seven']));
  });

  test('cannot move the cursor or colour the screen with what it says', async () => {
    const server = await startAnswering({
      'tools/list': {
        tools: [{ name: 'a__\u001B[31mb', description: '\u001B]0;owned\u0007 x\u202Ey\rz' }, { odd: true }],
      },
    });
    const io = recordingIo();
    expect(await tools({ url: server.url, headers: [], json: false }, io)).toBe(0);
    expect(io.said().out).toContain('  a__ [31mb  ]0;owned  x y\n');
    expect(
      io
        .said()
        .out.split('')
        .filter((c) => c < ' ' && c !== '\n'),
    ).toEqual([]);
  });

  test('that gives pages without end is given up', async () => {
    const server = await startAnswering({ 'tools/list': { tools: [], nextCursor: 'again' } });
    const io = recordingIo();
    expect(await tools({ url: server.url, headers: [], json: false }, io)).toBe(1);
    expect(io.said().err).toBe(`manifold tools: ${server.url}: tools/list does not end\n`);
  });
});

describe('a gateway that does not answer', () => {
  test('is told with the reason behind "fetch failed"', async () => {
    const io = recordingIo();
    // A port that no fetch goes to (https://fetch.spec.whatwg.org/#port-blocking).
    expect(await tools({ url: 'http://127.0.0.1:1/mcp', headers: [], json: false }, io)).toBe(1);
    expect(io.said().err).toBe('manifold tools: http://127.0.0.1:1/mcp: bad port\n');
  });

  test('is told in one line when nothing listens', async () => {
    const server = await startRawServer(() => {});
    await server.close();
    const io = recordingIo();
    expect(await tools({ url: server.url, headers: [], json: false }, io)).toBe(1);
    expect(io.said()).toEqual({
      out: '',
      err: `manifold tools: ${server.url}: nothing listens there; is the gateway running?\n`,
    });
  });

  test('is told in one line when it wants credentials, or is no MCP endpoint', async () => {
    for (const [status, reason] of [
      [401, "it asks for authorization (HTTP 401): add --header 'Authorization: Bearer ${TOKEN}'"],
      [404, 'it answered HTTP 404; is it an MCP endpoint?'],
      [500, 'it answered HTTP 500; is it an MCP endpoint?'],
    ] as const) {
      const server = await startRawServer((_request, response) => void response.writeHead(status).end('a\nb'));
      close = () => server.close();
      const io = recordingIo();
      expect(await tools({ url: server.url, headers: [], json: false }, io)).toBe(1);
      expect(io.said().err).toBe(`manifold tools: ${server.url}: ${reason}\n`);
      await server.close();
    }
  });

  test('is looked for at /mcp when another path was given', async () => {
    const server = await startRawServer((_request, response) => void response.writeHead(404).end());
    close = () => server.close();
    const { origin } = new URL(server.url);
    for (const [url, hint] of [
      [origin, ` Try ${origin}/mcp`],
      [`${origin}/sse`, ` Try ${origin}/mcp`],
      [`${origin}/mcp`, ''],
    ] as const) {
      const io = recordingIo();
      expect(await tools({ url, headers: [], json: false }, io)).toBe(1);
      expect(io.said().err).toMatch(/it answered HTTP 404; is it an MCP endpoint\?/);
      expect(io.said().err.endsWith(`endpoint?${hint}\n`)).toBe(true);
    }
  });

  test('is told in one line when its answer makes no sense', async () => {
    const server = await startAnswering({ 'tools/list': { tools: 7 } });
    const io = recordingIo();
    expect(await tools({ url: server.url, headers: [], json: false }, io)).toBe(1);
    expect(io.said().err.split('\n')).toHaveLength(2);
  });
});
