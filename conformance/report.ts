/** What a run prints: a line for each scenario, the losses, and the score as the last line; and what several runs come to. */
import type { Row, Tally, Verdict } from './verdict.ts';

/* Some messages of the suite list every tool. */
const messageLength = 200;

/** Lines of text. The last is `passed/of`. */
export function reportOf(run: string, verdict: Verdict): string[] {
  const title = `scenario of ${run}`;
  const width = Math.max(title.length, ...verdict.rows.map((row) => row.scenario.length));
  const line = (mark: string, name: string, direct: string, gateway: string): string =>
    `${mark} ${name.padEnd(width)}  ${direct.padStart(7)}  ${gateway.padStart(7)}`.trimEnd();
  const rows = (isScored: boolean): string[] =>
    verdict.rows
      .filter((row) => row.isScored === isScored)
      .map((row) => line(markOf(row), row.scenario, countOf(row.direct), countOf(row.gateway)));
  const unscored = rows(false);
  return [
    line(' ', title, 'direct', 'gateway'),
    ...rows(true),
    ...(unscored.length === 0 ? [] : ['', 'not scored:', ...unscored]),
    ...section('lost through the gateway:', verdict.losses, (loss) =>
      `${loss.status} ${loss.message.slice(0, messageLength)}`.trimEnd(),
    ),
    ...accepted(verdict.expected),
    ...section('in the baseline, but not lost:', verdict.stale, (entry) => entry.reason),
    '',
    `${verdict.score.passed}/${verdict.score.of}`,
  ];
}

/** One line for each run: its score, and why it is not whole. */
export function summaryOf(verdicts: readonly (readonly [title: string, verdict: Verdict])[]): string[] {
  const width = Math.max(...verdicts.map(([title]) => title.length));
  return verdicts.map(([title, { score, losses, expected, stale, isGood }]) => {
    const notes = [
      ...(expected.length === 0 ? [] : [`${expected.length} checks lost as expected`]),
      ...(losses.length === 0 ? [] : [`${losses.length} checks LOST`]),
      ...(stale.length === 0 ? [] : [`${stale.length} entries of the baseline STALE`]),
    ];
    const mark = isGood ? '✓' : '✗';
    return `${mark} ${title.padEnd(width)}  ${score.passed}/${score.of}${notes.map((note) => `, ${note}`).join('')}`;
  });
}

/* A scenario that fails without a loss fails at the server itself. */
function markOf(row: Row): string {
  if (row.losses.length > 0) return '✗';
  return row.gateway.isPass ? '✓' : '-';
}

function countOf(tally: Tally): string {
  return tally.total === 0 ? '-' : `${tally.passed}/${tally.total}`;
}

/* One line for each scenario: its checks have one reason. */
function accepted(losses: Verdict['expected']): string[] {
  const scenarios = Map.groupBy(losses, ({ scenario, reason }) => `  ${scenario}: ${reason}`);
  if (scenarios.size === 0) return [];
  return ['', 'lost as expected:', ...[...scenarios].map(([line, { length }]) => `${line} (${length})`)];
}

function section<T extends { readonly scenario: string; readonly check: string }>(
  title: string,
  entries: readonly T[],
  say: (entry: T) => string,
): string[] {
  if (entries.length === 0) return [];
  return ['', title, ...entries.map((entry) => `  ${entry.scenario}: ${entry.check}: ${say(entry)}`)];
}
