/** The lines of the audit log: who, about what, by which rule, how it ended; and nothing that a client or server has said besides. */
import { expect, test } from 'vitest';
import type { Decision } from '../../src/oauth/rules.ts';
import type { RuleSubject } from '../../src/oauth/subject.ts';
import { tokenInvalid } from '../../src/oauth/faults.ts';
import { auditOf } from '../../src/route/audit.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { anonymous, type Caller } from '../../src/transport/http/caller.ts';

function written(): { readonly audit: ReturnType<typeof auditOf>; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', {
    write: (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>),
  });
  return { audit: auditOf('n/r', log), lines };
}

const alice: Caller = {
  ...anonymous({ rawHeaders: ['Authorization', 'Bearer secret-token'] }),
  principal: { iss: 'https://as', sub: 'alice', bind: 'b' },
  claims: { email: 'secret@example.com' },
};
const subject: RuleSubject = {
  kind: 'prompt',
  upstream: 'files',
  name: 'greet',
  method: 'prompts/get',
  params: () => ({ arguments: { who: 'secret' } }),
};

test.each<[Caller, Decision, object]>([
  [alice, { allow: true, rule: 0 }, { iss: 'https://as', sub: 'alice', rule: 1, outcome: 'allowed' }],
  [alice, { allow: false, rule: 'default', scopes: ['a'] }, { sub: 'alice', rule: 'default', outcome: 'denied' }],
  [
    anonymous({ rawHeaders: [] }),
    { allow: true, rule: 'exempt' },
    { sub: 'anonymous', rule: 'exempt', outcome: 'allowed' },
  ],
])('a decision: %#', (caller, decision, line) => {
  const { audit, lines } = written();
  audit.onDecision(caller, subject, decision);
  expect(lines).toMatchObject([
    { msg: 'audit', route: 'n/r', kind: 'prompt', method: 'prompts/get', upstream: 'files', name: 'greet', ...line },
  ]);
  const fields = ['kind', 'level', 'method', 'msg', 'name', 'outcome', 'route', 'rule', 'sub', 'time', 'upstream'];
  expect(new Set(Object.keys(lines[0]!))).toEqual(new Set(caller === alice ? ['iss', ...fields] : fields));
  expect(JSON.stringify(lines)).not.toContain('secret');
});

test('a refusal has its code, and what was wrong in words', () => {
  const { audit, lines } = written();
  audit.onRefused(tokenInvalid('Bearer', 'expired'));
  expect(lines).toMatchObject([{ route: 'n/r', outcome: 'refused', code: 'token_invalid', detail: 'expired' }]);
});

test('of a name 256 characters are written, and no line break ends a line', () => {
  const { audit, lines } = written();
  audit.onDecision(alice, { ...subject, name: `${'x'.repeat(300)}\n{"outcome":"allowed"}` }, { allow: true, rule: 0 });
  audit.onDecision(alice, { ...subject, name: 'a\n{"outcome":"allowed"}' }, { allow: false, rule: 0 });
  expect(lines.map(({ name }) => String(name).length)).toEqual([257, 23]);
});

test('the level of the log counts at each decision', () => {
  const lines: string[] = [];
  const log = createLog('warn', { write: (text: string) => void lines.push(text) });
  const { onDecision } = auditOf('n/r', log);
  for (const level of ['warn', 'info', 'error', 'debug']) {
    log.level = level;
    onDecision(alice, subject, { allow: true, rule: 0 });
    onDecision(anonymous({ rawHeaders: [] }), subject, { allow: true, rule: 0 });
  }
  expect(lines).toHaveLength(4);
});

test('without a log nothing is written', () => {
  const { onDecision, onRefused } = auditOf('n/r', undefined);
  expect(() => {
    onDecision(alice, subject, { allow: true, rule: 0 });
    onRefused(tokenInvalid('Bearer', 'x'));
  }).not.toThrow();
});
