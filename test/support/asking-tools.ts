/**
 * Tools that ask their client in the middle of a call, as a server of the session era does: with requests of its own on the
 * stream of the call. Each answers, as JSON, what it was answered. asking-modern.ts offers the same tools, and the same answers
 * to them, in 2026-07-28: a flow expects one text whatever the eras.
 */
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  McpError,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { formOf, linkOf, promptOf } from './questions.ts';
import type { OfferedTool, Surroundings } from './offered-tool.ts';
import { offered, text } from './offered-tool.ts';

/**
 * `ask_elicitation`, `ask_sampling`, `ask_roots` and `ask_url` ask one question each, `ask_after_progress` one after a notification,
 * `ask_twice` one after the other, `ask_together` two at once. `ask_never` goes on without an answer that it does not get.
 * `need_url` {key} fails with -32042 the first time that a key is given.
 */
export const askingTools = {
  ask_elicitation: offered('Asks for a name', {}, async (_args, at) => answered(await elicit(at, 'name'))),
  ask_sampling: offered('Asks a model', {}, async (_args, at) => answered(await sample(at))),
  ask_roots: offered('Asks for the roots', {}, async (_args, at) => answered(await roots(at))),
  ask_url: offered('Asks to visit a URL', {}, async (_args, at) => answered(await visit(at))),
  ask_after_progress: offered('Reports progress, then asks for a name', {}, async (_args, at) => {
    const progressToken = at.extra._meta?.progressToken;
    if (progressToken !== undefined) {
      await at.extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress: 1, total: 2 },
      });
    }
    return answered(await elicit(at, 'name'));
  }),
  ask_twice: offered('Asks for a name, then for a colour', {}, async (_args, at) => {
    const first = await elicit(at, 'name');
    return answered({ first, second: await elicit(at, 'colour') });
  }),
  ask_together: offered('Asks for a name and a model at once', {}, async (_args, at) => {
    const [elicitation, sampling] = await Promise.all([elicit(at, 'name'), sample(at)]);
    return answered({ elicitation, sampling });
  }),
  ask_never: offered('Asks, and goes on without an answer', {}, async (_args, at) => {
    try {
      const { action, content } = await elicit(at, 'name');
      return answered(action === 'accept' ? { action, content } : { without: action });
    } catch (fault) {
      if (fault instanceof McpError) return answered({ without: fault.code });
      throw fault;
    }
  }),
  need_url: offered('Cannot go on before a URL was visited', { key: z.string() }, (args, at) => {
    const { url, message } = linkOf(String(args['key']));
    if (at.visited.has(url)) return answered({ visited: url });
    at.visited.add(url);
    throw new UrlElicitationRequiredError([
      { mode: 'url', message, url, elicitationId: `visit-${String(args['key'])}` },
    ]);
  }),
} as const satisfies Record<string, OfferedTool>;

/** All of them, as the tools of a fixture. */
export const askingToolNames = Object.keys(askingTools) as (keyof typeof askingTools)[];

function answered(value: object): CallToolResult {
  return text(JSON.stringify(value));
}

async function elicit({ extra }: Surroundings, field: string): Promise<{ action: string; content?: object }> {
  const { action, content } = await extra.sendRequest(
    { method: 'elicitation/create', params: { mode: 'form', ...formOf(field) } },
    ElicitResultSchema,
    { signal: extra.signal },
  );
  return { action, ...(content === undefined ? {} : { content }) };
}

async function visit({ extra }: Surroundings): Promise<{ action: string }> {
  const { action } = await extra.sendRequest(
    { method: 'elicitation/create', params: { mode: 'url', ...linkOf('once'), elicitationId: 'visit-once' } },
    ElicitResultSchema,
    { signal: extra.signal },
  );
  return { action };
}

async function sample({ extra }: Surroundings): Promise<object> {
  const { model, role, content } = await extra.sendRequest(
    { method: 'sampling/createMessage', params: promptOf() },
    CreateMessageResultSchema,
    { signal: extra.signal },
  );
  return { model, role, content };
}

async function roots({ extra }: Surroundings): Promise<object> {
  const { roots: listed } = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema, {
    signal: extra.signal,
  });
  return { roots: listed };
}
