/**
 * What the security of a route adds to a `tools/call`: the gateway for everyone, with an access token (ES256) that it has verified
 * before, and with 32 rules besides.
 */
import type { Sample } from '../measure.ts';
import type { Scenario, Verdict, Workload } from '../scenario.ts';
import { differencesTo, median } from '../statistics.ts';

function workloads(connections: number): readonly Workload[] {
  return [{ name: `call c=${connections}`, kind: 'call', engine: 'autocannon', connections, reply: 'json' }];
}

/** CPU of a call beyond that of another target, in µs. */
const allowed: readonly { readonly target: string; readonly over: string; readonly micros: number }[] = [
  { target: 'token', over: 'open', micros: 15 },
  { target: 'rules', over: 'token', micros: 5 },
];

function verdicts(samples: readonly Sample[]): readonly Verdict[] {
  return allowed.flatMap(({ target, over, micros }) => {
    const more = median(differencesTo(over, target, samples, (sample) => sample.cpu));
    if (more === undefined) return [];
    return [
      { met: more <= micros, text: `${target}: ${more.toFixed(1)} µs CPU more than ${over}, target ≤ ${micros} µs` },
    ];
  });
}

export const oauth: Scenario = {
  name: 'oauth',
  title: 'tools/call on a protected route',
  targets: [
    { kind: 'relay', name: 'relay' },
    { kind: 'gateway', name: 'open', kdf: 'none' },
    { kind: 'gateway', name: 'token', kdf: 'none', asks: 'token' },
    { kind: 'gateway', name: 'rules', kdf: 'none', asks: 'rules' },
  ],
  workloads,
  verdicts,
};
