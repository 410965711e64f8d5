/**
 * Does the key derivation behind the session tokens cost a call anything? The same gateway with key rings from 100 to
 * 600,000 iterations of PBKDF2 (and with a raw key), between direct and the bare relay.
 *
 * Calls alone could be flattered by a cache of opened tokens, so sessions are churned as well: there every token is new.
 */
import type { Sample } from '../measure.ts';
import type { Scenario, Verdict, Workload } from '../scenario.ts';
import { sameFor } from '../statistics.ts';

const iterations = [100, 10_000, 100_000, 600_000] as const;
const settings = iterations.map((count) => `pbkdf2-${count}`);

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
      sameFor('KDF settings', settings, `${workload}, CPU`, own, (sample) => sample.cpu),
      sameFor('KDF settings', settings, `${workload}, p50`, own, (sample) => sample.p50),
    ];
  });
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
