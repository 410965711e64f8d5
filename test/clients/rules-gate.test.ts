/** The gate of a route with rules: what is denied, how it looks, and what tasks and completions count as. */
import { expect, test } from 'vitest';
import { compiled, reachOf, rulesGate } from '../../src/clients/rules-gate.ts';
import type { AuthorizationConfig } from '../../src/config/security.ts';
import { challengesOf } from '../../src/oauth/challenge.ts';
import type { Decision } from '../../src/oauth/rules.ts';
import { anonymous } from '../../src/transport/http/caller.ts';
import { toServer, upstreamAt } from './a-client.ts';

const upstream = upstreamAt(undefined);
const { id, name } = upstream.config;
const authorization: AuthorizationConfig = {
  defaultAction: 'Deny',
  rules: [
    { action: 'Allow', source: { scopes: ['read'], claims: [] }, tools: [{ upstream: id, tool: 'look' }] },
    { action: 'Allow', tools: [{ upstream: id, tool: 'add' }], cel: 'request.mcp.params.arguments.n < 10' },
  ],
};
const decisions: Decision[] = [];
const gate = rulesGate(
  {
    authorization,
    backendSelector: undefined,
    upstreams: [{ id, name }],
    challenges: challengesOf({ resource: 'https://gw.example.com/mcp', authorizationServers: ['https://as'] }),
  },
  (_caller, _subject, decision) => decisions.push(decision),
);
const caller = (...scopes: readonly string[]) => ({ ...anonymous({ rawHeaders: [] }), scopes: new Set(scopes) });
const codeOf = (scopes: readonly string[], tool: string, args: object = {}): string | undefined =>
  gate.refusal(
    caller(...scopes),
    { kind: 'tool', upstream, name: tool, method: 'tools/call' },
    toServer('tools/call', { name: tool, arguments: args }),
  )?.code;

test('a call is let in, or refused with the scopes, without them, or as what is not there', () => {
  expect(codeOf(['read'], 'look')).toBeUndefined();
  expect(codeOf([], 'look')).toBe('scope_insufficient');
  expect(codeOf([], 'other')).toBe('tool_unknown');
  expect(codeOf([], 'add', { n: 3 })).toBeUndefined();
  expect(codeOf([], 'add', { n: 30 })).toBe('access_denied');
  expect(decisions.map(({ rule }) => rule)).toEqual([0, 'default', 'default', 1, 'default']);
});

const shown = (list: 'tools' | 'prompts', item: string, ...scopes: readonly string[]): boolean =>
  gate.shows(caller(...scopes), list, upstream, item);

test('lists show what some parameters would open', () => {
  expect([shown('tools', 'look'), shown('tools', 'look', 'read'), shown('tools', 'add')]).toEqual([false, true, true]);
  expect(shown('prompts', 'greet', 'read')).toBe(false);
});

test('a task goes on while its caller has a tool at the upstream', () => {
  const task = { kind: 'task', upstream, name: 't1', method: 'tasks/get' } as const;
  const message = toServer('tasks/get', { taskId: 't1' });
  expect(gate.refusal(caller('read'), task, message)).toBeUndefined();
  const { mayBegin } = compiled({
    authorization: { ...authorization, rules: authorization.rules.slice(0, 1) },
    upstreams: [{ id, name }],
  });
  const subject = { kind: 'task', upstream: name, name: 't1', method: 'tasks/get' } as const;
  expect([mayBegin(caller('read'), subject).allow, mayBegin(caller(), subject).allow]).toEqual([true, false]);
});

test('a completion is about its prompt', () => {
  const message = toServer('completion/complete', { ref: { type: 'ref/prompt', name: 'greet' } });
  const subject = { kind: 'prompt', upstream, name: 'greet', method: 'completion/complete' } as const;
  expect(gate.refusal(caller('read'), subject, message)?.code).toBe('prompt_unknown');
});

test('rules of the settings come first, and a template means what is read by it', () => {
  const both = compiled({
    authorization: {
      defaultAction: 'Deny',
      first: [
        { action: 'Deny', resources: [{ upstream: id, uri: 'memo://private/{x}' }] },
        { action: 'Allow', prompts: [{ upstream: id }], resources: [{ upstream: id, uri: 'memo://{day}' }] },
      ],
      rules: [{ action: 'Allow', resources: [{ upstream: id }] }],
    },
    upstreams: [{ id, name }],
  }).decide;
  const of = (kind: 'prompt' | 'resource' | 'template' | 'subscription' | 'tool', about: string): unknown =>
    both(caller(), { kind, upstream: name, name: about, method: 'x' }).rule;
  expect(of('resource', 'memo://private/x')).toBe(0);
  expect(of('subscription', 'memo://private/x')).toBe(0);
  expect(of('template', 'memo://private/{x}')).toBe(0);
  expect(of('resource', 'memo://monday')).toBe(1);
  expect(of('template', 'memo://{day}')).toBe(1);
  expect(of('prompt', 'any')).toBe(1);
  expect(of('resource', 'other://x')).toBe(2);
  expect(of('tool', 'memo://monday')).toBe('default');
});

test('a selector without rules and one that denies by default', () => {
  expect(reachOf(undefined)(caller(), 'a')).toBe(true);
  const reaches = reachOf({ defaultAction: 'Deny', rules: [{ action: 'Allow', cel: 'request.mcp.backend == "a"' }] });
  expect([reaches(caller(), 'a'), reaches(caller(), 'b')]).toEqual([true, false]);
});
