/** Compares what the suite found straight at the server with what it found through the gateway. */
import type { Check, Findings, Requirements } from './suite.ts';

/** A check that the server passes and the gateway in front of it does not. */
interface Loss {
  readonly scenario: string;
  readonly check: string;
  /** How it ended, or that it is missing. */
  readonly status: string;
  readonly message: string;
}

export interface Row {
  readonly scenario: string;
  readonly isScored: boolean;
  readonly direct: Tally;
  readonly gateway: Tally;
  readonly losses: readonly Loss[];
}

export interface Tally {
  readonly passed: number;
  /** Those that count: all but the informative ones. */
  readonly total: number;
  /** Something passed, and there is no failure, warning or skipped check. */
  readonly isPass: boolean;
}

/** What a scenario is known to lose, and why that is accepted. */
export interface Expected {
  readonly scenario: string;
  /** How each check ends through the gateway, by its id: what gets worse is a loss again. */
  readonly checks: Readonly<Record<string, string>>;
  readonly reason: string;
}

/** A check that the baseline names and that is not lost. */
interface Stale {
  readonly scenario: string;
  readonly check: string;
  readonly reason: string;
}

export interface Verdict {
  readonly rows: readonly Row[];
  /** Losses that the baseline does not name. */
  readonly losses: readonly Loss[];
  readonly expected: readonly (Loss & { readonly reason: string })[];
  /** Entries of the baseline that name no loss: a baseline that is not kept clean hides the next loss. */
  readonly stale: readonly Stale[];
  /** Scored scenarios that pass through the gateway, of all that are scored. */
  readonly score: { readonly passed: number; readonly of: number };
  readonly isGood: boolean;
}

/** The baseline given is that of one run. */
export function judge(
  requirements: Requirements,
  direct: Findings,
  gateway: Findings,
  baseline: readonly Expected[],
): Verdict {
  const { scored, unscored } = requirements;
  const rows = [...scored, ...unscored].map((scenario): Row => {
    const [before, after] = [direct.get(scenario) ?? [], gateway.get(scenario) ?? []];
    return {
      scenario,
      isScored: scored.includes(scenario),
      direct: tally(before, after),
      gateway: tally(after, before),
      losses: lossesOf(scenario, before, after),
    };
  });
  const all = rows.flatMap((row) => row.losses);
  const entryOf = (loss: Loss): Expected | undefined =>
    baseline.find((entry) => entry.scenario === loss.scenario && entry.checks[loss.check] === loss.status);
  const losses = all.filter((loss) => entryOf(loss) === undefined);
  const expected = all.flatMap((loss) => {
    const entry = entryOf(loss);
    return entry === undefined ? [] : [{ ...loss, reason: entry.reason }];
  });
  const stale = baseline.flatMap((entry) =>
    Object.keys(entry.checks)
      .filter((check) => !all.some((loss) => loss.check === check && entryOf(loss) === entry))
      .map((check) => ({ scenario: entry.scenario, check, reason: entry.reason })),
  );
  const passed = rows.filter((row) => row.isScored && row.gateway.isPass).length;
  // What fails without being lost fails at the server itself, and then the comparison is worth nothing.
  const isExplained = rows.every((row) => !row.isScored || row.gateway.isPass || row.losses.length > 0);
  return {
    rows,
    losses,
    expected,
    stale,
    score: { passed, of: scored.length },
    isGood: losses.length === 0 && stale.length === 0 && isExplained,
  };
}

/** How many checks of a scenario count, and how many of them passed. What is skipped with and without the gateway says nothing. */
function tally(checks: readonly Check[], others: readonly Check[]): Tally {
  const theirs = byKey(others);
  const counted = [...byKey(checks)].filter(
    ([key, { status }]) => status !== 'INFO' && !(status === 'SKIPPED' && theirs.get(key)?.status === 'SKIPPED'),
  );
  const passed = counted.filter(([, { status }]) => status === 'SUCCESS').length;
  return { passed, total: counted.length, isPass: passed > 0 && passed === counted.length };
}

/* A scenario may make a check of one name several times, so the n-th is compared with the n-th. */
function lossesOf(scenario: string, direct: readonly Check[], gateway: readonly Check[]): Loss[] {
  const after = byKey(gateway);
  return [...byKey(direct)].flatMap(([key, check]): Loss[] => {
    if (check.status !== 'SUCCESS') return [];
    const now = after.get(key);
    if (now?.status === 'SUCCESS') return [];
    return [{ scenario, check: check.id, status: now?.status ?? 'missing', message: now?.errorMessage ?? '' }];
  });
}

function byKey(checks: readonly Check[]): Map<string, Check> {
  const seen = new Map<string, number>();
  return new Map(
    checks.map((check) => {
      const name = `${check.id} ${check.name}`;
      const count = (seen.get(name) ?? 0) + 1;
      seen.set(name, count);
      return [`${name} ${count}`, check];
    }),
  );
}
