import { Histogram, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { TallyHistogram } from '../../src/telemetry/tally.ts';

const about = { name: 'x_seconds', help: 'Of a test.', labelNames: ['route', 'kind'], buckets: [0.1, 1, 10] };
const values = [0.05, 0.1, 0.1000001, 1, 3, 10, 11, 0];

describe('a histogram of tallies', () => {
  test('is read as one of prom-client, as text and as values', async () => {
    const [own, theirs] = [new Registry(), new Registry()];
    const tallied = new TallyHistogram({ ...about, registers: [own] });
    const known = new Histogram({ ...about, registers: [theirs] });
    for (const [route, kind] of [
      ['a', 'b'],
      ['a"\n', 'c'],
    ] as const) {
      const tally = tallied.tally({ route, kind });
      for (const value of values) {
        tally.observe(value);
        known.observe({ route, kind }, value);
      }
    }
    expect(await own.metrics()).toBe(await theirs.metrics());
    // Exemplars are not kept.
    const [expected] = await theirs.getMetricsAsJSON();
    const without = expected?.values.map((value) => ({ ...value, exemplar: undefined }));
    expect(await own.getMetricsAsJSON()).toEqual([{ ...expected, values: without }]);
  });

  test('has one tally for equal labels', () => {
    const histogram = new TallyHistogram({ ...about, registers: [new Registry()] });
    expect(histogram.tally({ route: 'a', kind: 'b' })).toBe(histogram.tally({ route: 'a', kind: 'b' }));
    expect(histogram.tally({ route: 'a', kind: 'b' })).not.toBe(histogram.tally({ route: 'b', kind: 'a' }));
  });
});
