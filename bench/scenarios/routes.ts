/** Does a call cost more where a process has many routes? The same gateway with 1, 10 and 200 of them; the calls go to the last. */
import type { Sample } from '../measure.ts';
import type { Scenario, Verdict, Workload } from '../scenario.ts';
import { sameFor } from '../statistics.ts';

const counts = [1, 10, 200] as const;
const nameOf = (count: number): string => `${count} route${count === 1 ? '' : 's'}`;
const names = counts.map(nameOf);

function workloads(connections: number): readonly Workload[] {
  return [{ name: `call c=${connections}`, kind: 'call', engine: 'autocannon', connections, reply: 'json' }];
}

function verdicts(samples: readonly Sample[]): readonly Verdict[] {
  return [
    sameFor('numbers of routes', names, 'CPU', samples, (sample) => sample.cpu),
    sameFor('numbers of routes', names, 'p50', samples, (sample) => sample.p50),
  ];
}

export const routes: Scenario = {
  name: 'routes',
  title: 'tools/call across numbers of routes',
  targets: [
    { kind: 'relay', name: 'relay' },
    ...counts.map((count) => ({ kind: 'gateway', name: nameOf(count), kdf: 'none', routes: count }) as const),
  ],
  workloads,
  verdicts,
};
