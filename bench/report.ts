/** A run as a table for people: per workload, one row a target, medians with the least and the most of the rounds. */
import type { Sample } from './measure.ts';
import type { Verdict } from './scenario.ts';
import { median, ratiosToRelay } from './statistics.ts';
import type { Figure } from './statistics.ts';

export interface Run {
  readonly scenario: string;
  readonly title: string;
  /** Cores, model, system, Node, placement: what absolute figures mean nothing without. */
  readonly machine: string;
  /** Cores' worth of CPU that others used meanwhile. */
  readonly foreignCores: number;
  readonly startedAt: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Target → ms from start to listening. */
  readonly readyAfterMs: Readonly<Record<string, number>>;
  /** In the order of the tables. */
  readonly targets: readonly string[];
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
}

const columns = ['target', 'per s', 'p50 ms', 'p99 ms', 'CPU µs/op', 'busy', 'RSS MiB', 'CPU ÷ relay', 'rps ÷ relay'];

/** The tables and verdicts, as Markdown that is also fit for a terminal. */
export function renderRun(run: Run): string {
  const workloads = [...new Set(run.samples.map((sample) => sample.workload))];
  const tables = workloads.map((workload) => {
    const own = run.samples.filter((sample) => sample.workload === workload);
    const targets = run.targets.filter((target) => own.some((sample) => sample.target === target));
    return `### ${workload}\n\n${renderTable([columns, ...targets.map((target) => row(target, own))])}`;
  });
  const ready = Object.entries(run.readyAfterMs).map(([target, ms]) => `${target} ${Math.round(ms)} ms`);
  const verdicts = run.verdicts.map(({ met, text }) => `- ${met === undefined ? '?' : met ? 'yes' : 'NO'} – ${text}`);
  return [
    `## ${run.title}`,
    `${run.machine}. ${run.startedAt.slice(0, 10)}; ${run.rounds} interleaved rounds of ${run.seconds} s; median (least–most). Others used ${run.foreignCores.toFixed(2)} cores meanwhile.`,
    ...tables,
    ...(ready.length === 0 ? [] : [`From start to listening: ${ready.join(', ')}.`]),
    ...(verdicts.length === 0 ? [] : [verdicts.join('\n')]),
    '',
  ].join('\n\n');
}

function row(target: string, samples: readonly Sample[]): string[] {
  const own = samples.filter((sample) => sample.target === target);
  const failures = own.reduce((sum, sample) => sum + sample.failures, 0);
  const cell = (figure: Figure, digits: number): string =>
    spread(
      own.flatMap((sample) => figure(sample) ?? []),
      digits,
    );
  const ratio = (figure: Figure): string => spread(ratiosToRelay(target, samples, figure), 2);
  return [
    failures === 0 ? target : `${target} (${failures} FAILED)`,
    cell((sample) => sample.perSecond, 0),
    cell((sample) => sample.p50 / 1_000, 3),
    cell((sample) => sample.p99 / 1_000, 2),
    cell((sample) => sample.cpu, 1),
    cell((sample) => sample.busy, 2),
    cell((sample) => (sample.rssBytes === undefined ? undefined : sample.rssBytes / 1024 ** 2), 0),
    ratio((sample) => sample.cpu),
    ratio((sample) => sample.perSecond),
  ];
}

function spread(values: readonly number[], digits: number): string {
  const middle = median(values);
  if (middle === undefined) return '–';
  const [least, most] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)];
  return least === most ? middle.toFixed(digits) : `${middle.toFixed(digits)} (${least}–${most})`;
}

export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), rule, ...body.map(line)].join('\n');
}
