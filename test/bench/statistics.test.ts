import { describe, expect, test } from 'vitest';
import type { Sample } from '../../bench/measure.ts';
import { renderRun, renderTable } from '../../bench/report.ts';
import { kdf } from '../../bench/scenarios/kdf.ts';
import { oauth } from '../../bench/scenarios/oauth.ts';
import { differenceBetween, differencesTo, median, ratiosToRelay } from '../../bench/statistics.ts';

function sample(round: number, target: string, cpu: number, failures = 0): Sample {
  const figures = {
    operations: 1000,
    failures,
    perSecond: 500,
    p50: 1500,
    p99: 4000,
    busy: 0.5,
    rssBytes: 104_857_600,
  };
  return { round, target, workload: 'call c=64', cpu, ...figures };
}

const settings = ['pbkdf2-100', 'pbkdf2-10000', 'pbkdf2-100000', 'pbkdf2-600000'];

/** Rounds of the CPU of each setting → the first verdict. */
function verdictOn(rounds: readonly (readonly number[])[]): boolean | undefined {
  const samples = rounds.flatMap((cpus, i) => cpus.map((cpu, s) => sample(i + 1, settings[s] ?? '', cpu)));
  return kdf.verdicts(samples)[0]?.met;
}

describe('figures of a run', () => {
  test('the median of an even number of rounds is the mean of the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([])).toBeUndefined();
  });

  test('a ratio is taken to the relay of the same round, and a round without one is left out', () => {
    const samples = [
      sample(1, 'relay', 20),
      sample(1, 'gateway', 30),
      sample(2, 'relay', 40),
      sample(2, 'gateway', 60),
      sample(3, 'gateway', 999),
    ];
    expect(ratiosToRelay('gateway', samples, (s) => s.cpu)).toEqual([1.5, 1.5]);
  });

  test('a difference is taken within a round as well, and security is judged by it', () => {
    const samples = [100, 200].flatMap((cpu, i) => [
      sample(i + 1, 'open', cpu),
      sample(i + 1, 'token', cpu + 12),
      sample(i + 1, 'rules', cpu + 18),
    ]);
    expect(differencesTo('open', 'token', [...samples, sample(3, 'token', 999)], (s) => s.cpu)).toEqual([12, 12]);
    expect(oauth.verdicts(samples).map(({ met }) => met)).toEqual([true, false]);
  });

  test('what slows all targets of a round alike is no difference between them', () => {
    const samples = [10, 70, 30].flatMap((cpu, i) => [sample(i + 1, 'a', cpu), sample(i + 1, 'b', cpu)]);
    expect(differenceBetween(['a', 'b'], samples, (s) => s.cpu)).toEqual({ factor: 1, chance: 1 });
  });

  test('one round cannot tell a difference from chance, and eight that agree can', () => {
    const rounds = [1, 2, 3, 4, 5, 6, 7, 8].map((round) => [sample(round, 'a', 10), sample(round, 'b', 90)]);
    const one = differenceBetween(['a', 'b'], rounds[0] ?? [], (s) => s.cpu);
    expect(one?.factor).toBeCloseTo(9);
    expect(one?.chance).toBeCloseTo(9);
    const eight = differenceBetween(['a', 'b'], rounds.flat(), (s) => s.cpu);
    expect(eight?.factor).toBeCloseTo(9);
    expect(eight?.chance).toBeLessThan(9);
  });

  test('targets cannot be told to be equal when one of them was never measured', () => {
    expect(differenceBetween(['a', 'b'], [sample(1, 'a', 10)], (s) => s.cpu)).toBeUndefined();
  });
});

describe('the verdict on the key derivation', () => {
  test('settings within 5 % of one another show no difference', () => {
    expect(verdictOn([[50, 51, 50, 52]])).toBe(true);
  });

  test('a setting that costs more in every round is a difference', () => {
    expect(
      verdictOn([
        [50, 51, 60, 90],
        [50, 51, 60, 91],
        [70, 71, 80, 110],
        [52, 50, 60, 93],
      ]),
    ).toBe(false);
  });

  test('a run that scatters more than its settings differ decides nothing', () => {
    expect(
      verdictOn([
        [50, 50, 50, 70],
        [70, 50, 50, 50],
        [50, 50, 50, 60],
      ]),
    ).toBeUndefined();
  });

  test('a run without all settings decides nothing', () => {
    expect(kdf.verdicts([sample(1, 'pbkdf2-100', 50)])[0]?.met).toBeUndefined();
  });
});

describe('the table', () => {
  test('columns are aligned, as Markdown', () => {
    expect(
      renderTable([
        ['target', 'per s'],
        ['direct', '38000'],
        ['relay', '9'],
      ]),
    ).toBe(['| target | per s |', '| ------ | ----: |', '| direct | 38000 |', '| relay  |     9 |'].join('\n'));
  });

  test('a row shows the median with the least and the most, and a failure cannot be overlooked', () => {
    const text = renderRun({
      scenario: 'kdf',
      title: 'A title',
      machine: '2 × some processor',
      foreignCores: 0.254,
      startedAt: '2026-11-20T12:00:00.000Z',
      rounds: 2,
      seconds: 3,
      readyAfterMs: { gateway: 250.4 },
      targets: ['relay', 'gateway', 'direct'],
      samples: [sample(1, 'relay', 20), sample(2, 'relay', 30), sample(1, 'gateway', 30), sample(2, 'gateway', 45, 7)],
      verdicts: [{ met: false, text: 'something' }],
    });
    expect(text).toContain('2 × some processor. 2026-11-20; 2 interleaved rounds of 3 s');
    expect(text).toContain('Others used 0.25 cores meanwhile.');
    expect(text).toMatch(
      /\| relay +\| +500 \| +1\.500 \| +4\.00 \| 25\.0 \(20\.0–30\.0\) \| 0\.50 \| +100 \| +1\.00 \| +1\.00 \|/,
    );
    expect(text).toMatch(/\| gateway \(7 FAILED\) \| .* \| +1\.50 \| +1\.00 \|/);
    expect(text).toContain('gateway 250 ms');
    expect(text).toContain('- NO – something');
  });
});
