/** The text that `manifold run` prints at the start: the endpoint, each upstream with its offer, and how to use the gateway. */
import { setTimeout as sleep } from 'node:timers/promises';
import { routeKey, type RouteConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { Client } from '../clients/client.ts';
import { greetingMs } from '../transport/http/limits.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { RouteParts } from '../route/route.ts';
import type { RouteTable } from '../route/table.ts';
import { nobody } from '../transport/http/caller.ts';
import { columns, firstLine } from './columns.ts';

interface Row {
  readonly name: string;
  readonly state: string;
  readonly tools: number;
}

/** The state of a bridged server, by route and upstream name; undefined if it is not known here. */
export type StateOf = (
  route: string,
  name: string,
) => { readonly phase: string; readonly ms: number; readonly said: string | undefined } | undefined;

/** Maximum wait of the greeting for a server that is starting, in ms, and the maximum length of its state text. */
const startingMs = 10_000;
const maxSaidChars = 60;
const lookAgainMs = 200;
const joinsLater = 'joins by itself when it answers';

/** Contacts every upstream once, like a client with its own session, and ends that session afterwards. */
async function survey(parts: RouteParts, stateOf: StateOf): Promise<Row[]> {
  const client = parts.clients.observer();
  const rows = await Promise.all(
    parts.upstreams.all.map(async (upstream) => {
      const starting = await started(parts, client, upstream, stateOf);
      if (starting !== undefined) return starting;
      return await Promise.race([
        look(parts, client, upstream),
        pause(greetingMs, rowOf(upstream, 'slow', 'has not answered yet')),
      ]);
    }),
  );
  await Promise.allSettled(client.sessions.release().map((session) => parts.adapter.end({ session, caller: nobody })));
  return rows;
}

/** Waits while a server is starting. Returns the row of a server that is still starting after that, or does not answer. */
async function started(
  parts: RouteParts,
  client: Client,
  upstream: Upstream,
  stateOf: StateOf,
): Promise<Row | undefined> {
  const state = (): ReturnType<StateOf> => stateOf(routeKey(parts.config), upstream.config.name);
  const deadline = performance.now() + startingMs;
  for (;;) {
    const contact = await contactOf(parts, client, upstream, state);
    if (contact === 'settled') return undefined;
    if (contact === 'slow') return rowOf(upstream, 'slow', 'has not answered yet');
    if (contact === 'down') return rowOf(upstream, 'down', joinsLater);
    if (performance.now() >= deadline) break;
    await sleep(lookAgainMs);
  }
  const said = firstLine(state()?.said ?? '', maxSaidChars);
  return rowOf(upstream, 'starting', `joins by itself when it is ready${said === '' ? '' : `: ${said}`}`);
}

/** The first contact starts the server. The server, or the bridge, says that it is still starting. */
async function contactOf(
  { lists }: RouteParts,
  client: Client,
  upstream: Upstream,
  state: () => ReturnType<StateOf>,
): Promise<'starting' | 'slow' | 'down' | 'settled'> {
  const phase = state()?.phase;
  if (phase === 'starting') return 'starting';
  if (phase === 'ready' || phase === 'failed') return 'settled';
  const tried = lists.count(client, upstream, 'tools').then(
    () => 'settled' as const,
    (fault: unknown) => {
      const isSaid = fault instanceof GatewayError && fault.code === 'upstream_starting';
      return isSaid || state()?.phase === 'starting' ? ('starting' as const) : ('down' as const);
    },
  );
  return await Promise.race([tried, pause(greetingMs, 'slow' as const)]);
}

async function look({ lists }: RouteParts, client: Client, upstream: Upstream): Promise<Row> {
  try {
    const tools = await lists.count(client, upstream, 'tools');
    const offers = [
      counted(tools, 'tool'),
      counted(await lists.count(client, upstream, 'prompts'), 'prompt'),
      counted(await lists.count(client, upstream, 'resources'), 'resource'),
    ];
    return rowOf(upstream, 'up', offers.join(', '), tools);
  } catch {
    return rowOf(upstream, 'down', joinsLater);
  }
}

function rowOf({ config, bridged }: Upstream, state: string, text: string, tools = 0): Row {
  const kind = bridged && config.transport.kind === 'http' ? 'sse' : config.transport.kind;
  return { name: config.id, state: `${state.padEnd(4)}  ${kind.padEnd(5)}  ${text}`, tools };
}

function pause<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => void setTimeout(() => resolve(value), ms).unref());
}

/**
 * Resolves when all upstreams of all routes have answered or failed, or after a limit; the others are shown as starting.
 * `originOf`: the origin of a route.
 */
export async function greeting(
  originOf: (route: RouteConfig) => string,
  { routes }: RouteTable,
  version: string,
  stateOf: StateOf = () => undefined,
): Promise<string> {
  const texts = routes.map((route) =>
    greetingOf(`${originOf(route.config)}${route.config.path}`, route.parts, version, stateOf),
  );
  return (await Promise.all(texts)).join('');
}

async function greetingOf(endpoint: string, parts: RouteParts, version: string, stateOf: StateOf): Promise<string> {
  const rows = await survey(parts, stateOf);
  const tools = rows.reduce((sum, row) => sum + row.tools, 0);
  return [
    `Manifold ${version} serves ${endpoint}`,
    '',
    ...columns(rows.map(({ name, state }) => [name, state])).map((line) => `  ${line}`),
    '',
    `${counted(tools, 'tool')} in all. \`manifold tools ${endpoint}\` lists them.`,
    '',
    'Add it to Claude Code:',
    `  claude mcp add --transport http manifold ${endpoint}`,
    'Add it to Goose:',
    `  goose session --with-streamable-http-extension ${endpoint}`,
    '',
    '',
  ].join('\n');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
