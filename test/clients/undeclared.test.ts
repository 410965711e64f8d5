/** Requests of a server that nobody will answer: the gateway says so. */
import { describe, expect, test } from 'vitest';
import { ownAnswer, undeclared } from '../../src/clients/undeclared.ts';
import { clientCapability as c } from '../../src/protocol/capabilities.ts';
import { aClient, aSession, ofServer } from './a-client.ts';

for (const [method, params, declared, code] of [
  ['roots/list', {}, c.roots, undefined],
  ['roots/list', {}, c.sampling, -32601],
  ['sampling/createMessage', {}, c.sampling, undefined],
  ['sampling/createMessage', {}, c.roots, -32601],
  ['elicitation/create', {}, c.elicitationForm, undefined],
  ['elicitation/create', { mode: 'form' }, c.elicitationUrl, -32602],
  ['elicitation/create', { mode: 'url' }, c.elicitationUrl, undefined],
  ['elicitation/create', { mode: 'url' }, c.elicitationForm, -32602],
  ['elicitation/create', { mode: 'url' }, 0, -32601],
  ['tasks/get', {}, c.tasks, undefined],
  ['tasks/result', {}, c.tasksCancel, -32601],
  ['tasks/cancel', {}, c.tasksCancel, undefined],
  ['tasks/cancel', {}, c.tasks, -32601],
  ['tasks/list', {}, ~0, -32601],
  ['tools/list', {}, ~0, -32601],
  ['example.com/ask', {}, 0, undefined],
] as const)
  test(`${method} ${JSON.stringify(params)} of a client with ${declared} is ${code ?? 'the client’s'}`, () => {
    expect(undeclared(ofServer(method, params, 'q'), declared)?.code).toBe(code);
  });

const roots = ofServer('roots/list', {}, 'q');

describe('who may be asked', () => {
  test('a client with sessions, on a session of its own', () => {
    const client = aClient({ capabilities: c.roots });
    expect(ownAnswer(roots, aSession({ sessionId: 's' }), client)).toBeUndefined();
    expect(ownAnswer(roots, aSession({ sessionId: 's', isShared: true }), client)).toContain('-32601');
  });

  test('a client of 2026-07-28, on the stream of a call that can be asked in', () => {
    const client = aClient({ revision: '2026-07-28', capabilities: c.roots, isShared: true });
    const session = aSession({ sessionId: 's', isShared: true });
    expect(ownAnswer(roots, session, client, 'tools/call')).toBeUndefined();
    expect(ownAnswer(roots, session, client, 'tools/list')).toContain('-32601');
    expect(ownAnswer(roots, session, client)).toContain('-32601');
    // Without a session the answer could not be brought to the server.
    expect(ownAnswer(roots, aSession({ isShared: true }), client, 'tools/call')).toContain('-32601');
  });
});

test('a ping is answered whoever is there', () => {
  expect(ownAnswer(ofServer('ping', {}, 'p'), aSession({ isShared: true }), aClient())).toBe(
    '{"jsonrpc":"2.0","id":"p","result":{}}',
  );
});
