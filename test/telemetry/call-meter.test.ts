import { describe, expect, test } from 'vitest';
import { CallMeter } from '../../src/telemetry/call-meter.ts';
import { noteListed, toolLabel } from '../../src/telemetry/listed-tools.ts';
import { registry } from '../../src/telemetry/metrics.ts';

const lines = async (upstream: string): Promise<string[]> =>
  (await registry.getSingleMetricAsString('manifold_calls_total'))
    .split('\n')
    .filter((line) => line.includes(`upstream="${upstream}"`));

describe('calls', () => {
  test('are counted by route, upstream, method, tool and outcome', async () => {
    const meter = new CallMeter('team/tools');
    noteListed('counted', ['echo']);
    meter.called('counted', 'tools/call', 'echo', 'ok', 1, 11, 100, 50);
    meter.called('counted', 'tools/call', 'echo', 'ok', 1, 11, 100, 50);
    meter.called('counted', 'resources/read', undefined, 'upstream_timeout', 1, 11, 100, 50);
    expect(await lines('counted')).toEqual([
      'manifold_calls_total{route="team/tools",upstream="counted",method="tools/call",tool="echo",outcome="ok"} 2',
      'manifold_calls_total{route="team/tools",upstream="counted",method="resources/read",tool="",outcome="upstream_timeout"} 1',
    ]);
    meter.called('counted', 'tools/call', 'echo', 'ok', 1, 11, 100, 50);
    meter.close();
    expect((await lines('counted'))[0]).toMatch(/ 3$/);
  });

  test('of 10,000 names that a client made up add one series', async () => {
    const meter = new CallMeter('made-up');
    for (let n = 0; n < 10_000; n += 1) meter.called('invented', 'tools/call', `tool-${n}`, 'error', 1, 11, 100, 50);
    expect(await lines('invented')).toEqual([
      'manifold_calls_total{route="made-up",upstream="invented",method="tools/call",tool="other",outcome="error"} 10000',
    ]);
    meter.close();
  });

  test('a server that lists ever new names has series for 512 of them', () => {
    noteListed(
      'restless',
      Array.from({ length: 10_000 }, (_, n) => `tool-${n}`),
    );
    expect(toolLabel('restless', 'tool-511')).toBe('tool-511');
    expect(toolLabel('restless', 'tool-512')).toBe('other');
    expect(toolLabel('restless', undefined)).toBe('');
    noteListed('wordy', ['x'.repeat(128), 'y'.repeat(129)]);
    expect(toolLabel('wordy', 'x'.repeat(128))).toBe('x'.repeat(128));
    expect(toolLabel('wordy', 'y'.repeat(129))).toBe('other');
  });
});
