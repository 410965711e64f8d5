/** `manifold check`: prints the resolved configuration, or every fault with its position. Connects to nothing. */
import type { Config } from '../config/model.ts';
import { ConfigError } from '../config/model.ts';
import { callerPlans, callerPlanText } from '../process/caller-plan.ts';
import type { CommandIo } from '../process/io.ts';
import { securityFaults } from '../process/rule-faults.ts';
import type { GivenSources } from '../process/sources.ts';
import { readGivenSources, titleOf } from '../process/sources.ts';
import type { CheckOptions } from './arguments.ts';
import { planJson, planText } from '../process/plan.ts';
import { changesOf, diffText } from './plan-diff.ts';

/** Returns the exit code: 0 if all is valid, else 1. Faults and warnings go to stderr, plans and differences to stdout. */
export async function check(options: CheckOptions, io: CommandIo): Promise<number> {
  const isJson = options.output === 'json';
  if (options.as !== undefined) return await checkAs(options, options.as, isJson, io);
  if (!options.diff) {
    const config = await read(options, io);
    if (config === undefined) return 1;
    io.stdout.write(isJson ? planJson(config) : `${titleOf(options)}: valid\n${planText(config)}`);
    return 0;
  }
  const before = await read(alone(options.files[0]), io);
  const after = await read(alone(options.files[1]), io);
  if (before === undefined || after === undefined) return 1;
  const changes = changesOf(before, after);
  io.stdout.write(isJson ? `${JSON.stringify(changes, undefined, 2)}\n` : diffText(changes));
  return 0;
}

/** What a caller with the claims in `file` would see and be allowed to do. */
async function checkAs(options: CheckOptions, file: string, isJson: boolean, io: CommandIo): Promise<number> {
  const config = await read(options, io);
  if (config === undefined) return 1;
  const claims = await claimsIn(file, io);
  if (claims === undefined) {
    io.stderr.write(`${file}: no claims. Give a JSON object such as {"sub": "alice", "scope": "read"}\n`);
    return 1;
  }
  const plans = callerPlans(config, claims);
  io.stdout.write(isJson ? `${JSON.stringify(plans, undefined, 2)}\n` : callerPlanText(plans));
  return 0;
}

async function claimsIn(file: string, io: CommandIo): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const value: unknown = JSON.parse(await io.readFile(file));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function alone(file: string | undefined): GivenSources {
  return { files: [file ?? ''], mcpConfig: [], mcpJson: [] };
}

async function read(given: GivenSources, io: CommandIo): Promise<Config | undefined> {
  try {
    const config = await readGivenSources(given, io);
    const faults = securityFaults(config);
    if (faults.length > 0) throw new ConfigError(titleOf(given), faults);
    for (const warning of config.warnings) io.stderr.write(`${warningText(given, warning)}\n`);
    return config;
  } catch (fault) {
    if (!(fault instanceof ConfigError)) throw fault;
    io.stderr.write(`${fault.message}\n`);
    return undefined;
  }
}

/* Warnings of several sources, and those with a line number, name their file themselves. */
function warningText(given: GivenSources, warning: string): string {
  const title = titleOf(given);
  const isAlone = given.files.length + given.mcpConfig.length + given.mcpJson.length === 1;
  return isAlone && !warning.startsWith(title) ? `${title}: warning: ${warning}` : `warning: ${warning}`;
}
