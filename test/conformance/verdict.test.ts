/** The runner must notice every loss: what it overlooks, nobody sees. */
import { describe, expect, test } from 'vitest';
import { reportOf, summaryOf } from '../../conformance/report.ts';
import type { Check, Status } from '../../conformance/suite.ts';
import { parseRequirements, requirementsOf, scenarioOf } from '../../conformance/suite.ts';
import { judge } from '../../conformance/verdict.ts';

const check = (id: string, status: Status, errorMessage?: string): Check =>
  errorMessage === undefined ? { id, name: id, status } : { id, name: id, status, errorMessage };
const requirements = { scored: ['ping'], unscored: ['polling'] };
const twice = (second: Status) => new Map([...passing, ['ping', [check('same', 'SUCCESS'), check('same', second)]]]);
const passing = new Map([
  ['ping', [check('ping', 'SUCCESS'), check('wire', 'SUCCESS')]],
  ['polling', [check('polling', 'SUCCESS'), check('note', 'INFO')]],
]);

describe('the verdict', () => {
  test('is good when the gateway passes all that the server passes', () => {
    const verdict = judge(requirements, passing, passing, []);
    expect([verdict.isGood, verdict.losses, verdict.score]).toEqual([true, [], { passed: 1, of: 1 }]);
  });

  for (const status of ['FAILURE', 'WARNING', 'SKIPPED', 'INFO'] as const) {
    test(`counts a check that turns from SUCCESS to ${status} as lost`, () => {
      const after = new Map([...passing, ['ping', [check('ping', status, 'why'), check('wire', 'SUCCESS')]]]);
      const verdict = judge(requirements, passing, after, []);
      expect(verdict.isGood).toBe(false);
      expect(verdict.losses).toEqual([{ scenario: 'ping', check: 'ping', status, message: 'why' }]);
    });
  }

  test('counts a check or a whole scenario that is missing as lost, scored or not', () => {
    const after = new Map([['ping', [check('ping', 'SUCCESS')]]]);
    expect(judge(requirements, passing, after, []).losses).toEqual([
      { scenario: 'ping', check: 'wire', status: 'missing', message: '' },
      { scenario: 'polling', check: 'polling', status: 'missing', message: '' },
    ]);
    const nothing = judge(requirements, passing, new Map(), []);
    expect([nothing.isGood, nothing.score]).toEqual([false, { passed: 0, of: 1 }]);
  });

  test('compares checks of one name by their order', () => {
    expect(judge(requirements, twice('SUCCESS'), twice('FAILURE'), []).losses).toHaveLength(1);
  });

  test('is not good when a scored scenario fails at the server as well', () => {
    const broken = new Map([...passing, ['ping', [check('ping', 'FAILURE')]]]);
    const verdict = judge(requirements, broken, broken, []);
    expect([verdict.losses, verdict.isGood]).toEqual([[], false]);
  });

  test('does not count what is skipped with and without the gateway, and counts what only the gateway skips', () => {
    const skipping = (...statuses: Status[]) =>
      new Map([...passing, ['ping', [check('ping', 'SUCCESS'), ...statuses.map((status) => check('other', status))]]]);
    const verdict = judge(requirements, skipping('SKIPPED'), skipping('SKIPPED'), []);
    expect([verdict.isGood, verdict.rows[0]?.gateway]).toEqual([true, { passed: 1, total: 1, isPass: true }]);
    expect(judge(requirements, skipping('FAILURE'), skipping('SKIPPED'), []).isGood).toBe(false);
    const nothing = new Map([...passing, ['ping', [check('ping', 'SKIPPED')]]]);
    expect(judge(requirements, nothing, nothing, []).isGood).toBe(false);
  });

  test('accepts a loss that the baseline names with its status, and refuses an entry that names none', () => {
    const after = new Map([...passing, ['polling', [check('polling', 'WARNING')]]]);
    const entry = { scenario: 'polling', checks: { polling: 'WARNING' }, reason: 'because' };
    expect(judge(requirements, passing, after, [entry])).toMatchObject({ isGood: true, losses: [], stale: [] });
    const stale = [{ scenario: 'polling', check: 'polling', reason: 'because' }];
    expect(judge(requirements, passing, passing, [entry])).toMatchObject({ isGood: false, stale });
    const more = { ...entry, checks: { polling: 'WARNING', note: 'FAILURE' } };
    expect(judge(requirements, passing, after, [more])).toMatchObject({
      isGood: false,
      stale: [{ scenario: 'polling', check: 'note', reason: 'because' }],
    });
    const worse = new Map([...passing, ['polling', [check('polling', 'FAILURE')]]]);
    expect(judge(requirements, passing, worse, [entry]).isGood).toBe(false);
  });
});

test('the report shows both counts of each scenario, the losses, and the score as its last line', () => {
  const after = new Map([...passing, ['ping', [check('ping', 'FAILURE', 'no answer'), check('wire', 'SUCCESS')]]]);
  expect(reportOf('2025-11-25', judge(requirements, passing, after, []))).toEqual([
    '  scenario of 2025-11-25   direct  gateway',
    '✗ ping                        2/2      1/2',
    '',
    'not scored:',
    '✓ polling                     1/1      1/1',
    '',
    'lost through the gateway:',
    '  ping: ping: FAILURE no answer',
    '',
    '0/1',
  ]);
});

test('several runs are summed up in a line for each, with what is amiss', () => {
  const after = new Map([...passing, ['polling', [check('polling', 'WARNING')]]]);
  const entry = { scenario: 'polling', checks: { polling: 'WARNING' }, reason: 'because' };
  const stale = { scenario: 'ping', checks: { ping: 'FAILURE' }, reason: 'no more' };
  expect(
    summaryOf([
      ['2026-07-28 mixed', judge(requirements, passing, passing, [])],
      ['2026-07-28 legacy', judge(requirements, passing, after, [entry])],
      ['2025-11-25 suite', judge(requirements, passing, after, [stale])],
    ]),
  ).toEqual([
    '✓ 2026-07-28 mixed   1/1',
    '✓ 2026-07-28 legacy  1/1, 1 checks lost as expected',
    '✗ 2025-11-25 suite   1/1, 1 checks LOST, 1 entries of the baseline STALE',
  ]);
});

describe('what a revision requires', () => {
  test.each([
    ['2025-11-25', 30, ['server-session-lifecycle', 'json-schema-2020-12', 'server-sse-polling']],
    ['2026-07-28', 37, ['http-header-validation', 'http-custom-header-server-validation']],
  ])('%s scores %i scenarios of a server', async (revision, scored, unscored) => {
    const found = await requirementsOf(revision);
    expect(found.scored).toHaveLength(scored);
    expect(found.unscored).toEqual(expect.arrayContaining(unscored));
  });

  test('is read for servers and for clients apart, and a list that names none is refused', () => {
    const yaml = 'server:\n  - ping\n\nclient:\n  - initialize\n\nnot_scored:\n  - scenario: auth\n    leg: client\n';
    expect(parseRequirements(yaml, 'server')).toEqual({ scored: ['ping'], unscored: [] });
    expect(parseRequirements(yaml, 'client')).toEqual({ scored: ['initialize'], unscored: ['auth'] });
    expect(() => parseRequirements('client:\n  - initialize\n', 'server')).toThrow('no scenario of a server');
  });
});

test('a results directory gives its scenario, and no other directory does', () => {
  expect(scenarioOf('server-server-initialize-2026-11-20T14-11-22-795Z')).toBe('server-initialize');
  expect(scenarioOf('server-json-schema-2020-12-2026-11-20T14-11-22-795Z')).toBe('json-schema-2020-12');
  expect(scenarioOf('notes')).toBeUndefined();
});
