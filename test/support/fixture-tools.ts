/** The tools that a server of the kit can offer: each shows one thing that a call can do on its way. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ErrorCode,
  ListRootsResultSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { askingTools } from './asking-tools.ts';
import type { OfferedTool, Surroundings } from './offered-tool.ts';
import { offered, text } from './offered-tool.ts';

const question = {
  type: 'object' as const,
  properties: { answer: { type: 'string' as const, title: 'Answer', default: 'none' } },
  required: ['answer'],
};

/**
 * The tools by name.
 * `echo` returns its arguments, `slow` {times, everyMs} sends progress, `log` {times, level} log messages, `ask`, `sample` and
 * `roots` ask the client, `big` {bytes} answers that many letters, `counter` counts per session, `fail` answers `isError`,
 * `refuse` a JSON-RPC error, `link` a resource link and an embedded resource, `toggle` changes the list of tools, `touch` {uri}
 * reports a resource as updated, `part` {everyMs} has its stream closed by the server before the answer (needs an event store).
 */
export const offeredTools = {
  echo: offered('Returns its arguments', {}, (args) => ({ ...text(JSON.stringify(args)), structuredContent: args })),
  slow: offered('Reports progress, then answers', { times: z.int().default(3), everyMs: z.int().default(10) }, slow),
  log: offered('Logs, then answers', { times: z.int().default(1), level: z.string().default('info') }, log),
  ask: offered('Asks the user', { message: z.string().default('Well?') }, ask),
  sample: offered('Samples from the client', { prompt: z.string().default('Say hello') }, sample),
  roots: offered('Lists the roots of the client', {}, roots),
  big: offered('Answers many bytes', { bytes: z.int().default(1000) }, (args) =>
    text('x'.repeat(Number(args['bytes']))),
  ),
  counter: offered('Counts within the session', {}, (_args, at) => text(String(at.count()))),
  fail: offered('Fails in its result', {}, () => ({ ...text('it went wrong'), isError: true })),
  refuse: offered('Fails with a JSON-RPC error', {}, () => {
    throw new McpError(ErrorCode.InvalidParams, 'refused', { why: 'as asked' });
  }),
  link: offered('Answers resources', {}, link),
  toggle: offered('Adds or removes the tool "toggled"', {}, async (_args, at) =>
    text((await at.toggle()) ? 'on' : 'off'),
  ),
  touch: offered('Reports a resource as updated', { uri: z.string().default('memo://today') }, touch),
  part: offered('Has its stream closed before the answer', { everyMs: z.int().default(10) }, part),
} as const satisfies Record<string, OfferedTool>;

/** All tools by name: those that each server offers, and those of asking-tools.ts, which one has to ask for. */
export const knownTools = { ...offeredTools, ...askingTools };

export type ToolName = keyof typeof knownTools;

/** What `toggle` adds. */
export const toggledTool: Tool = { name: 'toggled', description: 'Comes and goes', inputSchema: { type: 'object' } };

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(knownTools, name);
}

async function slow(args: Record<string, unknown>, at: Surroundings): Promise<CallToolResult> {
  const { signal, _meta: meta } = at.extra;
  const times = Number(args['times']);
  try {
    for (let done = 1; done <= times; done += 1) {
      await sleep(Number(args['everyMs']), undefined, { signal });
      if (meta?.progressToken === undefined) continue;
      await at.extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken: meta.progressToken, progress: done, total: times, message: `step ${done}` },
      });
    }
  } catch (fault) {
    if (signal.aborted) at.cancelled('slow');
    throw fault;
  }
  return text(`done after ${times}`);
}

async function log(args: Record<string, unknown>, at: Surroundings): Promise<CallToolResult> {
  const level = args['level'] === 'debug' ? 'debug' : args['level'] === 'error' ? 'error' : 'info';
  const lines = at.logs(level) ? Number(args['times']) : 0;
  for (let line = 1; line <= lines; line += 1) {
    await at.extra.sendNotification({
      method: 'notifications/message',
      params: { level, logger: 'fixture', data: `line ${line}` },
    });
  }
  return text(`logged ${Number(args['times'])}`);
}

async function ask(args: Record<string, unknown>, at: Surroundings): Promise<CallToolResult> {
  const answer = await at.extra.sendRequest(
    { method: 'elicitation/create', params: { message: String(args['message']), requestedSchema: question } },
    ElicitResultSchema,
    { signal: at.extra.signal },
  );
  return text(JSON.stringify({ action: answer.action, content: answer.content ?? null }));
}

async function sample(args: Record<string, unknown>, at: Surroundings): Promise<CallToolResult> {
  const answer = await at.extra.sendRequest(
    {
      method: 'sampling/createMessage',
      params: { messages: [{ role: 'user', content: { type: 'text', text: String(args['prompt']) } }], maxTokens: 50 },
    },
    CreateMessageResultSchema,
    { signal: at.extra.signal },
  );
  return text(JSON.stringify({ model: answer.model, content: answer.content }));
}

async function roots(_args: Record<string, unknown>, at: Surroundings): Promise<CallToolResult> {
  const answer = await at.extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema, {
    signal: at.extra.signal,
  });
  return text(JSON.stringify(answer.roots));
}

function link(): CallToolResult {
  return {
    content: [
      { type: 'resource_link', uri: 'memo://today', name: 'today', mimeType: 'text/plain' },
      { type: 'resource', resource: { uri: 'memo://today', mimeType: 'text/plain', text: 'nothing today' } },
    ],
  };
}

async function touch(args: Record<string, unknown>, at: Surroundings): Promise<CallToolResult> {
  return text(`told ${await at.touch(String(args['uri']))}`);
}

async function part(args: Record<string, unknown>, at: Surroundings): Promise<CallToolResult> {
  at.extra.closeSSEStream?.();
  await sleep(Number(args['everyMs']));
  return text('after the break');
}
