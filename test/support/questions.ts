/** The questions that the asking servers of both eras put to a client, to the letter, and what a client answers. */

export interface Form {
  message: string;
  requestedSchema: {
    type: 'object';
    properties: Record<string, { type: 'string'; title: string }>;
    required: string[];
  };
}

/** Asks for one text. */
export function formOf(field: string): Form {
  return {
    message: `Your ${field}, please`,
    requestedSchema: {
      type: 'object',
      properties: { [field]: { type: 'string', title: `The ${field}` } },
      required: [field],
    },
  };
}

export function linkOf(key: string): { message: string; url: string } {
  return { message: 'Please sign in there', url: `https://example.com/connect/${key}` };
}

export function promptOf(): {
  messages: { role: 'user'; content: { type: 'text'; text: string } }[];
  maxTokens: number;
} {
  return {
    messages: [{ role: 'user', content: { type: 'text', text: 'What is the capital of France?' } }],
    maxTokens: 50,
  };
}

/** What a client answers to them, as options of sdk-client.ts and modern-sdk-client.ts. */
export const answering = {
  elicit: ({ message, mode }: { message: string; mode?: string | undefined }) => {
    if (mode === 'url') return { action: 'accept' as const };
    const field = message.includes('colour') ? 'colour' : 'name';
    return { action: 'accept' as const, content: { [field]: field === 'name' ? 'Ada' : 'teal' } };
  },
  sample: () => ({ model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'Paris' } }),
  roots: [{ uri: 'file:///here', name: 'here' }],
};

/** What the asking tools then report, whatever the eras of client and server. */
export const answeredTexts = [
  ['ask_elicitation', '{"action":"accept","content":{"name":"Ada"}}'],
  ['ask_sampling', '{"model":"m","role":"assistant","content":{"type":"text","text":"Paris"}}'],
  ['ask_roots', '{"roots":[{"uri":"file:///here","name":"here"}]}'],
  ['ask_url', '{"action":"accept"}'],
  ['ask_after_progress', '{"action":"accept","content":{"name":"Ada"}}'],
  [
    'ask_twice',
    '{"first":{"action":"accept","content":{"name":"Ada"}},"second":{"action":"accept","content":{"colour":"teal"}}}',
  ],
  [
    'ask_together',
    '{"elicitation":{"action":"accept","content":{"name":"Ada"}},' +
      '"sampling":{"model":"m","role":"assistant","content":{"type":"text","text":"Paris"}}}',
  ],
  ['ask_never', '{"action":"accept","content":{"name":"Ada"}}'],
] as const;
