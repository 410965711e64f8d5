/**
 * What is run: the suite as a client of the gateway with different upstreams behind it, and the suite's servers behind the
 * gateway as their client. Each run is compared with the same without the gateway.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Processes } from './processes.ts';
import type { Findings, Requirements } from './suite.ts';
import { requirementsOf, runClientScenarios, runSuite } from './suite.ts';
import type { Expected, Verdict } from './verdict.ts';
import { judge } from './verdict.ts';

/**
 * What stands at the other end: `mixed`, a server of both eras and one of the session era; `legacy` and `modern`, one server of
 * that era alone; `suite`, the suite's own servers, so that the gateway is what is judged as a client.
 */
export const ends = ['mixed', 'legacy', 'modern', 'suite'] as const;

export interface Run {
  readonly revision: string;
  readonly end: (typeof ends)[number];
}

/** An upstream of the client's own era alone is no bridge and is part of the mixed set already, so these are all there are. */
export const allRuns: readonly Run[] = [
  { revision: '2026-07-28', end: 'mixed' },
  { revision: '2025-11-25', end: 'mixed' },
  { revision: '2026-07-28', end: 'legacy' },
  { revision: '2025-11-25', end: 'modern' },
  { revision: '2026-07-28', end: 'suite' },
  { revision: '2025-11-25', end: 'suite' },
];

/** An accepted loss, in the runs that it is accepted in. */
export interface Entry extends Expected {
  /** By `titleOf`. */
  readonly runs: readonly string[];
}

const results = fileURLToPath(new URL('../out/conformance', import.meta.url));
const driver = fileURLToPath(new URL('client/driver.ts', import.meta.url));
/** What was found straight at the server, by revision: it is the same for every run. */
const direct = new Map<string, Findings>();

export function titleOf({ revision, end }: Run): string {
  return `${revision} ${end}`;
}

/** Runs and compares. One thing after the other: two at once would share the cores, and some scenarios wait half a second only. */
export async function verdictOf(run: Run, baseline: readonly Entry[]): Promise<Verdict> {
  const accepted = baseline.filter(({ runs }) => runs.includes(titleOf(run)));
  if (run.end === 'suite') {
    const requirements = clientPart(await requirementsOf(run.revision, 'client'));
    const [before, after] = [await asClient('direct', run, requirements), await asClient('gateway', run, requirements)];
    return judge(requirements, before, after, accepted);
  }
  return judge(await requirementsOf(run.revision), await atServer(run.revision), await atGateway(run), accepted);
}

async function atServer(revision: string): Promise<Findings> {
  const known = direct.get(revision);
  if (known !== undefined) return known;
  const processes = new Processes();
  try {
    const url = await processes.everything('both');
    const found = await runSuite(url, revision, join(results, revision, 'direct'));
    direct.set(revision, found);
    return found;
  } finally {
    await processes.stop();
  }
}

async function atGateway({ revision, end }: Run): Promise<Findings> {
  const processes = new Processes();
  try {
    const upstreams =
      end === 'legacy' || end === 'modern'
        ? { everything: await processes.everything(end) }
        : { everything: await processes.everything('both'), other: await processes.other() };
    const url = await processes.gateway(upstreams);
    return await runSuite(url, revision, join(results, revision, end));
  } finally {
    await processes.stop();
  }
}

function asClient(way: 'direct' | 'gateway', run: Run, { scored, unscored }: Requirements): Promise<Findings> {
  const command = `"${process.execPath}" "${driver}" ${way}`;
  return runClientScenarios([...scored, ...unscored], run.revision, command, join(results, run.revision, 'suite', way));
}

/** Of authorization what a client without a user does: README.md says why the rest is left out. */
const asItself = new Set(['auth/client-credentials-basic', 'auth/client-credentials-jwt']);

function clientPart({ scored, unscored }: Requirements): Requirements {
  return { scored: scored.filter(isForGateway), unscored: unscored.filter(isForGateway) };
}

function isForGateway(scenario: string): boolean {
  return !scenario.startsWith('auth/') || asItself.has(scenario);
}
