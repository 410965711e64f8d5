/** The command line of `npm run bench -- …`, checked. */
import { parseArgs } from 'node:util';
import type { TargetSpec } from './scenario.ts';

export interface Options {
  readonly scenario: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Of each workload on each target, before the first round. */
  readonly heatSeconds: number;
  readonly connections: number;
  /** Names of targets; undefined is all. */
  readonly only: ReadonlySet<string> | undefined;
  readonly others: readonly TargetSpec[];
  readonly upstreamPort: number;
  readonly writeReport: boolean;
}

export const usage = `npm run bench -- [options]
  --scenario NAME         kdf (default), call, routes or oauth
  --rounds N              how often each target gets each workload (default 5)
  --seconds N             length of each measured window (default 3), after a warm-up of 1 s
  --heat N                seconds of each workload on each target before the first round, not measured (default 4)
  --concurrency N         connections of the loaded workloads (default 64)
  --only NAME,NAME        these targets alone
  --target NAME=URL       another gateway, in front of the upstream of --upstream-port; repeatable
  --pid NAME=PID          the process of that gateway, for its CPU and memory (Linux); repeatable
  --upstream-port N       where the upstream listens (default: any free port)
  --write-report          also writes bench/RESULTS.md from the newest run of each scenario`;

/** `scenarios` is each scenario's name with the names of its targets. Throws an Error whose message says what would be right. */
export function parseOptions(args: readonly string[], scenarios: ReadonlyMap<string, readonly string[]>): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string', default: 'kdf' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      heat: { type: 'string', default: '4' },
      concurrency: { type: 'string', default: '64' },
      only: { type: 'string' },
      target: { type: 'string', multiple: true, default: [] },
      pid: { type: 'string', multiple: true, default: [] },
      'upstream-port': { type: 'string', default: '0' },
      'write-report': { type: 'boolean', default: false },
    },
  });
  const names = [...(scenarios.get(values.scenario) ?? [])];
  if (names.length === 0) throw new Error(`--scenario takes one of: ${[...scenarios.keys()].join(', ')}`);
  const pids = new Map(values.pid.map((pair) => named('--pid', pair)));
  const others = values.target.map((pair): TargetSpec => {
    const [name, url] = named('--target', pair);
    if (names.includes(name)) throw new Error(`--target ${name}: the name is taken`);
    if (!URL.canParse(url)) throw new Error(`--target ${name}: ${url} is no URL`);
    const pid = pids.get(name);
    pids.delete(name);
    names.push(name);
    return { kind: 'other', name, url, pid: pid === undefined ? undefined : whole(`--pid ${name}`, pid, 1) };
  });
  const [stray] = pids.keys();
  if (stray !== undefined) throw new Error(`--pid ${stray} has no --target of that name`);
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: the targets are ${names.join(', ')}`);
  return {
    scenario: values.scenario,
    rounds: whole('--rounds', values.rounds, 1),
    seconds: number('--seconds', values.seconds, 0.1),
    heatSeconds: number('--heat', values.heat, 0),
    connections: whole('--concurrency', values.concurrency, 1),
    only: only === undefined ? undefined : new Set(only),
    others,
    upstreamPort: whole('--upstream-port', values['upstream-port'], 0),
    writeReport: values['write-report'],
  };
}

function named(option: string, pair: string): [name: string, value: string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new Error(`${option} takes NAME=VALUE, not ${pair}`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function whole(option: string, text: string, least: number): number {
  const value = number(option, text, least);
  if (!Number.isInteger(value)) throw new Error(`${option} takes a whole number, not ${text}`);
  return value;
}

function number(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < least) throw new Error(`${option} takes a number from ${least}, not ${text}`);
  return value;
}
