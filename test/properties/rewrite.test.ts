/** The relay is lossless (docs/adr/0003-byte-splicing-relay.md): only the rewritten spans differ, whatever stands around them. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { renderPage } from '../../src/aggregate/page.ts';
import { inwardCall, outwardModernResult, outwardRequest, outwardResult } from '../../src/aggregate/rewrite.ts';
import { readClientMessage, readServerMessage } from '../../src/protocol/envelope.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';

const up = anUpstream();

/** A text as it is sent and as it has to arrive. */
interface Pair {
  readonly sent: string;
  readonly arrives: string;
}

const same = (text: string): Pair => ({ sent: text, arrives: text });

/** Values that a parser would not give back as they were. */
const anOddValue = fc
  .oneof(
    fc.constantFrom('12345678901234567890', '1.0', '1e400', '-0', '1E+2', '"\\u0041\\/"', '"uri"', '{"uri":"a:b"}'),
    fc.constantFrom('{ "b":1,"a":2 }', '[ 1.50 , {"type":"resource_link","uri":"a:b"}]', 'null', 'true', '"é😀"'),
    fc.json(),
  )
  .map(same);

const aSpace = fc.constantFrom('', '', ' ', '\n\t', '\r\n');

/** The same string, with some characters escaped that need not be. */
const spelt = (text: string): fc.Arbitrary<string> =>
  fc.infiniteStream(fc.boolean()).map((coins) => {
    const units = text.split('').map((unit) => {
      const plain = JSON.stringify(unit).slice(1, -1);
      return coins.next().value === true ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : plain;
    });
    return `"${units.join('')}"`;
  });

const aUri = fc.constantFrom('file:///a b', 'x:y', 'ui://h/p', 'https://x/', '/é"\\').chain((uri) =>
  spelt(uri).map((sent) => {
    const outward = uri.startsWith('https') ? sent : JSON.stringify(uri.startsWith('ui') ? 'ui://up/h/p' : `up+${uri}`);
    return { sent, arrives: outward };
  }),
);

type Members = Readonly<Record<string, fc.Arbitrary<Pair>>>;

/** An object of these members among unknown ones, in any order, with any spaces. */
function anObject(members: Members): fc.Arbitrary<Pair> {
  const known = Object.entries(members).map(([name, value]) => fc.tuple(fc.constant(name), value));
  const unknown = fc.uniqueArray(
    fc.tuple(
      fc.string().map((text) => `x${text}`),
      anOddValue,
    ),
    { selector: ([name]) => name, maxLength: 3 },
  );
  return fc
    .tuple(fc.tuple(...known), unknown)
    .chain(([own, others]) => {
      const all = [...own, ...others];
      return fc.tuple(fc.shuffledSubarray(all, { minLength: all.length }), aSpace, aSpace);
    })
    .map(([all, before, after]) => {
      const write = (which: keyof Pair): string =>
        `{${before}${all
          .map(([name, value]) => `${JSON.stringify(name)}${after}:${before}${value[which]}${after}`)
          .join(`,${before}`)}}`;
      return { sent: write('sent'), arrives: write('arrives') };
    });
}

function anArray(item: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc.tuple(fc.array(item, { maxLength: 3 }), aSpace).map(([items, space]) => ({
    sent: `[${space}${items.map(({ sent }) => sent).join(`${space},`)}]`,
    arrives: `[${space}${items.map(({ arrives }) => arrives).join(`${space},`)}]`,
  }));
}

const text = (value: string): fc.Arbitrary<Pair> => fc.constant(same(JSON.stringify(value)));

const aBlock = fc.oneof(
  anObject({ type: text('text'), text: text('file:///a') }),
  anObject({ type: text('resource_link'), uri: aUri, name: text('n') }),
  anObject({ type: text('resource'), resource: anObject({ uri: aUri }) }),
);
const aMessage = anObject({ role: text('user'), content: fc.oneof(aBlock, anArray(aBlock)) });

test('a result arrives with outward URIs and is otherwise the same to the byte', () => {
  const aResult = anObject({
    content: anArray(aBlock),
    contents: anArray(anObject({ uri: aUri })),
    messages: anArray(aMessage),
    structuredContent: anObject({}),
  });
  fc.assert(
    fc.property(anObject({ jsonrpc: text('2.0'), id: fc.constant(same('1.0')), result: aResult }), (message) => {
      const bytes = outwardResult(readServerMessage(Buffer.from(message.sent)), up, '2025-11-25');
      expect(bytes.toString()).toBe(message.arrives);
    }),
  );
});

test('a sampling request arrives with a sealed id and outward URIs and is otherwise the same to the byte', () => {
  const aRequest = anObject({
    jsonrpc: text('2.0'),
    id: spelt('1').map((sent) => ({ sent, arrives: '"sealed"' })),
    method: text('sampling/createMessage'),
    params: anObject({
      messages: anArray(aMessage),
      _meta: anObject({ progressToken: fc.constant({ sent: '1e400', arrives: '"token"' }) }),
    }),
  });
  fc.assert(
    fc.property(aRequest, (message) => {
      const bytes = outwardRequest(readServerMessage(Buffer.from(message.sent)), up, 'sealed', 'token');
      expect(bytes.toString()).toBe(message.arrives);
    }),
  );
});

test('a call arrives under the name the upstream knows and is otherwise the same to the byte', () => {
  const aCall = anObject({
    jsonrpc: text('2.0'),
    id: fc.constant(same('12345678901234567890')),
    method: text('tools/call'),
    params: anObject({ name: spelt('up__t').map((sent) => ({ sent, arrives: '"t"' })), arguments: anObject({}) }),
  });
  fc.assert(
    fc.property(aCall, (message) => {
      const bytes = inwardCall(readClientMessage(Buffer.from(message.sent)), { name: 't' });
      expect(bytes.toString()).toBe(message.arrives);
    }),
  );
});

test('the items of a list arrive under outward names and are otherwise the same to the byte', () => {
  const aTool = fc.integer({ min: 0, max: 9 }).chain((number) =>
    anObject({
      name: spelt(`t${number}`).map((sent) => ({ sent, arrives: `"up__t${number}"` })),
      _meta: anObject({ ui: anObject({ resourceUri: aUri }), 'ui/resourceUri': aUri }),
      inputSchema: anObject({ type: text('object'), name: text('n') }),
    }).map((tool) => ({ ...tool, number })),
  );
  const tools = fc.uniqueArray(aTool, { selector: ({ number }) => number });
  fc.assert(
    fc.property(tools, aSpace, (items, space) => {
      const list = items.map(({ sent }) => sent).join(`${space},${space}`);
      const page = renderPage(Buffer.from(`{"id":1,"result":{"tools":[${list}]},"jsonrpc":"2.0"}`), 'tools', up);
      expect(page.body.toString()).toBe(items.map(({ arrives }) => arrives).join());
      expect(page.count).toBe(items.length);
    }),
  );
});

const answer = {
  method: 'tools/call',
  serverInfo: '{"name":"manifold"}',
  sealState: (state: string) => `sealed ${state}`,
};
const modernMeta = '{"io.modelcontextprotocol/serverInfo":{"name":"manifold"}}';

test('a result of the session era arrives at a modern client with what it lacks in front, and is otherwise the same', () => {
  fc.assert(
    fc.property(anObject({ content: anArray(aBlock), structuredContent: anOddValue }), (inner) => {
      const message = readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${inner.sent}}`));
      const added = `"resultType":"complete","_meta":${modernMeta}`;
      expect(outwardModernResult(message, up, answer).toString()).toBe(
        `{"jsonrpc":"2.0","id":1,"result":{${added},${inner.arrives.slice(1)}}`,
      );
    }),
  );
});

test('what is added for a modern client is what is taken out for one of the session era', () => {
  const members = fc.dictionary(
    fc.string().map((key) => `x${key}`),
    fc.jsonValue(),
    { maxKeys: 3 },
  );
  const aResult = fc
    .tuple(members, fc.option(members, { nil: undefined }))
    .map(([own, meta]) => JSON.stringify(meta === undefined ? own : { ...own, _meta: meta }));
  fc.assert(
    fc.property(aResult, fc.constantFrom('tools/call', 'resources/read'), (inner, method) => {
      const message = readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${inner}}`));
      const modern = outwardModernResult(message, up, { ...answer, method });
      expect(modern.toString()).toContain('"resultType":"complete"');
      const legacy = outwardResult(readServerMessage(modern), up, '2025-11-25').toString();
      // A `_meta` that was empty has nothing to be told from one that was added.
      expect(legacy.replace(/,?"_meta":\{\}/, '')).toBe(message.bytes.toString().replace(/,?"_meta":\{\}/, ''));
    }),
  );
});
