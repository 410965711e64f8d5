/** What `manifold run` tells the person who started it: the endpoint, each upstream with what it offers, and how to use it. */
import { newestLegacy } from '../protocol/revisions.ts';
import { Client } from '../transport/client.ts';
import type { Composed } from './compose.ts';
import { columns } from './columns.ts';

interface Row {
  readonly name: string;
  readonly state: string;
  readonly tools: number;
}

/** Looks at every upstream once, as a client without a session would, and leaves no session behind. */
async function survey({ upstreams, clients, lists, adapter }: Composed): Promise<Row[]> {
  const client: Client = clients.shared(newestLegacy);
  const rows = await Promise.all(
    upstreams.map(async (upstream): Promise<Row> => {
      const { id: name, transport } = upstream.config;
      try {
        const tools = await lists.count(client, upstream, 'tools');
        const offers = [
          counted(tools, 'tool'),
          counted(await lists.count(client, upstream, 'prompts'), 'prompt'),
          counted(await lists.count(client, upstream, 'resources'), 'resource'),
        ];
        return { name, state: `up    ${transport.kind.padEnd(5)}  ${offers.join(', ')}`, tools };
      } catch {
        return { name, state: `down  ${transport.kind.padEnd(5)}  joins by itself when it answers`, tools: 0 };
      }
    }),
  );
  await Promise.allSettled(client.links.release().map((link) => adapter.end(link)));
  return rows;
}

export async function greeting(endpoint: string, composed: Composed, version: string): Promise<string> {
  const rows = await survey(composed);
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
