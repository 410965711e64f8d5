/**
 * Runs the official suite and reads what it found. The suite's exit code overlooks warnings and skipped checks, so its
 * checks.json files are read one by one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Status = 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';

export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: Status;
  readonly errorMessage?: string;
}

/** The checks of each scenario that was run. */
export type Findings = ReadonlyMap<string, readonly Check[]>;

/** What a revision requires, as the suite has frozen it. */
export interface Requirements {
  readonly scored: readonly string[];
  readonly unscored: readonly string[];
}

/** Who is judged. */
type Leg = 'server' | 'client';

const program = import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js');
const runWithinMs = 300_000;

/** Reads the suite's list for `revision`. Throws when the suite has none, or none that reads as such. */
export async function requirementsOf(revision: string, leg: Leg = 'server'): Promise<Requirements> {
  const text = await readFile(new URL(`../requirements/${encodeURIComponent(revision)}.yaml`, program), 'utf8');
  return parseRequirements(text, leg);
}

/** The two lists of a requirements file: that of the leg's name, and those entries of `not_scored:` whose `leg` it is. */
export function parseRequirements(yaml: string, leg: Leg): Requirements {
  const scored: string[] = [];
  const unscored: string[] = [];
  let section = '';
  let entry = '';
  for (const line of yaml.split('\n')) {
    const text = line.trim();
    if (line.length > 0 && !line.startsWith(' ') && text.endsWith(':')) section = text.slice(0, -1);
    else if (section === leg && text.startsWith('- ')) scored.push(text.slice(2));
    else if (section === 'not_scored' && text.startsWith('- scenario: ')) entry = text.slice('- scenario: '.length);
    else if (section === 'not_scored' && text === `leg: ${leg}`) unscored.push(entry);
  }
  if (scored.length === 0) throw new Error(`the requirements name no scenario of a ${leg}`);
  return { scored, unscored };
}

/**
 * Runs all scenarios of `revision` at `url` and leaves their results and the suite's own log in `directory`, which is
 * emptied first. Throws when the suite does not end within five minutes.
 */
export async function runSuite(url: string, revision: string, directory: string): Promise<Findings> {
  await rm(directory, { recursive: true, force: true });
  await run(['server', '--url', url, '--requirements', revision], directory);
  const findings = new Map<string, readonly Check[]>();
  for (const name of await readdir(join(directory, 'results'))) {
    const scenario = scenarioOf(name);
    if (scenario !== undefined) findings.set(scenario, await checksIn(join(directory, 'results', name)));
  }
  return findings;
}

/**
 * Runs client scenarios one by one, each with a server of the suite's own and `command` as its client, and leaves results and
 * log of each in a folder of its name in `directory`, which is emptied first.
 */
export async function runClientScenarios(
  scenarios: readonly string[],
  revision: string,
  command: string,
  directory: string,
): Promise<Findings> {
  await rm(directory, { recursive: true, force: true });
  const findings = new Map<string, readonly Check[]>();
  for (const scenario of scenarios) {
    const own = join(directory, scenario);
    // Extensions belong to no revision.
    const forced = scenario.startsWith('auth/') ? ['--force'] : [];
    const judged = ['--command', command, '--scenario', scenario, '--spec-version', revision, '--verbose'];
    await run(['client', ...judged, ...forced], own);
    // A name with a slash is a folder in a folder.
    const files = await readdir(join(own, 'results'), { recursive: true });
    const checks = files.find((name) => basename(name) === 'checks.json') ?? 'none';
    findings.set(scenario, await checksIn(join(own, 'results', dirname(checks))));
  }
  return findings;
}

async function run(suiteArguments: readonly string[], directory: string): Promise<void> {
  await mkdir(join(directory, 'results'), { recursive: true });
  const child = spawn(process.execPath, [fileURLToPath(program), ...suiteArguments, '-o', join(directory, 'results')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: runWithinMs,
    killSignal: 'SIGKILL',
  });
  const log = createWriteStream(join(directory, 'suite.log'));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  log.end();
  if (signal !== null) throw new Error(`the suite was ended by ${signal}; its log is in ${directory}`);
}

/* A scenario that broke off has left a directory and no checks; it then counts as run, with nothing passed. */
async function checksIn(directory: string): Promise<Check[]> {
  const file = join(directory, 'checks.json');
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Check[]) : [];
}

/** The scenario of a results directory, `server-NAME-TIME`; undefined for any other. */
export function scenarioOf(directory: string): string | undefined {
  return /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(directory)?.[1];
}
