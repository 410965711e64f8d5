/** The prompts that the suite names, one with completion, one that needs input in between. */
import type { McpServer, PromptMessage } from '@modelcontextprotocol/server';
import { acceptedContent, completable, inputRequired } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { askFor } from './questions.ts';
import { redPixel } from './samples.ts';

export function offerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'One message' }, () => ({
    messages: [user('This is a simple prompt for testing.')],
  }));
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'A message with two arguments',
      argsSchema: z.object({
        arg1: completable(z.string().describe('First test argument'), startingWith),
        arg2: completable(z.string().describe('Second test argument'), startingWith),
      }),
    },
    ({ arg1, arg2 }) => ({ messages: [user(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'A message with a resource',
      argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource to embed') }),
    },
    ({ resourceUri: uri }) => ({
      messages: [
        {
          role: 'user',
          content: {
            type: 'resource',
            resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
          },
        },
        user('Please process the embedded resource above.'),
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'A message with an image' }, () => ({
    messages: [
      { role: 'user', content: { type: 'image', data: redPixel, mimeType: 'image/png' } },
      user('Please analyze the image above.'),
    ],
  }));
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks before it answers' }, (context) => {
    const given = acceptedContent(context.mcpReq.inputResponses, 'user_context', z.object({ context: z.string() }));
    if (given !== undefined) return { messages: [user(`Use this context: ${given.context}`)] };
    return inputRequired({ inputRequests: { user_context: askFor('What context should the prompt use?', 'context') } });
  });
}

function user(text: string): PromptMessage {
  return { role: 'user', content: { type: 'text', text } };
}

function startingWith(value: string): string[] {
  return ['test', 'testing', 'other'].filter((word) => word.startsWith(value));
}
