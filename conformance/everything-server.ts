/**
 * An MCP server that offers everything the official conformance suite asks for by name, in both eras on one endpoint, built
 * on the official SDK. The suite runs straight at it for the baseline, and at the gateway in front of it for the result.
 *
 *     node conformance/everything-server.ts [--port 3000] [--era both|legacy|modern]
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import type { ServerCapabilities } from '@modelcontextprotocol/server';
import { McpServer, createMcpHandler, createRequestStateCodec, isLegacyRequest } from '@modelcontextprotocol/server';
import { offerContentTools } from './everything/content-tools.ts';
import { offerInputTools } from './everything/input-tools.ts';
import { offerPrompts } from './everything/prompts.ts';
import { acceptSubscriptions, offerResources } from './everything/resources.ts';
import type { RoundState } from './everything/round-trip-tools.ts';
import { offerRoundTripTools } from './everything/round-trip-tools.ts';
import { sessionsOf } from './everything/sessions.ts';
import type { Announcements } from './everything/stream-tools.ts';
import { offerStreamTools } from './everything/stream-tools.ts';
import { offerTaskTools, tasksExtension, withTasks } from './everything/tasks.ts';

const { values: flags } = parseArgs({
  options: { port: { type: 'string', default: '3000' }, era: { type: 'string', default: 'both' } },
});
if (!['both', 'legacy', 'modern'].includes(flags.era))
  throw new Error(`--era is both, legacy or modern, not ${flags.era}`);

const states = createRequestStateCodec<RoundState>({ key: randomBytes(32) });

const sessions = sessionsOf(() => {
  const server = everything({
    toolsChanged: () => sessions.servers.forEach((each) => each.sendToolListChanged()),
    promptsChanged: () => sessions.servers.forEach((each) => each.sendPromptListChanged()),
  });
  acceptSubscriptions(server);
  return server;
});
const modern = createMcpHandler(
  () => {
    const server = everything(modern.notify, { extensions: { [tasksExtension]: {} } });
    offerTaskTools(server);
    return server;
  },
  { legacy: 'reject' },
);
const modernFetch = withTasks((request) => modern.fetch(request));

function everything(announcements: Announcements, more: ServerCapabilities = {}): McpServer {
  const server = new McpServer(
    { name: 'everything', version: '1.0.0' },
    {
      instructions: 'Serves the official conformance suite.',
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
        ...more,
      },
      cacheHints: { 'tools/list': { ttlMs: 1000, cacheScope: 'public' } },
      requestState: { verify: (state, context) => states.verify(state, context) },
    },
  );
  offerContentTools(server);
  offerStreamTools(server, announcements);
  offerInputTools(server);
  offerRoundTripTools(server, states);
  offerPrompts(server);
  offerResources(server);
  return server;
}

const serve = toNodeHandler({
  fetch: async (request) => {
    if (flags.era === 'modern') return modernFetch(request);
    return flags.era === 'legacy' || (await isLegacyRequest(request)) ? sessions.fetch(request) : modernFetch(request);
  },
});
const isHostAllowed = localhostHostValidation();
const isOriginAllowed = localhostOriginValidation();

const listener = createServer((incoming, response) => {
  // A request that a server reads has both; Node's type covers the client's side as well.
  const request = incoming as IncomingMessage & { method: string; url: string };
  if (!isHostAllowed(request, response) || !isOriginAllowed(request, response)) return;
  serve(request, response).catch((fault: unknown) => {
    console.error(fault);
    response.destroy();
  });
});
listener.listen(Number(flags.port), '127.0.0.1', () => {
  console.log(`everything-server (${flags.era}) on http://localhost:${(listener.address() as AddressInfo).port}/mcp`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
