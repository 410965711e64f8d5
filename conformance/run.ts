/**
 * Runs the official conformance suite with and without the real gateway in between, and fails on whatever the gateway loses.
 *
 *     npm run conformance -- [--requirements 2025-11-25|2026-07-28] [--end mixed|legacy|modern|suite]
 */
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gatewayCommand } from './processes.ts';
import { reportOf, summaryOf } from './report.ts';
import type { Entry, Run } from './runs.ts';
import { allRuns, ends, titleOf, verdictOf } from './runs.ts';
import type { Verdict } from './verdict.ts';

const { values: flags } = parseArgs({ options: { requirements: { type: 'string' }, end: { type: 'string' } } });
const end = ends.find((known) => known === flags.end);
if (flags.end !== undefined && end === undefined) throw new Error(`--end is one of ${ends.join(', ')}`);
if (!existsSync(gatewayCommand)) throw new Error('dist is missing: npm run build');

const baseline = JSON.parse(readFileSync(new URL('baseline.json', import.meta.url), 'utf8')) as Entry[];
// A pair that is asked for by name is run also where it is none of the usual ones.
const runs: readonly Run[] =
  flags.requirements !== undefined && end !== undefined
    ? [{ revision: flags.requirements, end }]
    : allRuns.filter((run) => run.revision === (flags.requirements ?? run.revision) && run.end === (end ?? run.end));
if (runs.length === 0) throw new Error(`nothing to run for ${flags.requirements}`);

// An exit by signal alone would leave programs behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const verdicts: [title: string, verdict: Verdict][] = [];
for (const run of runs) {
  const verdict = await verdictOf(run, baseline);
  verdicts.push([titleOf(run), verdict]);
  console.log(`${reportOf(titleOf(run), verdict).join('\n')}\n`);
  if (!verdict.isGood) process.exitCode = 1;
}
if (verdicts.length > 1) console.log(summaryOf(verdicts).join('\n'));
