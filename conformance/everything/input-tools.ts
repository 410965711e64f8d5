/**
 * Tools that need something of the client in mid-call. Each is written once, as 2026-07-28 has it (patterns/mrtr): it returns
 * what it asks and is called again with the answers. For a client of the session era the SDK sends the same questions as
 * requests of its own on the call's stream.
 */
import type { ClientCapabilities, InputRequest, McpServer, ServerContext } from '@modelcontextprotocol/server';
import { CLIENT_CAPABILITIES_META_KEY, inputRequired, inputResponse } from '@modelcontextprotocol/server';
import type { CallToolResult, InputRequiredResult } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { askFor, askModel, askWithDefaults, askWithEnumerations } from './questions.ts';

type Answer = CallToolResult | InputRequiredResult;

export function offerInputTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Samples from the client', inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, context) => sampled(context, 'sample', askModel(prompt, 100), 'LLM response: '),
  );
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user', inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) => elicited(context, 'user', askFor(message, 'username', 'email'), 'User response: '),
  );
  server.registerTool('test_elicitation_sep1034_defaults', { description: 'Asks with defaults' }, (context) =>
    elicited(context, 'form', askWithDefaults(), 'Elicitation completed: '),
  );
  server.registerTool('test_elicitation_sep1330_enums', { description: 'Asks with enumerations' }, (context) =>
    elicited(context, 'form', askWithEnumerations(), 'Elicitation completed: '),
  );
  server.registerTool('test_streaming_elicitation', { description: 'Asks on a stream' }, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    if (progressToken !== undefined) {
      await context.mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress: 1, total: 2 },
      });
    }
    return elicited(context, 'user', askFor('Who are you?', 'name'), 'User response: ');
  });
  // The SDK refuses the question itself, -32021, when the request does not declare sampling.
  server.registerTool('test_missing_capability', { description: 'Needs sampling' }, (context) =>
    sampled(context, 'sample', askModel('Say anything.', 20), 'The client can sample: '),
  );
}

/** The capabilities of the caller: of the request where it carries them (2026-07-28), else those of the session. */
export function capabilitiesOf(server: McpServer, context: ServerContext): ClientCapabilities {
  const carried = (context.mcpReq.envelope as Record<string, unknown> | undefined)?.[CLIENT_CAPABILITIES_META_KEY];
  return (carried as ClientCapabilities | undefined) ?? server.server.getClientCapabilities() ?? {};
}

function elicited(context: ServerContext, key: string, question: InputRequest, prefix: string): Answer {
  const answer = inputResponse(context.mcpReq.inputResponses, key);
  if (answer.kind !== 'elicit') return inputRequired({ inputRequests: { [key]: question } });
  return said(`${prefix}action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
}

function sampled(context: ServerContext, key: string, question: InputRequest, prefix: string): Answer {
  const answer = inputResponse(context.mcpReq.inputResponses, key);
  if (answer.kind !== 'sampling') return inputRequired({ inputRequests: { [key]: question } });
  const { content } = answer.result;
  const first = Array.isArray(content) ? content[0] : content;
  return said(`${prefix}${first?.type === 'text' ? first.text : JSON.stringify(first)}`);
}

function said(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}
