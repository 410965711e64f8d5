/** What the servers of both eras offer, with every member that items and results may have, and some that no revision knows. */

type Json = Record<string, unknown>;
type Answered =
  | { readonly result: Json }
  | { readonly error: { code: number; message: string; readonly data?: unknown } };

const icons = [{ src: 'https://example.com/i.png', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' as const }];
const annotations = { audience: ['user', 'assistant'], priority: 0.5, lastModified: '2026-01-01T00:00:00Z' };
const meta = { 'example.com/x': { deep: [1, null, 'x'] } };

export const serverInfo = {
  name: 'example-server',
  title: 'An example',
  version: '3.2.1',
  description: 'Has everything',
  websiteUrl: 'https://example.com',
  icons,
};
export const instructions = '  First read.\n\nThen call.\n';
export const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  logging: {},
  completions: {},
  experimental: { 'example.com/trial': { modes: ['a', { b: null }] } },
  extensions: { 'example.com/own': { v: 1 }, 'io.modelcontextprotocol/ui': { since: 2 } },
};
export const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

const object = { type: 'object' };
const tools = [
  {
    name: 'mirror',
    title: 'Mirror',
    description: 'Shows what came',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: { a: { $ref: '#/$defs/a' }, n: { type: 'number', maximum: 1.5 } },
      $defs: { a: { type: 'string', enum: ['x', 'y'] } },
      required: ['a'],
      additionalProperties: false,
    },
    outputSchema: { type: 'object', properties: { params: object }, required: ['params'] },
    annotations: {
      title: 'M',
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    execution: { taskSupport: 'forbidden' },
    icons,
    _meta: meta,
    'x-unknown': [1],
  },
  { name: 'dots.and/slashes', inputSchema: object },
  { name: 'work', inputSchema: object, execution: { taskSupport: 'optional' } },
  { name: 'view', inputSchema: object, _meta: { ui: { resourceUri: 'ui://view/main' } } },
  ...[
    'rich',
    'failing',
    'empty',
    'whoami',
    'refused',
    'broken',
    'need_url',
    'steps',
    'lines',
    'ask',
    'say',
    'ask_apart',
    'say_apart',
    'touch',
    'heard',
    'hang',
    'unask',
  ].map((name) => ({ name, inputSchema: object })),
];
const prompts = [
  {
    name: 'greet',
    title: 'Greet',
    description: 'Greets',
    arguments: [{ name: 'who', title: 'Who', description: 'Whom', required: true }, { name: 'how' }],
    icons,
    _meta: meta,
  },
  { name: 'bare' },
];
const resources = [
  {
    uri: 'memo://today',
    name: 'today',
    title: 'Today',
    description: 'What is on',
    mimeType: 'text/plain',
    size: 5,
    annotations,
    icons,
    _meta: meta,
  },
  { uri: 'https://example.com/page', name: 'page' },
  { uri: 'ui://view/main', name: 'view', mimeType: 'text/html;profile=mcp-app' },
  { uri: 'no uri at all', name: 'odd' },
  { uri: 'x+y://plus', name: 'plus' },
];
const resourceTemplates = [
  {
    uriTemplate: 'memo://days/{day}',
    name: 'day',
    title: 'Day',
    mimeType: 'text/plain',
    annotations,
    icons,
    _meta: meta,
  },
];

/** What tools answer that always answer the same. */
export const results: Readonly<Record<string, Json>> = {
  rich: {
    content: [
      { type: 'text', text: 'memo://today', annotations, _meta: meta },
      { type: 'image', data: 'aGk=', mimeType: 'image/png' },
      { type: 'audio', data: 'aGk=', mimeType: 'audio/wav' },
      { type: 'resource_link', uri: 'memo://today', name: 'today', size: 3, icons, annotations },
      { type: 'resource', resource: { uri: 'memo://unlisted', mimeType: 'a/b', blob: 'aGk=', _meta: meta } },
      { type: 'resource', resource: { uri: 'https://example.com/page', text: 't' } },
    ],
    structuredContent: { uri: 'memo://today', n: 1.5, nothing: null, list: [] },
    _meta: meta,
    'x-unknown': { kept: true },
  },
  failing: { content: [{ type: 'text', text: 'no luck' }], isError: true },
  empty: { content: [] },
};

const lists: Readonly<Record<string, readonly [member: string, items: readonly object[]]>> = {
  'tools/list': ['tools', tools],
  'prompts/list': ['prompts', prompts],
  'resources/list': ['resources', resources],
  'resources/templates/list': ['resourceTemplates', resourceTemplates],
};

const contents: Readonly<Record<string, Json>> = {
  'memo://today': { mimeType: 'text/plain', text: 'rest', _meta: meta },
  'memo://logo': { mimeType: 'image/png', blob: 'aGk=' },
  'memo://unlisted': { text: 'not in any list' },
  'memo://days/monday': { text: 'a day' },
  'https://example.com/page': { text: 'a page' },
  'ui://view/main': { mimeType: 'text/html;profile=mcp-app', text: '<p>' },
  'no uri at all': { text: 'odd' },
  'x+y://plus': { text: 'plus' },
};

const greeting = {
  description: 'A greeting',
  messages: [
    { role: 'user', content: { type: 'text', text: 'Hello', annotations } },
    { role: 'assistant', content: { type: 'resource', resource: { uri: 'memo://today', text: 'rest' } } },
    { role: 'user', content: { type: 'resource_link', uri: 'memo://unlisted', name: 'u' } },
    { role: 'user', content: { type: 'image', data: 'aGk=', mimeType: 'image/png' } },
  ],
  _meta: meta,
};

/** The answer to a request that asks for nothing but data. */
export function answered(method: string, params: Json): Answered {
  const list = lists[method];
  if (list !== undefined) return page(list, params['cursor']);
  switch (method) {
    case 'prompts/get': {
      const { name, arguments: args = {} } = params as { name: string; arguments?: Json };
      if (name === 'bare') return { result: { messages: [] } };
      if (name !== 'greet') return { error: { code: -32_602, message: `no prompt ${name}` } };
      if (args['who'] === undefined)
        return { error: { code: -32_602, message: 'who is missing', data: { missing: ['who'] } } };
      return { result: { ...greeting, args } };
    }
    case 'resources/read': {
      const uri = String(params['uri']);
      const found = contents[uri];
      if (found === undefined) return { error: { code: -32_002, message: 'Resource not found', data: { uri } } };
      return { result: { contents: [{ uri, ...found }], _meta: meta } };
    }
    case 'completion/complete': {
      const { ref, argument, context } = params as { ref: Json; argument: Json; context?: Json };
      if (ref['name'] === 'nobody' || ref['uri'] === 'nothing://here')
        return { error: { code: -32_602, message: 'no such reference', data: ref } };
      return {
        result: {
          completion: { values: [JSON.stringify({ ref, argument, context })], total: 7, hasMore: true },
          _meta: meta,
        },
      };
    }
    case 'example.com/own':
      return { result: { params, _meta: meta } };
    default:
      return { error: { code: -32_601, message: `no method ${method}`, data: { method } } };
  }
}

/** Two entries on a page. */
function page([member, items]: readonly [string, readonly object[]], cursor: unknown): Answered {
  const from = typeof cursor === 'string' ? Number(cursor.replace('after-', '')) : 0;
  if (!Number.isInteger(from)) return { error: { code: -32_602, message: 'Invalid cursor' } };
  const next = from + 2 < items.length ? { nextCursor: `after-${from + 2}` } : {};
  return { result: { [member]: items.slice(from, from + 2), ...next, _meta: meta } };
}
