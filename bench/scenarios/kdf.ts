/**
 * Does the key derivation behind the session tokens cost a call anything? The same gateway with key rings from 100 to
 * 600,000 iterations of PBKDF2 (and with a raw key), between direct and the bare relay.
 *
 * Calls alone could be flattered by a cache of opened tokens, so sessions are churned as well: there every token is new.
 */
import type { Sample } from '../measure.ts';
import type { Scenario, Verdict, Workload } from '../scenario.ts';
import { differenceBetween } from '../statistics.ts';

const iterations = [100, 10_000, 100_000, 600_000] as const;
const settings = iterations.map((count) => `pbkdf2-${count}`);

/** The largest setting over the smallest, in CPU and in p50: what a user may not notice. */
const allowedFactor = 1.05;

const sessionConnections = 16;

function workloads(connections: number): readonly Workload[] {
  return [
    { name: `call c=${connections}`, kind: 'call', engine: 'autocannon', connections, reply: 'json' },
    { name: 'call alone', kind: 'call', engine: 'own', connections: 1, reply: 'json' },
    {
      name: `session c=${sessionConnections}`,
      kind: 'session',
      engine: 'own',
      connections: sessionConnections,
      reply: 'json',
    },
  ];
}

function verdicts(samples: readonly Sample[]): readonly Verdict[] {
  const names = [...new Set(samples.map((sample) => sample.workload))];
  return names.flatMap((workload) => {
    const own = samples.filter((sample) => sample.workload === workload);
    return [
      verdict(`${workload}, CPU`, own, (sample) => sample.cpu),
      verdict(`${workload}, p50`, own, (sample) => sample.p50),
    ];
  });
}

function verdict(what: string, samples: readonly Sample[], figure: (sample: Sample) => number | undefined): Verdict {
  const difference = differenceBetween(settings, samples, figure);
  if (difference === undefined) return { met: undefined, text: `${what}: not every setting was measured` };
  const { factor, chance } = difference;
  const seen = `${what}: ${factor.toFixed(3)}× between KDF settings (chance alone reaches ${chance.toFixed(3)}×)`;
  if (factor <= allowedFactor) return { met: true, text: `${seen}: no difference that can be seen` };
  if (factor <= chance) return { met: undefined, text: `${seen}: too noisy to tell, take more rounds` };
  return { met: false, text: `${seen}: A DIFFERENCE, at most ${allowedFactor}× is allowed` };
}

export const kdf: Scenario = {
  name: 'kdf',
  title: 'tools/call across key derivation settings',
  targets: [
    { kind: 'direct', name: 'direct' },
    { kind: 'relay', name: 'relay' },
    { kind: 'gateway', name: 'raw-key', kdf: 'none' },
    ...iterations.map((count) => ({
      kind: 'gateway' as const,
      name: `pbkdf2-${count}`,
      kdf: `pbkdf2-sha256:${count}`,
    })),
  ],
  workloads,
  verdicts,
};
