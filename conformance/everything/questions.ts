/** What the tools and the prompt ask of the client: elicitations, samplings and roots, as the suite expects them. */
import type { InputRequest } from '@modelcontextprotocol/server';
import { inputRequired } from '@modelcontextprotocol/server';

/** Asks for text in the named fields, each required. */
export function askFor(message: string, ...fields: readonly string[]): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: {
      type: 'object',
      properties: Object.fromEntries(
        fields.map((field) => [field, { type: 'string' as const, description: `The ${field}` }]),
      ),
      required: [...fields],
    },
  });
}

/** Asks for a yes. */
export function askToConfirm(message: string): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  });
}

export function askModel(text: string, maxTokens: number): InputRequest {
  return inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens });
}

/** A default for each primitive type (SEP-1034). */
export function askWithDefaults(): InputRequest {
  return inputRequired.elicit({
    message: 'Please review and update the form fields with defaults',
    requestedSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', description: 'User name', default: 'John Doe' },
        age: { type: 'integer', description: 'User age', default: 30 },
        score: { type: 'number', description: 'User score', default: 95.5 },
        status: {
          type: 'string',
          description: 'User status',
          enum: ['active', 'inactive', 'pending'],
          default: 'active',
        },
        verified: { type: 'boolean', description: 'Verification status', default: true },
      },
      required: [],
    },
  });
}

/** The five ways to say an enumeration (SEP-1330). */
export function askWithEnumerations(): InputRequest {
  const plain = ['option1', 'option2', 'option3'];
  return inputRequired.elicit({
    message: 'Please choose from the enumerations',
    requestedSchema: {
      type: 'object',
      properties: {
        untitledSingle: { type: 'string', enum: plain },
        titledSingle: { type: 'string', oneOf: titled('Option') },
        legacyEnum: {
          type: 'string',
          enum: ['opt1', 'opt2', 'opt3'],
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
        titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
      },
      required: [],
    },
  });
}

function titled(noun: string): { const: string; title: string }[] {
  return [
    { const: 'value1', title: `First ${noun}` },
    { const: 'value2', title: `Second ${noun}` },
    { const: 'value3', title: `Third ${noun}` },
  ];
}
