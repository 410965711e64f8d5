/**
 * `npm run bench`: brings the targets of a scenario up, gives each of them each workload in each round, and reports. The
 * order within a round is drawn at random, so that nothing which disturbs the machine can follow a target (statistics.ts
 * rests on it). Exit code 1: a call failed or a verdict was missed.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foreignLoad } from './accounting.ts';
import { measure } from './measure.ts';
import type { Sample } from './measure.ts';
import { parseOptions, usage } from './options.ts';
import type { Options } from './options.ts';
import { placeLoad } from './placement.ts';
import type { Placement } from './placement.ts';
import { renderRun } from './report.ts';
import type { Run } from './report.ts';
import type { Scenario } from './scenario.ts';
import { call } from './scenarios/call.ts';
import { kdf } from './scenarios/kdf.ts';
import { oauth } from './scenarios/oauth.ts';
import { routes } from './scenarios/routes.ts';
import { shuffled } from './statistics.ts';
import { startTarget, startUpstream } from './targets.ts';
import type { Target } from './targets.ts';

const known: readonly Scenario[] = [kdf, call, routes, oauth];

/** Long enough for a Node target to compile its hot path at every workload of this project. */
const warmUpMs = 1_000;

const outDirectory = fileURLToPath(new URL('../out/bench/', import.meta.url));
const reportFile = fileURLToPath(new URL('RESULTS.md', import.meta.url));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (fault) {
  process.stderr.write(`${messageOf(fault)}\n`);
  process.exitCode = 1;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  let options: Options;
  try {
    options = parseOptions(args, new Map(known.map(({ name, targets }) => [name, targets.map(({ name }) => name)])));
  } catch (fault) {
    process.stderr.write(`${messageOf(fault)}\n\n${usage}\n`);
    return 2;
  }
  const scenario = known.find(({ name }) => name === options.scenario) ?? kdf;
  const run = await runScenario(scenario, options);
  process.stdout.write(`\n${renderRun(run)}`);
  mkdirSync(outDirectory, { recursive: true });
  writeFileSync(join(outDirectory, `${scenario.name}.json`), `${JSON.stringify(run, null, 2)}\n`);
  if (options.writeReport) writeReport();
  const failed = run.samples.some((sample) => sample.failures > 0 || sample.operations === 0);
  return failed || run.verdicts.some((verdict) => verdict.met === false) ? 1 : 0;
}

async function runScenario(scenario: Scenario, options: Options): Promise<Run> {
  const startedAt = new Date().toISOString();
  const placement = placeLoad();
  const directory = mkdtempSync(join(tmpdir(), 'manifold-bench-'));
  const around = { placement, directory };
  const specs = [...scenario.targets, ...options.others].filter((spec) => options.only?.has(spec.name) ?? true);
  const running: { stop(): Promise<void> }[] = [];
  try {
    const upstream = await startUpstream(around, options.upstreamPort);
    running.push(upstream);
    const targets: Target[] = [];
    for (const spec of specs) {
      const target = await startTarget(spec, upstream.url, around);
      running.push(target);
      targets.push(target);
    }
    const foreign = await foreignLoad(async () =>
      Promise.all([upstream, ...targets].map(async (process) => (await process.usage())?.cpuMicros ?? 0)),
    );
    const samples = await takeSamples(scenario, targets, options);
    return {
      scenario: scenario.name,
      title: scenario.title,
      machine: describeMachine(placement),
      foreignCores: await foreign(),
      startedAt,
      rounds: options.rounds,
      seconds: options.seconds,
      readyAfterMs: Object.fromEntries(
        targets.flatMap(({ name, readyAfterMs }) => (readyAfterMs === undefined ? [] : [[name, readyAfterMs]])),
      ),
      targets: targets.map(({ name }) => name),
      samples,
      verdicts: scenario.verdicts(samples),
    };
  } finally {
    await Promise.all(running.map((process) => process.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function takeSamples(scenario: Scenario, targets: readonly Target[], options: Options): Promise<Sample[]> {
  const samples: Sample[] = [];
  if (options.heatSeconds > 0) await heat(scenario, targets, options);
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const workload of scenario.workloads(options.connections)) {
      for (const target of shuffled(targets, Math.random)) {
        const lengths = { warmUpMs, windowMs: options.seconds * 1_000 };
        const window = await measure(target, workload, lengths).catch((fault: unknown) => {
          throw new Error(`${workload.name} on ${target.name}: ${messageOf(fault)}`, { cause: fault });
        });
        target.forgetLog();
        samples.push({ round, target: target.name, workload: workload.name, ...window });
        const { perSecond, cpu, failures } = window;
        process.stderr.write(
          `round ${round}/${options.rounds}  ${workload.name}  ${target.name}: ${perSecond.toFixed(0)}/s` +
            `${cpu === undefined ? '' : `, ${cpu.toFixed(1)} µs CPU`}${failures === 0 ? '' : `, ${failures} FAILED`}\n`,
        );
      }
    }
  }
  return samples;
}

/**
 * Load before the first round, whose figures are dropped: a fresh Node process compiles its hot path for seconds, and the first round
 * would cost twice the others.
 */
async function heat(scenario: Scenario, targets: readonly Target[], options: Options): Promise<void> {
  for (const workload of scenario.workloads(options.connections))
    for (const target of targets) {
      await measure(target, workload, { warmUpMs: 0, windowMs: options.heatSeconds * 1_000 });
      target.forgetLog();
    }
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

function describeMachine({ load, upstream, target }: Placement): string {
  const placed =
    target === undefined ? 'nothing pinned' : `load on core ${load}, upstream on ${upstream}, target on ${target}`;
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${cpus().length} × ${model}, ${type()} ${release()}, Node ${process.versions.node}; ${placed}`;
}

/** From the newest run of each scenario, so that measuring one does not lose the others. */
function writeReport(): void {
  const runs = readdirSync(outDirectory)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(join(outDirectory, name), 'utf8')) as Run);
  const head = '# Measured\n\nWritten by `npm run bench -- --write-report`; what the figures mean is in README.md.\n\n';
  writeFileSync(reportFile, head + runs.map(renderRun).join('\n'));
}
