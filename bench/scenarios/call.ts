/**
 * What a gateway adds to a `tools/call`: direct, the bare relay, this gateway, and whatever `--target` names. JSON replies
 * under load and alone, and replies on an event stream.
 */
import type { Sample } from '../measure.ts';
import type { Scenario, Verdict, Workload } from '../scenario.ts';
import { median, ratiosToRelay } from '../statistics.ts';

function workloads(connections: number): readonly Workload[] {
  return [
    { name: `call c=${connections}`, kind: 'call', engine: 'autocannon', connections, reply: 'json' },
    { name: `call c=${connections}, SSE`, kind: 'call', engine: 'own', connections, reply: 'sse' },
    { name: 'call alone', kind: 'call', engine: 'own', connections: 1, reply: 'json' },
  ];
}

/** CPU over the relay's, per kind of reply: with the token, log, metrics and deadline on. */
const allowed: readonly { readonly reply: 'JSON' | 'SSE'; readonly factor: number }[] = [
  { reply: 'JSON', factor: 1.5 },
  { reply: 'SSE', factor: 1.6 },
];

function verdicts(samples: readonly Sample[]): readonly Verdict[] {
  return allowed.flatMap(({ reply, factor }) => {
    const own = samples.filter(
      (sample) => sample.workload !== 'call alone' && sample.workload.endsWith('SSE') === (reply === 'SSE'),
    );
    const ratio = median(ratiosToRelay('manifold', own, (sample) => sample.cpu));
    if (ratio === undefined) return [];
    return [
      { met: ratio <= factor, text: `${reply} reply: ${ratio.toFixed(2)}× the relay's CPU, target ≤ ${factor}×` },
    ];
  });
}

export const call: Scenario = {
  name: 'call',
  title: 'tools/call through a gateway',
  targets: [
    { kind: 'direct', name: 'direct' },
    { kind: 'relay', name: 'relay' },
    { kind: 'gateway', name: 'manifold', kdf: 'none' },
  ],
  workloads,
  verdicts,
};
