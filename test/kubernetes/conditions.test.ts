import { describe, expect, test } from 'vitest';
import { conditionsWith } from '../../src/kubernetes/conditions.ts';
import { isRecord } from '../../src/kubernetes/objects.ts';
import type { Verdict } from '../../src/kubernetes/verdict.ts';

const controller = 'example.com/gateway';
const good: Verdict = {
  ref: { kind: 'MCPRoute', namespace: 'ns', name: 'r' },
  uid: 'u',
  generation: 2,
  accepted: true,
  resolved: true,
  programmed: true,
  message: '',
};
const bad: Verdict = {
  ...good,
  accepted: false,
  message: 'spec.path is wrong',
  reasons: { accepted: 'UnsupportedValue' },
};

const times = (conditions: readonly unknown[] | undefined): unknown[] =>
  (conditions ?? []).map((entry) => (isRecord(entry) ? entry['lastTransitionTime'] : undefined));

describe('conditionsWith', () => {
  test('says nothing when all of it is there', () => {
    const first = conditionsWith(undefined, good, controller, 't1');
    expect(first).toHaveLength(3);
    expect(conditionsWith(first, good, controller, 't2')).toBeUndefined();
  });

  test('moves the time of a condition with its status alone', () => {
    const first = conditionsWith([], good, controller, 't1');
    const newer = conditionsWith(first, { ...good, generation: 3 }, controller, 't2');
    expect(times(newer)).toEqual(['t1', 't1', 't1']);
    const refused = conditionsWith(newer, { ...bad, generation: 3 }, controller, 't3');
    expect(times(refused)).toEqual(['t3', 't1', 't1']);
    expect(refused?.[0]).toMatchObject({
      type: 'Accepted',
      status: 'False',
      reason: 'UnsupportedValue',
      message: 'example.com/gateway: spec.path is wrong',
      observedGeneration: 3,
    });
  });

  test('leaves a newer word of this gateway as it is', () => {
    const newer = conditionsWith([], { ...good, generation: 9 }, controller, 't1');
    expect(conditionsWith(newer, bad, controller, 't2')).toBeUndefined();
  });

  test('keeps what another controller wrote, and takes back its own name when that one goes', () => {
    const theirs = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'mine', lastTransitionTime: 't0' };
    const both = conditionsWith([theirs], good, controller, 't1');
    expect(both?.[0]).toBe(theirs);
    expect(both?.[1]).toMatchObject({ type: 'example.com/Accepted' });
    const alone = conditionsWith(both?.slice(1), good, controller, 't2');
    expect(alone?.[0]).toMatchObject({ type: 'Accepted' });
    expect(alone).toHaveLength(3);
  });

  test('cuts a message that is too long for the definition', () => {
    const long = conditionsWith([], { ...bad, message: 'x'.repeat(40_000) }, controller, 't1');
    expect(isRecord(long?.[0]) && String(long[0]['message']).length).toBe(2048);
  });
});
