import { expect, test } from 'vitest';
import {
  compileRules,
  compileSelector,
  RuleFault,
  type Decision,
  type Rule,
  type Rules,
} from '../../src/oauth/rules.ts';
import type { CallerFacts, RuleSubject, RuleSubjectKind } from '../../src/oauth/subject.ts';

function asking(scopes: readonly string[] = [], claims: Record<string, unknown> = {}): CallerFacts {
  return { scopes: new Set(scopes), claims, rawHeaders: [] };
}

function subject(kind: RuleSubjectKind = 'tool', name = 'read', upstream = 'files', params?: unknown): RuleSubject {
  return { kind, upstream, name, method: 'x', ...(params === undefined ? {} : { params: () => params }) };
}

function decide(rules: readonly Rule[], one = asking(), about = subject(), more: Partial<Rules> = {}): Decision {
  return compileRules({ rules, ...more })(one, about);
}

const target = (name?: string): NonNullable<Rule['targets']> => [{ kind: 'tool', upstream: 'files', name }];

test('without a rule that matches the default decides, which is Deny', () => {
  expect(decide([])).toEqual({ allow: false, rule: 'default' });
  expect(decide([], asking(), subject(), { defaultAction: 'Allow' })).toEqual({ allow: true, rule: 'default' });
  expect(decide([{ targets: target('write') }])).toEqual({ allow: false, rule: 'default' });
});

test('the first rule that matches decides', () => {
  const rules: Rule[] = [{ action: 'Deny', targets: target('write') }, { targets: target() }, { action: 'Deny' }];
  expect(decide(rules, asking(), subject('tool', 'write'))).toEqual({ allow: false, rule: 0 });
  expect(decide(rules, asking(), subject('tool', 'read'))).toEqual({ allow: true, rule: 1 });
  expect(decide(rules, asking(), subject('tool', 'read', 'other'))).toEqual({ allow: false, rule: 2 });
});

test('an empty rule allows everything', () => {
  expect(decide([{}]).allow).toBe(true);
});

test('all scopes and all claims are asked for', () => {
  const rules: Rule[] = [{ scopes: ['a', 'b'], claims: [{ name: 'org.team', values: ['red'] }] }];
  const red = { org: { team: 'red' } };
  expect(decide(rules, asking(['a', 'b', 'c'], red)).allow).toBe(true);
  expect(decide(rules, asking(['a'], red)).allow).toBe(false);
  expect(decide(rules, asking(['a', 'b'], { org: { team: 'blue' } })).allow).toBe(false);
});

test('a denial names the scopes of the rule that lacks the fewest, all of them', () => {
  const rules: Rule[] = [
    { scopes: ['a', 'b', 'c'] },
    { scopes: ['d', 'held'] },
    { scopes: ['e', 'f'], targets: target('write') },
    { scopes: ['z'], claims: [{ name: 'never', values: ['x'] }] },
    { scopes: ['y'], cel: 'false' },
  ];
  expect(decide(rules, asking(['held']))).toEqual({ allow: false, rule: 'default', scopes: ['d', 'held'] });
});

test('scopes that would not help are not named', () => {
  expect(decide([{ claims: [{ name: 'x', values: ['y'] }] }])).toEqual({ allow: false, rule: 'default' });
  // A rule behind the one that denies comes too late.
  expect(decide([{ action: 'Deny' }, { scopes: ['a'] }])).toEqual({ allow: false, rule: 0 });
  expect(decide([{ scopes: ['a'] }, { action: 'Deny' }])).toEqual({ allow: false, rule: 1, scopes: ['a'] });
});

test('conditions see the caller and the parameters', () => {
  const rules: Rule[] = [{ cel: 'request.mcp.params.arguments.path.startsWith("/tmp/")' }];
  expect(decide(rules, asking(), subject('tool', 'read', 'files', { arguments: { path: '/tmp/x' } })).allow).toBe(true);
  expect(decide(rules, asking(), subject('tool', 'read', 'files', { arguments: { path: '/etc' } })).allow).toBe(false);
  expect(decide([{ cel: '"a" in request.auth.jwt.scopes' }], asking(['a'])).allow).toBe(true);
});

test('in a list an entry is shown when some parameters would do', () => {
  const cel = 'request.mcp.params.arguments.path == "/tmp/x"';
  expect(decide([{ cel }]).allow).toBe(true);
  expect(decide([{ action: 'Deny', cel }, {}]).allow).toBe(true);
});

test('a condition that fails opens nothing, unless that is asked for', () => {
  const broken = 'request.nothing == 1';
  const called = subject('tool', 'read', 'files', {});
  expect(decide([{ cel: broken }], asking(), called).allow).toBe(false);
  const rules: Rule[] = [{ action: 'Deny', cel: broken }, {}];
  expect(decide(rules, asking(), called)).toEqual({ allow: false, rule: 0 });
  expect(decide(rules, asking(), called, { celErrorAction: 'noMatch' })).toEqual({ allow: true, rule: 1 });
  expect(decide([{ action: 'Deny', cel: broken, targets: target('other') }, {}], asking(), called).allow).toBe(true);
});

test('every kind is judged: a completion by its prompt or template, a task by its tool, a subscription by its resource', () => {
  const rules: Rule[] = [
    {
      targets: [
        { kind: 'tool', upstream: 'files', name: 't' },
        { kind: 'prompt', upstream: 'files', name: 'p' },
        { kind: 'resource', upstream: 'files', name: 'file:///r' },
      ],
    },
  ];
  const allowed = (kind: RuleSubjectKind, name: string): boolean => decide(rules, asking(), subject(kind, name)).allow;
  expect(['tool', 'task'].map((kind) => allowed(kind as RuleSubjectKind, 't'))).toEqual([true, true]);
  expect(['prompt', 'completion'].map((kind) => allowed(kind as RuleSubjectKind, 'p'))).toEqual([true, true]);
  for (const kind of ['resource', 'template', 'completion', 'subscription'] as const)
    expect(allowed(kind, 'file:///r')).toBe(true);
  expect(allowed('prompt', 't')).toBe(false);
  expect(allowed('tool', 'p')).toBe(false);
  expect(allowed('resource', 'file:///s')).toBe(false);
});

test('a list is for everyone, as its entries are judged', () => {
  expect(decide([], asking(), subject('list', ''))).toEqual({ allow: true, rule: 'exempt' });
});

test('rules may be for tools alone', () => {
  const more = { kinds: ['tool'] } as const;
  expect(decide([], asking(), subject('resource'), more)).toEqual({ allow: true, rule: 'exempt' });
  expect(decide([], asking(), subject('completion'), more).allow).toBe(true);
  expect(decide([], asking(), subject('tool'), more).allow).toBe(false);
  expect(decide([], asking(), subject('task'), more).allow).toBe(false);
});

test('a fault names its rule', () => {
  try {
    compileRules({ rules: [{}, { cel: 'no cel at all' }] });
    expect.unreachable();
  } catch (fault) {
    expect(fault).toBeInstanceOf(RuleFault);
    expect((fault as RuleFault).index).toBe(1);
  }
});

test('names cannot be joined to make another one', () => {
  const rules: Rule[] = [{ targets: [{ kind: 'tool', upstream: 'a', name: 'b' }] }];
  expect(decide(rules, asking(), subject('tool', '', 'a\0b')).allow).toBe(false);
});

test('a selector says which upstreams a caller gets', () => {
  const select = compileSelector({
    rules: [
      { cel: 'request.mcp.backend == "secret"', action: 'Deny' },
      { cel: '"staff" in request.auth.jwt.scopes' },
      { cel: 'request.mcp.backend == "open" && request.mcp.method == "initialize"' },
    ],
  });
  const gets = (one: CallerFacts): boolean[] =>
    ['secret', 'open', 'files'].map((upstream) => select(one, upstream, 'initialize'));
  expect(gets(asking())).toEqual([false, true, false]);
  expect(gets(asking(['staff']))).toEqual([false, true, true]);
  expect(compileSelector({ rules: [], defaultAction: 'Allow' })(asking(), 'x', 'initialize')).toBe(true);
  // A condition that fails opens nothing.
  expect(
    compileSelector({ rules: [{ cel: 'request.nothing == 1', action: 'Deny' }], defaultAction: 'Allow' })(
      asking(),
      'x',
      'y',
    ),
  ).toBe(false);
});
