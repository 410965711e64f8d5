/**
 * Routes that have the same names of backends, tools and resources, and the same clients, never mix: over random configurations and
 * calls in any order, every answer and every session id is of the route that was asked, and what a route shows of a backend, by
 * selectors or by conditions, is what that route was told to show.
 */
import * as fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway } from '../support/gateway-process.ts';
import { askModern } from '../support/modern-client.ts';
import { openSession, type PlainSession, type Rpc } from '../support/plain-client.ts';
import type { RawServer } from '../support/raw-server.ts';
import { resultOf, sayJson, startScripted } from '../support/scripted-upstream.ts';

const names = ['a', 'b'] as const;
const tools = ['who', 'what'] as const;
const routeCount = 3;
const runs = 3;

let directory: string;
/** By route and name. */
const servers: Record<(typeof names)[number], RawServer>[] = [];
/** Requests that carried the session id of another server. */
const strays: string[] = [];

/** Each tells which it is, and keeps sessions of its own. */
async function tagged(tag: string): Promise<RawServer> {
  return await startScripted(
    (message, response, request) => {
      const id = request.headers['mcp-session-id'];
      // Without one: the gateway asks whether it speaks 2026-07-28.
      if (id !== undefined && id !== `session-${tag}`) strays.push(`${tag} got ${String(id)}`);
      if (message.method === 'tools/list') {
        const listed = tools.map((name) => ({ name, description: `${tag}.${name}`, inputSchema: { type: 'object' } }));
        sayJson(response, resultOf(message, { tools: listed }));
      } else if (message.method === 'resources/read')
        sayJson(response, resultOf(message, { contents: [{ uri: 'x://y', text: tag }] }));
      else sayJson(response, resultOf(message, { content: [{ type: 'text', text: tag }] }));
    },
    { capabilities: { tools: {}, resources: {} }, sessionId: `session-${tag}` },
  );
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'apart-'));
  for (let route = 0; route < routeCount; route++)
    servers.push({ a: await tagged(`${route}a`), b: await tagged(`${route}b`) });
});
afterAll(() => rm(directory, { recursive: true }));

/** How one route is told from the others, and which backends it has. */
interface Shape {
  readonly by: 'path' | 'header' | 'host';
  readonly backends: readonly (typeof names)[number][];
  /** It names all backends, and a condition leaves these. */
  readonly isSelected: boolean;
  readonly tools: readonly (typeof tools)[number][];
  /** How the tools are chosen. */
  readonly how: 'include' | 'includeRegex' | 'exclude' | 'excludeRegex' | 'condition';
}

interface Step {
  readonly route: number;
  readonly client: number;
  readonly name: (typeof names)[number];
  readonly tool: (typeof tools)[number];
  readonly method: 'tools/call' | 'resources/read' | 'tools/list' | 'modern';
}

function hostOf(route: number): string {
  return `r${route}.example.com`;
}

function toolSelector({ how, tools: shown }: Shape): string {
  const hidden = tools.filter((one) => !shown.includes(one));
  switch (how) {
    case 'include':
      return `toolSelector: { include: [${shown.join()}] }`;
    case 'includeRegex':
      return `toolSelector: { includeRegex: ["^(?:${shown.join('|')})$"] }`;
    case 'exclude':
      return `toolSelector: { exclude: [${hidden.join()}] }`;
    case 'excludeRegex':
      return `toolSelector: { excludeRegex: [${hidden.map((one) => `"^${one}$"`).join()}] }`;
    case 'condition':
      return '';
  }
}

function quoted(of: readonly string[]): string {
  return `[${of.map((one) => `"${one}"`).join()}]`;
}

function rule(cel: string): string {
  return `{ rules: [{ cel: '${cel}' }] }`;
}

function rulesOf({ how, tools: shown, isSelected, backends }: Shape): string {
  return [
    how === 'condition'
      ? `  securityPolicy: { authorization: ${rule(`request.mcp.kind != "tool" || request.mcp.tool in ${quoted(shown)}`)} }`
      : '',
    isSelected ? `  backendSelector: ${rule(`request.mcp.backend in ${quoted(backends)}`)}` : '',
  ].join('\n');
}

function yamlOf(shapes: readonly Shape[]): string {
  return shapes
    .flatMap((shape, route) => [
      `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: MCPRoute
metadata: { name: r, namespace: n${route} }
spec:
  parentRefs: [{ name: g }]
  path: ${shape.by === 'path' ? `/r${route}` : '/mcp'}
  hostnames: [${shape.by === 'host' ? hostOf(route) : ''}]
  headers: [${shape.by === 'header' ? `{ name: x-route, value: "${route}" }` : ''}]
${rulesOf(shape)}
  backendRefs: [${(shape.isSelected ? names : shape.backends).map((name) => `{ name: ${name}, kind: Backend, group: gateway.envoyproxy.io, ${toolSelector(shape)} }`).join(', ')}]`,
      ...names.map(
        (name) => `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: ${name}, namespace: n${route} }
spec: { endpoints: [{ ip: { address: 127.0.0.1, port: ${servers[route]![name].port} } }] }`,
      ),
    ])
    .join('\n---\n');
}

const aShape = fc.record({
  by: fc.constantFrom('path' as const, 'header' as const, 'host' as const),
  backends: fc.subarray([...names], { minLength: 1 }),
  isSelected: fc.boolean(),
  tools: fc.subarray([...tools], { minLength: 1 }),
  how: fc.constantFrom(
    'include' as const,
    'includeRegex' as const,
    'exclude' as const,
    'excludeRegex' as const,
    'condition' as const,
  ),
});
const aStep = fc.record({
  route: fc.nat(routeCount - 1),
  client: fc.nat(1),
  name: fc.constantFrom(...names),
  tool: fc.constantFrom(...tools),
  method: fc.constantFrom('tools/call' as const, 'resources/read' as const, 'tools/list' as const, 'modern' as const),
});

test('whatever routes share, an answer is of the route that was asked', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(aShape, { minLength: routeCount, maxLength: routeCount }),
      fc.array(aStep, { minLength: 30, maxLength: 40 }),
      async (shapes, steps) => {
        const file = join(directory, 'routes.yaml');
        await writeFile(file, yamlOf(shapes));
        const gateway = await startGateway({
          args: [file],
          path: (path) => path === '/mcp' || (path.startsWith('/r') && path !== '/readyz'),
        });
        const { origin } = new URL(gateway.url);
        const urlOf = (route: number): string => `${origin}${shapes[route]!.by === 'path' ? `/r${route}` : '/mcp'}`;
        const sessions: PlainSession[][] = [];
        for (let route = 0; route < routeCount; route++) {
          const opening = { headers: headersOf(shapes, route) };
          sessions.push([await openSession(urlOf(route), opening), await openSession(urlOf(route), opening)]);
        }
        const took = async (step: Step): Promise<void> => {
          const { route, client, name, tool, method } = step;
          const shape = shapes[route]!;
          const has = shape.backends.includes(name);
          const said = await ask(urlOf(route), headersOf(shapes, route), sessions[route]![client]!, step);
          // One that the route has not may be answered by its only backend, and never by that of another route.
          expect(said.filter((tag) => !tag.startsWith(String(route)))).toEqual([]);
          if (method === 'tools/list')
            expect(said).toEqual(
              shape.backends.flatMap((one) => shape.tools.map((shown) => `${route}${one}.${shown}`)),
            );
          else if (method !== 'resources/read' && !shape.tools.includes(tool)) expect(said).toEqual([]);
          else if (has) expect(said).toEqual([`${route}${name}`]);
        };
        await Promise.all(steps.map(took));
        // A token is worthless on every other route.
        for (let route = 0; route < routeCount; route++) {
          const other = (route + 1) % routeCount;
          const stolen = sessions[route]![0]!.at(urlOf(other));
          const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
          expect((await stolen.post(body, ...headersOf(shapes, other))).status).toBe(404);
        }
        expect(strays).toEqual([]);
        await gateway.kill();
      },
    ),
    // Each run starts a gateway, so a failing one is not made smaller.
    { numRuns: runs, endOnFailure: true },
  );
}, 180_000);

/** What leads to the route. */
function headersOf(shapes: readonly Shape[], route: number): string[] {
  return ['X-Route', String(route), ...(shapes[route]!.by === 'host' ? ['Host', hostOf(route)] : [])];
}

/** The tags in an answer. */
async function ask(
  url: string,
  header: readonly string[],
  session: PlainSession,
  { name, tool, method }: Step,
): Promise<string[]> {
  let rpc: Rpc;
  if (method === 'modern') {
    const params = { name: `${name}__${tool}`, arguments: {} };
    const headers = Object.fromEntries(header.flatMap((one, i) => (i % 2 === 0 ? [[one, header[i + 1]!]] : [])));
    ({ rpc } = await askModern(url, 'tools/call', { params, headers }));
  } else if (method === 'tools/call') rpc = await session.ask(method, { name: `${name}__${tool}` }, ...header);
  else if (method === 'resources/read') rpc = await session.ask(method, { uri: `${name}+x://y` }, ...header);
  else rpc = await session.ask(method, {}, ...header);
  return [...JSON.stringify(rpc.result ?? {}).matchAll(/"(?:text|description)":"(\d[ab](?:\.\w+)?)"/g)].map(
    ([, tag]) => tag!,
  );
}
