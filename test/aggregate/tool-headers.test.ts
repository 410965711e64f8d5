import { expect, test } from 'vitest';
import { readToolHeaders, toolHeaderSteps } from '../../src/aggregate/tool-headers.ts';

function reply(tools: unknown): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } }));
}

const annotated = (header: unknown, type = 'string'): object => ({
  type: 'object',
  properties: { region: { type, 'x-mcp-header': header } },
});

test('a tool wants the headers that its schema annotates, and one without annotations wants none', () => {
  const { wanted, illegal } = readToolHeaders(
    reply([
      { name: 'a', inputSchema: annotated('Region') },
      { name: 'b', inputSchema: { type: 'object' } },
      { name: 'c' },
    ]),
  );
  expect([...wanted]).toEqual([
    ['a', [{ name: 'Mcp-Param-Region', path: ['region'] }]],
    ['b', []],
    ['c', []],
  ]);
  expect(illegal.size).toBe(0);
});

test('a tool that annotates what it must not is illegal, and the others of its page are not', () => {
  const { wanted, illegal } = readToolHeaders(
    reply([
      { name: 'space', inputSchema: annotated('no token') },
      { name: 'fine', inputSchema: annotated('Region', 'boolean') },
      { name: 'number', inputSchema: annotated('Region', 'number') },
      { name: 'seven', inputSchema: annotated(7) },
    ]),
  );
  expect([...illegal]).toEqual(['space', 'number', 'seven']);
  expect([...wanted.keys()]).toEqual(['fine']);
});

test('a page that is none has no tools, and an entry without a name is passed over', () => {
  for (const tools of [undefined, null, {}, 'x', [null, 1, {}, { name: 3, inputSchema: annotated('Region') }]]) {
    const { wanted, illegal } = readToolHeaders(reply(tools));
    expect([wanted.size, illegal.size]).toEqual([0, 0]);
  }
  expect(readToolHeaders(Buffer.from('{"jsonrpc":"2.0","id":1,"error":{}}')).wanted.size).toBe(0);
});

const named = (name: string, inputSchema: object): object => ({ name, inputSchema });

test('of annotated schemas 256 KiB each and 2 MiB in all are looked into; tools beyond it are not shown', () => {
  const padded = (bytes: number): object => ({ ...annotated('Region'), title: 'x'.repeat(bytes) });
  const tools = [
    named('large', padded(256 * 1024)),
    ...Array.from({ length: 8 }, (_, n) => named(`t${n}`, padded(250 * 1024))),
    named('last', annotated('Region')),
    named('beyond', padded(100 * 1024)),
    named('plain', { type: 'object' }),
  ];
  const { wanted, illegal } = readToolHeaders(reply(tools));
  expect([...illegal]).toEqual(['large', 'beyond']);
  expect([...wanted.keys()]).toEqual(['t0', 't1', 't2', 't3', 't4', 't5', 't6', 't7', 'last', 'plain']);
});

test('a long page is read in steps, none of them of much more than 128 KiB', () => {
  const tools = Array.from({ length: 2_000 }, (_, n) => ({ name: `t${n}`, description: 'd'.repeat(1_000) }));
  const steps = toolHeaderSteps(reply(tools));
  let count = 0;
  for (; steps.next().done !== true; count += 1);
  expect(count).toBe(15);
});
