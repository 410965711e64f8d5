/** To which era a POST belongs, and what it has to say in each. */
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/errors.ts';
import type { Head } from '../../../src/transport/http/accept.ts';
import { nobody } from '../../../src/transport/http/caller.ts';
import { beginsWork, type Incoming } from '../../../src/transport/downstream/incoming.ts';
import { readIncoming } from '../../../src/transport/downstream/read.ts';

interface Who {
  readonly of: string;
  readonly revision: '2025-03-26' | '2025-11-25';
}

/** Head members that decide; the rest is of no interest here. */
function read(
  message: unknown,
  head: Partial<Head> = {},
  revision: Who['revision'] = '2025-11-25',
): Incoming<Who> | readonly Incoming<Who>[] {
  return readIncoming<Who>({ rawHeaders: [], ...head } as Head, Buffer.from(JSON.stringify(message)), nobody, {
    ofSession: () => ({ of: 'session', revision }),
    stateless: (_caller, capabilities) => ({ of: `nobody ${capabilities}`, revision }),
  });
}

const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
  own: 1,
};
const modernHead = { revision: '2026-07-28', mcpMethod: 'tools/call', mcpName: 'größe' } as Partial<Head>;
const encoded = { ...modernHead, mcpName: `=?base64?${Buffer.from('größe').toString('base64')}?=` };
const call = (params: object = {}): object => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'größe', _meta, ...params },
});
const legacyCall = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a' } };

const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;

/** The code of a fault that is told in the words of 2026-07-28. */
function refusal(message: object, head: Partial<Head>): string {
  const incoming = read(message, head) as Incoming<Who>;
  if (incoming.kind !== 'refused') return incoming.kind;
  return incoming.fault instanceof GatewayError ? incoming.fault.code : String(incoming.fault);
}

describe('the session era', () => {
  test('is that of every body without an envelope', () => {
    expect(read(legacyCall)).toMatchObject({ kind: 'request', client: { of: 'session' }, said: undefined });
    expect(read({ jsonrpc: '2.0', method: 'notifications/initialized' })).toMatchObject({ kind: 'notification' });
    expect(read({ jsonrpc: '2.0', id: 'q', result: {} })).toMatchObject({ kind: 'answer', client: { of: 'session' } });
  });

  test('begins with initialize, which needs no session', () => {
    expect(read({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })).toMatchObject({ kind: 'initialize' });
  });

  test('has batches in one revision', () => {
    const batch = [legacyCall, { jsonrpc: '2.0', method: 'notifications/initialized' }];
    expect(read(batch, {}, '2025-03-26')).toMatchObject([{ kind: 'request' }, { kind: 'notification' }]);
    expect(() => read(batch)).toThrow(code('batch_unsupported'));
    expect(() => read([], {}, '2025-03-26')).toThrow(code('message_invalid'));
    const begins = [{ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }];
    expect(() => read(begins, {}, '2025-03-26')).toThrow(code('initialize_misplaced'));
  });
});

describe('2026-07-28', () => {
  test('is that of a body with an envelope, which ends here', () => {
    const incoming = read(call(), encoded) as Extract<Incoming<Who>, { kind: 'request' }>;
    expect(incoming).toMatchObject({
      kind: 'request',
      client: { of: 'nobody 0' },
      said: { itself: true, clientInfo: '{"name":"c","version":"1"}' },
    });
    expect(JSON.parse(incoming.message.bytes.toString())).toMatchObject({
      params: { name: 'größe', _meta: { own: 1 } },
    });
    expect(incoming.message.bytes.toString()).not.toContain('protocolVersion');
  });

  test.each<[string, object, Partial<Head>, string]>([
    ['another revision in the header', call(), { ...encoded, revision: '2025-11-25' }, 'header_mismatch'],
    ['another method in the header', call(), { ...encoded, mcpMethod: 'tools/list' }, 'header_mismatch'],
    ['another name in the header', call(), { ...encoded, mcpName: 'other' }, 'header_mismatch'],
    ['no name in the header', call(), { ...encoded, mcpName: undefined }, 'header_mismatch'],
    ['a name that no header can carry', call(), modernHead, 'header_mismatch'],
    ['a method of the session era', { ...call(), method: 'ping' }, { ...encoded, mcpMethod: 'ping' }, 'method_absent'],
    [
      'a task that was not declared',
      { jsonrpc: '2.0', id: 1, method: 'tasks/get', params: { taskId: 't', _meta } },
      { ...modernHead, mcpMethod: 'tasks/get', mcpName: 't' },
      'capability_missing',
    ],
    ['no envelope', legacyCall, modernHead, 'envelope_incomplete'],
    ['initialize', { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }, modernHead, 'header_mismatch'],
  ])('refuses %s in its own words', (_what, message, head, code) => {
    expect(refusal(message, head)).toBe(code);
  });

  test('knows no notifications of clients: one has no effect', () => {
    const notification = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
    for (const message of [notification, { ...notification, params: { ...notification.params, _meta } }])
      expect(read(message, modernHead)).toMatchObject({ kind: 'notification', plan: { kind: 'terminate' } });
  });

  test('names the revision that it knows to who asks for another', () => {
    const other = { ..._meta, 'io.modelcontextprotocol/protocolVersion': '2027-01-01' };
    const head = { ...encoded, revision: '2027-01-01' } as Partial<Head>;
    expect(refusal(call({ _meta: other }), head)).toBe('revision_unknown');
  });
});

const begins = (message: unknown, head?: Partial<Head>): boolean => beginsWork(read(message, head, '2025-03-26'));

test('work begins with a request, unless it comes back with its state', () => {
  expect(begins(call(), encoded)).toBe(true);
  expect(begins(call({ requestState: 'x' }), encoded)).toBe(false);
  expect(begins({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })).toBe(true);
  expect(begins([{ jsonrpc: '2.0', method: 'notifications/initialized' }])).toBe(false);
  expect(begins([{ jsonrpc: '2.0', method: 'notifications/initialized' }, legacyCall])).toBe(true);
});
