/** What `manifold run` tells the person who started it: the endpoint, each upstream with what it offers, and how to use it. */
import type { Client } from '../clients/client.ts';
import { greetingMs } from '../transport/http/limits.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { RouteParts } from '../route/route.ts';
import type { RouteTable } from '../route/table.ts';
import { nobody } from '../transport/http/caller.ts';
import { columns } from './columns.ts';

interface Row {
  readonly name: string;
  readonly state: string;
  readonly tools: number;
}

/** Looks at every upstream once, as a client without a session would, and leaves no session behind. */
async function survey(parts: RouteParts): Promise<Row[]> {
  const client = parts.clients.observer();
  const rows = await Promise.all(
    parts.upstreams.all.map((upstream) =>
      Promise.race([look(parts, client, upstream), pause(greetingMs, rowOf(upstream, 'slow', 'has not answered yet'))]),
    ),
  );
  await Promise.allSettled(client.sessions.release().map((session) => parts.adapter.end({ session, caller: nobody })));
  return rows;
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
    return rowOf(upstream, 'down', 'joins by itself when it answers');
  }
}

function rowOf({ config }: Upstream, state: string, text: string, tools = 0): Row {
  return { name: config.id, state: `${state.padEnd(4)}  ${config.transport.kind.padEnd(5)}  ${text}`, tools };
}

function pause<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => void setTimeout(() => resolve(value), ms).unref());
}

/** `origin`: where the process listens. */
export async function greeting(origin: string, { routes }: RouteTable, version: string): Promise<string> {
  const texts = await Promise.all(
    routes.map((route) => greetingOf(`${origin}${route.config.path}`, route.parts, version)),
  );
  return texts.join('');
}

async function greetingOf(endpoint: string, parts: RouteParts, version: string): Promise<string> {
  const rows = await survey(parts);
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
