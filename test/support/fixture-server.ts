/** One SDK `Server` that offers a fixture: the part that the sessionful and the sessionless server of the kit share. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { CallToolResult, LoggingLevel, ServerCapabilities, Tool } from '@modelcontextprotocol/sdk/types.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  LoggingLevelSchema,
  McpError,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Fixture, FixturePrompt } from './fixture.ts';
import { expands, pageOf, standardPrompts, standardResources, standardTemplates } from './fixture.ts';
import type { ToolName } from './fixture-tools.ts';
import { isToolName, knownTools, offeredTools, toggledTool } from './fixture-tools.ts';
import type { Surroundings } from './offered-tool.ts';

/** What all sessions of one server share. */
export interface SharedState {
  /** Whether the tool `toggled` is listed. */
  isToggled: boolean;
  readonly cancelled: string[];
  /** Names of tools in the order in which they began to run. */
  readonly called: string[];
  /** URLs that `need_url` has demanded once. */
  readonly visited: Set<string>;
  /** Every server with a live session. */
  readonly servers: Set<FixtureServer>;
}

/** The state of a server that has just started. */
export function freshState(): SharedState {
  return { isToggled: false, cancelled: [], called: [], visited: new Set(), servers: new Set() };
}

export interface FixtureServer {
  readonly server: Server;
  /** URIs that this session has subscribed to. */
  readonly subscribed: Set<string>;
}

const notFound = -32_002;
const levels: readonly LoggingLevel[] = LoggingLevelSchema.options;

/** A server for one session, or for one request where there are none. */
export function fixtureServer(fixture: Fixture, state: SharedState): FixtureServer {
  const server = new Server(
    { name: fixture.name, version: fixture.version ?? '1.0.0' },
    {
      capabilities: capabilitiesOf(fixture),
      ...(fixture.instructions === undefined ? {} : { instructions: fixture.instructions }),
    },
  );
  const made = { server, subscribed: new Set<string>() };
  offerTools(fixture, state, made);
  if ((fixture.prompts ?? standardPrompts).length > 0) offerPrompts(fixture, server);
  offerResources(fixture, made);
  return made;
}

function capabilitiesOf(fixture: Fixture): ServerCapabilities {
  const hasPrompts = (fixture.prompts ?? standardPrompts).length > 0;
  return {
    tools: { listChanged: true },
    resources: { listChanged: true, subscribe: true },
    logging: {},
    ...(hasPrompts ? { prompts: { listChanged: true }, completions: {} } : {}),
  };
}

function offerTools(fixture: Fixture, state: SharedState, made: FixtureServer): void {
  const entries = fixture.tools ?? (Object.keys(offeredTools) as ToolName[]);
  const results = new Map<string, CallToolResult>();
  const tools = entries.map((entry): Tool => {
    if (typeof entry === 'string') return { ...knownTools[entry].tool, name: entry };
    const { result, ...tool } = entry;
    results.set(tool.name, result ?? { content: [{ type: 'text', text: `${fixture.name}:${tool.name}` }] });
    return { inputSchema: { type: 'object' }, ...tool };
  });
  let calls = 0;
  let level: LoggingLevel = 'debug';
  // In place of the SDK's own, whose filter is not for messages that go with a call.
  made.server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    ({ level } = params);
    return {};
  });
  made.server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    const listed = state.isToggled ? [...tools, toggledTool] : tools;
    const { page, ...next } = pageOr(listed, params?.cursor, fixture.pageSize);
    return { tools: page, ...next };
  });
  made.server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    const { name, arguments: args = {} } = params;
    const fixed = results.get(name);
    if (fixed !== undefined) return fixed;
    if (name === toggledTool.name && state.isToggled) return { content: [{ type: 'text', text: 'here' }] };
    if (!isToolName(name) || !entries.includes(name)) throw new McpError(ErrorCode.InvalidParams, `no tool ${name}`);
    const around: Surroundings = {
      extra,
      count: () => (calls += 1),
      toggle: () => toggle(state),
      touch: (uri) => touched(state, uri),
      cancelled: (tool) => void state.cancelled.push(tool),
      logs: (line) => levels.indexOf(line) >= levels.indexOf(level),
      visited: state.visited,
    };
    state.called.push(name);
    return knownTools[name].run(args, around);
  });
}

function offerPrompts(fixture: Fixture, server: Server): void {
  const prompts = fixture.prompts ?? standardPrompts;
  const byName = (name: string): FixturePrompt => {
    const prompt = prompts.find((candidate) => candidate.name === name);
    if (prompt === undefined) throw new McpError(ErrorCode.InvalidParams, `no prompt ${name}`);
    return prompt;
  };
  server.setRequestHandler(ListPromptsRequestSchema, ({ params }) => {
    const { page, ...next } = pageOr(prompts, params?.cursor, fixture.pageSize);
    return { prompts: page.map(({ messages: _messages, completions: _completions, ...listed }) => listed), ...next };
  });
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const { messages } = byName(params.name);
    const given = Object.entries(params.arguments ?? {});
    const filled = (text: string): string => given.reduce((t, [name, value]) => t.replaceAll(`{${name}}`, value), text);
    return {
      messages: messages.map((message) =>
        message.content.type === 'text'
          ? { ...message, content: { ...message.content, text: filled(message.content.text) } }
          : message,
      ),
    };
  });
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => {
    if (params.ref.type === 'ref/resource') return { completion: { values: [], total: 0, hasMore: false } };
    const all = byName(params.ref.name).completions?.[params.argument.name] ?? [];
    const values = all.filter((value) => value.startsWith(params.argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
}

function offerResources(fixture: Fixture, made: FixtureServer): void {
  const { server, subscribed } = made;
  const resources = fixture.resources ?? standardResources;
  const templates = fixture.templates ?? standardTemplates;
  server.setRequestHandler(ListResourcesRequestSchema, ({ params }) => {
    const { page, ...next } = pageOr(resources, params?.cursor, fixture.pageSize);
    return { resources: page.map(({ text: _text, blob: _blob, ...listed }) => listed), ...next };
  });
  server.setRequestHandler(ListResourceTemplatesRequestSchema, ({ params }) => {
    const { page, ...next } = pageOr(templates, params?.cursor, fixture.pageSize);
    return { resourceTemplates: page.map(({ text: _text, ...listed }) => listed), ...next };
  });
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const found =
      resources.find((resource) => resource.uri === uri) ?? templates.find((t) => expands(t.uriTemplate, uri));
    if (found === undefined) throw new McpError(notFound, 'Resource not found', { uri });
    const { mimeType = 'text/plain', text = '' } = found;
    return { contents: ['blob' in found ? { uri, mimeType, blob: found.blob } : { uri, mimeType, text }] };
  });
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
}

/** Tells every session that has subscribed to `uri`. Gives how many. */
export async function touched(state: SharedState, uri: string): Promise<number> {
  const told = [...state.servers].filter((each) => each.subscribed.has(uri));
  for (const each of told) await each.server.sendResourceUpdated({ uri });
  return told.length;
}

async function toggle(state: SharedState): Promise<boolean> {
  state.isToggled = !state.isToggled;
  for (const each of state.servers) await each.server.sendToolListChanged();
  return state.isToggled;
}

function pageOr<T>(
  entries: readonly T[],
  cursor: string | undefined,
  size: number | undefined,
): { page: T[]; nextCursor?: string } {
  try {
    return pageOf(entries, cursor, size);
  } catch {
    throw new McpError(ErrorCode.InvalidParams, 'Invalid cursor');
  }
}
