/** What `manifold run` tells the person who started it: the endpoint, each upstream with what it offers, and how to use it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../errors.ts';
import { newestLegacy } from '../protocol/revisions.ts';
import type { Client } from '../clients/client.ts';
import { readHead } from '../transport/http/accept.ts';
import { greetingMs } from '../transport/http/limits.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Composed } from '../route/compose.ts';
import { columns, firstLine } from '../cli/columns.ts';

interface Row {
  readonly name: string;
  readonly state: string;
  readonly tools: number;
}

/** How far a bridged server has come, by the name of its upstream; undefined where that is not known here. */
export type StateOf = (
  name: string,
) => { readonly phase: string; readonly ms: number; readonly said: string | undefined } | undefined;

/** The greeting does not wait longer than this for a server that is starting, in ms; what it says of its start is cut here. */
const startingMs = 10_000;
const maxSaidChars = 60;
const lookAgainMs = 200;

/** Looks at every upstream once, as a client with a session of its own would, and leaves nothing behind at the upstreams. */
async function survey(composed: Composed, stateOf: StateOf): Promise<Row[]> {
  const client = observer(composed);
  const rows = await Promise.all(
    composed.upstreams.map(async (upstream) => {
      const starting = await started(composed, client, upstream, stateOf);
      if (starting !== undefined) return starting;
      return await Promise.race([
        look(composed, client, upstream),
        pause(greetingMs, rowOf(upstream, 'slow', 'has not answered yet')),
      ]);
    }),
  );
  await Promise.allSettled(client.links.release().map((link) => composed.adapter.end(link)));
  return rows;
}

/** Nobody else uses its sessions, so that it can end them. */
function observer({ clients }: Composed): Client {
  const token = clients.create({ revision: newestLegacy, capabilities: 0 }, []);
  return clients.of(readHead(['mcp-session-id', token, 'mcp-protocol-version', newestLegacy]));
}

/** Waits while a server is starting; the row of one that still is after a while, or that does not answer at all. */
async function started(
  composed: Composed,
  client: Client,
  upstream: Upstream,
  stateOf: StateOf,
): Promise<Row | undefined> {
  const { name } = upstream.config;
  const deadline = performance.now() + startingMs;
  for (;;) {
    const contact = await contactOf(composed, client, upstream, stateOf);
    if (contact === 'settled') return undefined;
    if (contact === 'slow') return rowOf(upstream, 'slow', 'has not answered yet');
    if (performance.now() >= deadline) break;
    await sleep(lookAgainMs);
  }
  const said = firstLine(stateOf(name)?.said ?? '', maxSaidChars);
  return rowOf(upstream, 'starting', `joins by itself when it is ready${said === '' ? '' : `: ${said}`}`);
}

/** The first contact starts it; its own word, or the bridge's, says that it is not there yet. */
async function contactOf(
  { lists }: Composed,
  client: Client,
  upstream: Upstream,
  stateOf: StateOf,
): Promise<'starting' | 'slow' | 'settled'> {
  const { name } = upstream.config;
  const phase = stateOf(name)?.phase;
  if (phase === 'starting') return 'starting';
  if (phase === 'ready' || phase === 'failed') return 'settled';
  const tried = lists.count(client, upstream, 'tools').then(
    () => 'settled' as const,
    (fault: unknown) => {
      const isSaid = fault instanceof GatewayError && fault.code === 'upstream_starting';
      return isSaid || stateOf(name)?.phase === 'starting' ? ('starting' as const) : ('settled' as const);
    },
  );
  return await Promise.race([tried, pause(greetingMs, 'slow' as const)]);
}

async function look({ lists }: Composed, client: Client, upstream: Upstream): Promise<Row> {
  try {
    const tools = await lists.count(client, upstream, 'tools');
    const offers = [
      counted(tools, 'tool'),
      counted(await lists.count(client, upstream, 'prompts'), 'prompt'),
      counted(await lists.count(client, upstream, 'resources'), 'resource'),
    ];
    return rowOf(upstream, 'up', offers.join(', '), tools);
  } catch {
    return rowOf(upstream, 'down', 'joins by itself when it answers');
  }
}

function rowOf({ config }: Upstream, state: string, text: string, tools = 0): Row {
  return { name: config.id, state: `${state.padEnd(4)}  ${config.transport.kind.padEnd(5)}  ${text}`, tools };
}

function pause<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => void setTimeout(() => resolve(value), ms).unref());
}

/** Resolves when all upstreams have settled, or after a while; what is still starting is said to be. */
export async function greeting(
  endpoint: string,
  composed: Composed,
  version: string,
  stateOf: StateOf = () => undefined,
): Promise<string> {
  const rows = await survey(composed, stateOf);
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
