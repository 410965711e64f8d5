import { expect, test } from 'vitest';
import {
  celCaller,
  celCondition,
  celRequest,
  maxCelChars,
  maxMatchedChars,
  maxPatternChars,
  type CelOutcome,
} from '../../src/oauth/cel.ts';
import { maxCelNesting } from '../../src/oauth/cel-cost.ts';
import type { CallerFacts, RuleSubject } from '../../src/oauth/subject.ts';

const asking: CallerFacts = {
  scopes: new Set(['read']),
  claims: { sub: 'alice', groups: ['red'], level: 3 },
  rawHeaders: ['Host', 'gw.example.com', 'X-Team', 'red', 'X-Team', 'blue'],
  http: { method: 'POST', path: '/mcp' },
};

function outcome(expression: string, params?: unknown, subject: Partial<RuleSubject> = {}): CelOutcome {
  const about: RuleSubject = {
    kind: 'tool',
    upstream: 'files',
    name: 'write',
    method: 'tools/call',
    ...(params === undefined ? {} : { params: () => params }),
    ...subject,
  };
  return celCondition(expression)(celRequest(celCaller(asking), about));
}

test.each([
  'request.method == "POST"',
  'request.host == "gw.example.com"',
  'request.path == "/mcp"',
  'request.headers["x-team"] == "red"',
  'request.headers_all["x-team"].size() == 2',
  'request.auth.jwt.claims.sub == "alice"',
  'request.auth.jwt.claims.level >= 3',
  '"red" in request.auth.jwt.claims.groups',
  '"read" in request.auth.jwt.scopes',
  'request.mcp.method == "tools/call"',
  'request.mcp.backend == "files"',
  'request.mcp.tool == "write" && request.mcp.kind == "tool" && request.mcp.name == "write"',
  'request.mcp.params.arguments.path.startsWith("/tmp/")',
  'request.mcp.params.arguments.n == 5 && request.mcp.params.arguments.n > 4',
  'request.mcp.params.arguments.tags.exists(t, t == "b")',
  'request.mcp.params.?missing.orValue("d") == "d"',
  '!has(request.mcp.params.arguments.missing)',
  'request.headers["x-team"].matches("^r.d$")',
])('%s', (expression) => {
  expect(outcome(expression, { arguments: { path: '/tmp/x', n: 5, tags: ['a', 'b'] } })).toBe(true);
});

test('what is no boolean, or fails, is an error', () => {
  for (const expression of [
    'request.auth.jwt.claims.sub',
    'request.nothing == 1',
    'request.mcp.params.arguments.n == 1',
  ]) {
    expect(outcome(expression, {})).toBe('error');
  }
});

test('without parameters a condition that needs them is open, and one that does not is decided', () => {
  expect(outcome('request.mcp.params.arguments.n == 1')).toBe('open');
  expect(outcome('request.mcp.params.arguments.n == 1 && request.method == "GET"')).toBe(false);
  expect(outcome('request.mcp.params.arguments.n == 1 || request.method == "POST"')).toBe(true);
  expect(outcome('request.nothing == 1')).toBe('error');
});

test('whoever uses the request as a whole gets all of it', () => {
  for (const expression of [
    'size(request) == 7',
    '"headers" in request && "host" in request',
    'request["headers"]["x-team"] == "red"',
    '[request].exists(r, r.host == "gw.example.com")',
    'has(request.headers) && has(request.headers_all) && has(request.auth.jwt)',
    'request.?host.orValue("none") == "gw.example.com"',
    'cel.bind(r, request, r.headers["host"] == "gw.example.com")',
  ])
    expect([expression, outcome(expression, {})]).toEqual([expression, true]);
});

test('headers are read by conditions that name them alone', () => {
  let read = 0;
  const rawHeaders = new Proxy(asking.rawHeaders, {
    get: (target, key) => ((read += 1), Reflect.get(target, key) as unknown),
  });
  const ask = (expression: string): CelOutcome =>
    celCondition(expression)(
      celRequest(celCaller({ ...asking, rawHeaders }), {
        kind: 'tool',
        upstream: 'u',
        name: 'n',
        method: 'tools/call',
      }),
    );
  expect(ask('request.mcp.tool == "n" && request.method == "POST" && "read" in request.auth.jwt.scopes')).toBe(true);
  expect(read).toBe(0);
  expect(ask('request.host == "gw.example.com"')).toBe(true);
  expect(read).toBeGreaterThan(0);
});

test('parameters are read by conditions that name them alone', () => {
  let read = 0;
  const subject = { params: () => (read += 1) };
  expect(outcome('request.mcp.tool == "write"', undefined, subject)).toBe(true);
  expect(outcome('request.mcp["par" + "ams"] == 1', undefined, subject)).toBe('error');
  expect(outcome('size(request.mcp) == 5', undefined, subject)).toBe(true);
  expect(read).toBe(0);
  outcome('request.mcp.params == 1 || request.mcp.params == 2', undefined, subject);
  expect(read).toBe(1);
});

test.each([
  ['no CEL', 'request.'],
  ['no boolean', '"text"'],
  ['an unknown variable', 'response.x == 1'],
  ['an unknown function', 'request.path.frob()'],
  ['no pattern', 'request.path.matches("(")'],
  ['a pattern that RE2 does not know', String.raw`request.path.matches("(a)\\1")`],
  ['too long', `request.path == "${'x'.repeat(maxCelChars)}"`],
])('refused: %s', (_what, expression) => {
  expect(() => celCondition(expression)).toThrow();
});

test('an expression may have 4,096 characters', () => {
  const around = 'request.path == ""'.length;
  expect(() => celCondition(`request.path == "${'x'.repeat(maxCelChars - around)}"`)).not.toThrow();
  expect(() => celCondition(`request.path == "${'x'.repeat(maxCelChars - around + 1)}"`)).toThrow('longer');
});

function nested(depth: number): string {
  let expression = 'true';
  for (let i = 0; i < depth; i++) expression = `request.mcp.params.l.all(x${i}, ${expression})`;
  return expression;
}

test('loops may be nested four deep', () => {
  expect(() => celCondition(nested(maxCelNesting))).not.toThrow();
  expect(() => celCondition(nested(maxCelNesting + 1))).toThrow('nested');
});

test('a pattern is matched by RE2, and within bounds', () => {
  const text = `${'a'.repeat(40)}!`;
  expect(outcome('request.mcp.params.t.matches("^(a+)+$")', { t: text })).toBe(false);
  expect(outcome('request.mcp.params.t.matches("a$")', { t: 'a'.repeat(maxMatchedChars) })).toBe(true);
  expect(outcome('request.mcp.params.t.matches("a$")', { t: 'a'.repeat(maxMatchedChars + 1) })).toBe('error');
  expect(outcome('"a".matches(request.mcp.params.t)', { t: 'a?'.repeat(maxPatternChars / 2) })).toBe(true);
  expect(outcome('"a".matches(request.mcp.params.t)', { t: `${'a?'.repeat(maxPatternChars / 2)}a` })).toBe('error');
});

test('one loop over much is done, loops within loops over as much are refused before they run', () => {
  const params = { l: Array.from({ length: 10_000 }, (_, i) => i) };
  expect(outcome('request.mcp.params.l.exists(x, x == 9999)', params)).toBe(true);
  expect(outcome('request.mcp.params.l.all(x, request.mcp.params.l.exists(y, x == y))', params)).toBe('error');
  expect(outcome('request.mcp.params.l.all(x, request.mcp.params.l.exists(y, x == y))', { l: [1, 2, 3] })).toBe(true);
});

test('what would grow without end is refused before it runs', () => {
  const doubled = `[request.path]${'.map(x, x + x)'.repeat(20)}.size() == 1`;
  expect(outcome(doubled)).toBe('error');
  let bound = 'a20.size() > 0';
  for (let i = 20; i > 0; i--) bound = `cel.bind(a${i}, a${i - 1} + a${i - 1}, ${bound})`;
  expect(outcome(`cel.bind(a0, request.path, ${bound})`)).toBe('error');
  expect(
    outcome('request.mcp.params.l.map(x, "").join(request.mcp.params.t).size() == 0', {
      l: Array(2_000).fill(''),
      t: 'x'.repeat(50_000),
    }),
  ).toBe('error');
});
