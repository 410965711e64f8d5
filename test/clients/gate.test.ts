/** What the selectors allow, and how a thing is answered that is not there. */
import { expect, test } from 'vitest';
import { selectors, unknownFault, type SubjectKind } from '../../src/clients/gate.ts';
import { nobody } from '../../src/transport/http/caller.ts';
import { toServer, upstreamAt } from './a-client.ts';

const upstream = upstreamAt(undefined, {
  tools: { include: undefined, exclude: new Set(['secret']) },
  prompts: { include: new Set(['open']), exclude: new Set() },
});
const allows = (kind: SubjectKind, name: string): boolean =>
  selectors.refusal(nobody, { kind, upstream, name, method: 'x' }, toServer('tools/call', { name })) === undefined;

test('each kind is judged by its own selector', () => {
  expect([allows('tool', 'secret'), allows('tool', 'other')]).toEqual([false, true]);
  expect([allows('prompt', 'open'), allows('prompt', 'other')]).toEqual([true, false]);
  expect(allows('resource', 'secret')).toBe(true);
  expect(selectors.dependsOnCaller).toBe(false);
});

test('resources are judged by their selector, and one hidden is refused like one that never was', () => {
  const chosen = upstreamAt(undefined, {
    resources: { include: undefined, exclude: new Set(['a://secret']), includePatterns: ['^a:'] },
  });
  const codes = ['a://open', 'a://secret', 'b://other'].map((name) => {
    const subject = { kind: 'resource', upstream: chosen, name, method: 'resources/read' } as const;
    return selectors.refusal(nobody, subject, toServer('resources/read', { uri: name }))?.code;
  });
  expect(codes).toEqual([undefined, 'resource_unknown', 'resource_unknown']);
});

test('a method nothing is known of must be hidden under neither kind', () => {
  expect([allows('method', 'open'), allows('method', 'secret'), allows('method', 'other')]).toEqual([
    true,
    false,
    false,
  ]);
});

test('a task is its session’s own affair', () => expect(allows('task', 'secret')).toBe(true));

for (const [kind, method, params, code, data] of [
  ['tool', 'tools/call', { name: 'up__x' }, 'tool_unknown', { tool: 'up__x' }],
  ['prompt', 'prompts/get', { name: 'up__x' }, 'prompt_unknown', { prompt: 'up__x' }],
  ['prompt', 'completion/complete', { ref: { type: 'ref/prompt', name: 'p' } }, 'prompt_unknown', { prompt: 'p' }],
  ['resource', 'resources/read', { uri: 'up+a://b' }, 'resource_unknown', { uri: 'up+a://b' }],
  [
    'resource',
    'completion/complete',
    { ref: { type: 'ref/resource', uri: 'a://{b}' } },
    'resource_unknown',
    { uri: 'a://{b}' },
  ],
  ['task', 'tasks/get', { taskId: 't' }, 'task_unknown', undefined],
  ['method', 'what/ever', {}, 'method_unknown', undefined],
] as const)
  test(`${method} for an unknown ${kind} is answered with ${code} and the client’s own word`, () => {
    const fault = unknownFault({ kind }, toServer(method, params), 'for the log');
    expect(fault).toMatchObject({ code, publicData: data, detail: 'for the log' });
  });
