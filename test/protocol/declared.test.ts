/** What a stranger declares is read from the scan as it would be from the parsed text, and however large it is at little cost. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientCapabilityBits, serverCapabilityBits } from '../support/parsed-capabilities.ts';
import { clientBits, modernServerBits, serverBits } from '../../src/protocol/declared.ts';
import { readClientMessage, readServerMessage } from '../../src/protocol/envelope.ts';
import { GatewayError } from '../../src/errors.ts';
import { readFilter } from '../../src/protocol/subscription-filter.ts';

const client = (capabilities: string) =>
  readClientMessage(
    Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":${capabilities}}}`),
  ).params?.member('capabilities');
const server = (capabilities: string) =>
  readServerMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"capabilities":${capabilities}}}`))
    .root.member('result')
    ?.member('capabilities');

const leaf = fc.oneof(fc.constant({}), fc.constant(true), fc.constant(null), fc.constant(7));
const some = (...names: string[]) =>
  fc.oneof(leaf, fc.record(Object.fromEntries(names.map((name) => [name, leaf])), { requiredKeys: [] }));

test('the bits of a client are those of its parsed capabilities', () => {
  const any = fc.record(
    {
      roots: some('listChanged'),
      sampling: some('context', 'tools'),
      elicitation: some('form', 'url'),
      tasks: fc.record({ list: leaf, cancel: leaf, requests: fc.record({ sampling: some('createMessage') }) }),
      extensions: some('io.modelcontextprotocol/ui', 'other'),
      experimental: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(any, (capabilities) => {
      const text = JSON.stringify(capabilities);
      expect(clientBits(client(text))).toBe(clientCapabilityBits(JSON.parse(text)));
    }),
  );
});

test('the bits of a server are those of its parsed capabilities, and an empty list is an empty object', () => {
  const any = fc.record(
    {
      tools: some('listChanged'),
      resources: some('subscribe', 'listChanged'),
      logging: leaf,
      tasks: fc.record({ list: leaf, requests: fc.record({ tools: some('call') }) }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(any, (capabilities) => {
      const text = JSON.stringify(capabilities);
      expect(serverBits(server(text))).toBe(serverCapabilityBits(JSON.parse(text)));
    }),
  );
  expect(serverBits(server('{"tools":[]}'))).toBe(1);
  expect(modernServerBits(server('{"extensions":{"io.modelcontextprotocol/tasks":{}}}'))).toBe(1 << 14);
});

test('what is no object declares nothing', () => {
  for (const text of ['{}', '[]', 'null', '"tools"', '7'])
    expect([clientBits(client(text)), serverBits(server(text))]).toEqual([0, 0]);
});

describe('4 MiB of members that nobody asked for', () => {
  const keys = Array.from({ length: 250_000 }, (_each, n) => `"k${n}":{}`).join();

  test('are refused in capabilities and in _meta before they are remembered', () => {
    for (const read of [
      () => client(`{${keys}}`),
      () =>
        readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{${keys}}}}`)),
    ])
      expect(read).toThrow(GatewayError);
  });

  test('pass inside a member that is not looked into', () => {
    expect(clientBits(client(`{"roots":{},"experimental":{${keys}}}`))).toBe(1);
  });
});

const filter = (text: string) =>
  readFilter(
    readClientMessage(
      Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":${text}}}`),
    ),
    { uris: 3, tasks: 2 },
  );

describe('the filter of a subscription', () => {
  test('holds what was asked for, each once', () => {
    expect(filter('{"toolsListChanged":true,"promptsListChanged":1,"resourceSubscriptions":["a","a",7]}')).toEqual({
      toolsListChanged: true,
      promptsListChanged: false,
      resourcesListChanged: false,
      resourceSubscriptions: ['a'],
      taskIds: undefined,
    });
  });

  test('longer texts are left out, more than may be watched and what is no list are refused', () => {
    expect(filter(`{"resourceSubscriptions":["${'x'.repeat(8_200)}","b"]}`).resourceSubscriptions).toEqual(['b']);
    for (const text of ['{"resourceSubscriptions":["a","b","c","d"]}', '{"taskIds":{}}', '[]', 'null'])
      expect(() => filter(text)).toThrow(GatewayError);
  });
});

test('absent params may be written as null, and go no further', () => {
  const message = readClientMessage(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}'));
  expect([message.params, message.bytes.toString()]).toEqual([
    undefined,
    '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  ]);
});
