/** Items that official clients refuse a whole list for, and what is shown of them: what their schemas parse. */
import {
  ListPromptsResultSchema,
  ListResourcesResultSchema,
  ListResourceTemplatesResultSchema,
  ListToolsResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { renderPage } from '../../src/aggregate/page.ts';
import type { ListKind, Page } from '../../src/aggregate/page.ts';
import { anUpstream } from './an-upstream.ts';

const up = anUpstream('up', { naming: { ...anUpstream().naming, policy: 'never' }, isOnly: true });
const parsers = {
  tools: ListToolsResultSchema,
  prompts: ListPromptsResultSchema,
  resources: ListResourcesResultSchema,
  resourceTemplates: ListResourceTemplatesResultSchema,
} as const;

function render(kind: ListKind, items: string): Page {
  return renderPage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"${kind}":[${items}]}}`), kind, up);
}

/** What a client of the session era gets; throws what its schema throws. */
function accepted(kind: ListKind, page: Page): void {
  parsers[kind].parse(JSON.parse(`{"${kind}":[${page.body.toString()}]}`));
}

const s = '"inputSchema":{"type":"object"}';

describe('an item that is mended', () => {
  for (const [kind, item, shown] of [
    ['tools', '{"name":"a"}', `{${s},"name":"a"}`],
    ['tools', '{"name":"a","inputSchema":null}', `{"name":"a",${s}}`],
    ['tools', '{"name":"a","inputSchema":true}', `{"name":"a",${s}}`],
    ['tools', '{"name":"a","inputSchema":{}}', `{"name":"a",${s}}`],
    ['tools', '{"name":"a","inputSchema":{ }}', `{"name":"a","inputSchema":{"type":"object" }}`],
    ['tools', '{"name":"a","inputSchema":{"type":"string"}}', `{"name":"a",${s}}`],
    [
      'tools',
      '{"name":"a","inputSchema":{"type":["object","null"],"x":1.0}}',
      '{"name":"a","inputSchema":{"type":"object","x":1.0}}',
    ],
    [
      'tools',
      '{"name":"a","inputSchema":{"anyOf":[{"type":"object"}]}}',
      '{"name":"a","inputSchema":{"type":"object","anyOf":[{"type":"object"}]}}',
    ],
    [
      'tools',
      '{"name":"a","inputSchema":{"properties":null}}',
      '{"name":"a","inputSchema":{"type":"object","properties":{}}}',
    ],
    [
      'tools',
      '{"name":"a","inputSchema":{"type":"object","properties":{"a":true,"b":false,"c":null,"d":{"x":1.0}},"required":["a",null,7,"d"]}}',
      '{"name":"a","inputSchema":{"type":"object","properties":{"a":{},"b":{"not":{}},"c":{},"d":{"x":1.0}},"required":["a","d"]}}',
    ],
    [
      'tools',
      '{"name":"a","inputSchema":{"type":"object","required":null}}',
      '{"name":"a","inputSchema":{"type":"object","required":[]}}',
    ],
    [
      'tools',
      `{"name":"a","description":null,"title":null,${s},"icons":null,"annotations":null,"_meta":null,"execution":null}`,
      `{"name":"a",${s}}`,
    ],
    ['tools', `{"name":"a","description":7,"title":{},${s}}`, `{"name":"a",${s}}`],
    [
      'tools',
      `{"name":"a",${s},"annotations":{"readOnlyHint":"true","title":"t","openWorldHint":false}}`,
      `{"name":"a",${s},"annotations":{"title":"t","openWorldHint":false}}`,
    ],
    [
      'tools',
      `{"name":"a",${s},"icons":[null,{"src":"i","sizes":"48x48","theme":"blue","x":1.0},{"mimeType":"m"}]}`,
      `{"name":"a",${s},"icons":[{"src":"i","x":1.0}]}`,
    ],
    ['tools', `{"name":"a",${s},"icons":[{"src":"i","mimeType":null}]}`, `{"name":"a",${s},"icons":[{"src":"i"}]}`],
    ['tools', `{"name":"a",${s},"execution":{"taskSupport":"maybe"}}`, `{"name":"a",${s}}`],
    ['tools', `{"name":"a",${s},"execution":{"taskSupport":null,"x":1}}`, `{"name":"a",${s},"execution":{"x":1}}`],
    ['tools', `{"name":"a",${s},"outputSchema":null}`, `{"name":"a",${s}}`],
    [
      'tools',
      `{"name":"a",${s},"outputSchema":{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}}}}`,
      `{"name":"a",${s}}`,
    ],
    ['tools', `{"name":"a",${s},"outputSchema":{"type":"object","required":true}}`, `{"name":"a",${s}}`],
    ['tools', `{"name":"a",${s},"outputSchema":{"type":"object","properties":{"a":true}}}`, `{"name":"a",${s}}`],
    ['prompts', '{"name":"a","arguments":null,"description":null}', '{"name":"a"}'],
    [
      'prompts',
      '{"name":"a","arguments":[null,{"name":"b","required":"true","description":null,"x":1.0},{"description":"c"}]}',
      '{"name":"a","arguments":[{"name":"b","x":1.0}]}',
    ],
    ['resources', '{"uri":"a:b"}', '{"name":"a:b","uri":"a:b"}'],
    ['resources', '{"uri":"a:b","name":null}', '{"uri":"a:b","name":"a:b"}'],
    ['resources', '{"uri":"a:b","name":"n","size":"7","mimeType":null}', '{"uri":"a:b","name":"n"}'],
    [
      'resources',
      '{"uri":"a:b","name":"n","annotations":{"audience":["me"],"priority":2,"lastModified":"yesterday","x":1}}',
      '{"uri":"a:b","name":"n","annotations":{"x":1}}',
    ],
    [
      'resources',
      '{"uri":"a:b","name":"n","annotations":{"lastModified":"2025-02-29T00:00:00Z"}}',
      '{"uri":"a:b","name":"n","annotations":{}}',
    ],
    ['resourceTemplates', '{"uriTemplate":"a:{b}","annotations":7}', '{"name":"a:{b}","uriTemplate":"a:{b}"}'],
  ] as const)
    test(`${kind}: ${item}`, () => {
      const page = render(kind, item);
      expect(page.body.toString()).toBe(shown);
      expect(page).toMatchObject({ count: 1, hidden: 0, mended: 1 });
      accepted(kind, page);
    });
});

describe('an item that is fine passes to the byte', () => {
  for (const [kind, item] of [
    [
      'tools',
      `{ "name":"a" , ${s}, "title":"T" ,"description":"", "icons":[{"src":"i","sizes":["any"],"theme":"dark"}],"n":1e400}`,
    ],
    [
      'tools',
      '{"name":"a","inputSchema":{"type":"object","properties":{"a":{"items":null}},"required":[]},"annotations":{"title":"t","readOnlyHint":true,"x":null}}',
    ],
    [
      'tools',
      `{"name":"a",${s},"outputSchema":{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{}}}}`,
    ],
    ['prompts', '{"name":"a","arguments":[{"name":"b","required":true,"title":"t"}],"description":"d"}'],
    [
      'resources',
      '{"uri":"a:b","name":"n","size":1.5,"annotations":{"audience":["user","assistant"],"priority":0.5,"lastModified":"2024-02-29T23:59:59.5+02:00"}}',
    ],
    ['resourceTemplates', '{"uriTemplate":"a:{b}","name":"n","mimeType":"text/plain"}'],
  ] as const)
    test(`${kind}: ${item}`, () => {
      const page = render(kind, item);
      expect(page.body.toString()).toBe(item);
      expect(page).toMatchObject({ mended: 0, hidden: 0 });
      accepted(kind, page);
    });
});

test('properties of true and false stay for clients that know them', () => {
  const tool = '{"name":"a","inputSchema":{"type":"object","properties":{"a":true,"b":null}}}';
  const showing = { illegal: new Set<string>(), hinted: false, anySchema: true, tasks: true };
  const page = renderPage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"tools":[${tool}]}}`), 'tools', up, showing);
  expect(page.body.toString()).toBe(tool.replace('null', '{}'));
});

const member = fc.constantFrom(
  'name',
  'title',
  'description',
  'inputSchema',
  'outputSchema',
  'annotations',
  'icons',
  'execution',
  '_meta',
  'arguments',
  'uri',
  'uriTemplate',
  'size',
  'mimeType',
  'type',
  'properties',
  'required',
  'src',
  'theme',
  'sizes',
  'audience',
  'priority',
  'lastModified',
  'readOnlyHint',
  'taskSupport',
  'ui',
  'resourceUri',
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, false, 0, 0.5, 7, '', 'object', 'user', 'dark', 'required', 'x'),
    fc.dictionary(member, tie('value'), { maxKeys: 4 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));

for (const [kind, key] of [
  ['tools', 'name'],
  ['prompts', 'name'],
  ['resources', 'uri'],
  ['resourceTemplates', 'uriTemplate'],
] as const)
  test(`${kind}: whatever an item holds, clients accept the list, and its name is shown`, () => {
    fc.assert(
      fc.property(fc.dictionary(member, value, { maxKeys: 8 }), (item) => {
        const page = render(kind, `${JSON.stringify({ ...item, [key]: 'a' })},{"${key}":"b"},null`);
        expect(page.keys).toEqual(['a', 'b']);
        accepted(kind, page);
      }),
      { numRuns: 1000 },
    );
  });
