/** The programs `prometheus` and `promtool` of this machine, as Debian's package `prometheus` brings them. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { closedAtTheEnd } from '../support/started.ts';
import { isInstalled } from '../support/installed.ts';

/** Where rules and dashboard are. */
export const monitoring = fileURLToPath(new URL('../../k8s/monitoring/', import.meta.url));

export const hasPrometheus = ['prometheus', 'promtool'].every(isInstalled);
if (!hasPrometheus) process.stderr.write('test:monitoring skips: prometheus and promtool are not installed\n');

/** Throws with all that it said when it fails. */
export function promtool(args: readonly string[], input?: string): string {
  try {
    return execFileSync('promtool', [...args], {
      encoding: 'utf8',
      stdio: 'pipe',
      ...(input === undefined ? {} : { input }),
    });
  } catch (fault) {
    const { stdout = '', stderr = '' } = fault as { stdout?: string; stderr?: string };
    throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`, { cause: fault });
  }
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  /** The instant vector of an expression, by now. Throws with the fault of the expression. */
  query(expression: string): Promise<readonly Sample[]>;
  /** Faults of rules that were evaluated, by name. */
  ruleFaults(): Promise<readonly string[]>;
}

/** Scrapes each of `targets` (`host:port`, by the name of its pod) once a second, as a ServiceMonitor of the cluster would. */
export async function startPrometheus(targets: Readonly<Record<string, string>>, rules: string): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const port = await freePort();
  writeFileSync(join(directory, 'rules.yaml'), rules);
  writeFileSync(
    join(directory, 'prometheus.yaml'),
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: [
        {
          job_name: 'manifold',
          static_configs: Object.entries(targets).map(([pod, target]) => ({ targets: [target], labels: { pod } })),
        },
      ],
    }),
  );
  const process = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: 'inherit' },
  );
  closedAtTheEnd(async () => {
    const ended = once(process, 'exit');
    process.kill('SIGTERM');
    await ended;
    rmSync(directory, { recursive: true });
  });
  const origin = `http://127.0.0.1:${port}`;
  for (let attempt = 0; !(await isReady(origin)); attempt += 1) {
    if (process.exitCode !== null || attempt > 240) throw new Error('prometheus does not start');
    await sleep(250);
  }
  return {
    query: async (expression) => {
      const answer = await fetch(`${origin}/api/v1/query?query=${encodeURIComponent(expression)}`);
      const { data, error } = (await answer.json()) as {
        data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
        error?: string;
      };
      if (data === undefined) throw new Error(`${expression}: ${error}`);
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    ruleFaults: async () => {
      const answer = await fetch(`${origin}/api/v1/rules`);
      const { data } = (await answer.json()) as {
        data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
      };
      return data.groups
        .flatMap((group) => group.rules)
        .filter(({ health }) => health === 'err')
        .map(({ name, lastError }) => `${name}: ${lastError}`);
    },
  };
}

async function isReady(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}/-/ready`)).ok;
  } catch {
    return false;
  }
}
