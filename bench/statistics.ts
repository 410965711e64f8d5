/**
 * How samples become figures. A shared machine drifts by more than most differences of interest, so nothing is compared
 * across rounds: a ratio is taken within one round, where both sides met the same machine, and then the median of the rounds.
 */
import type { Sample } from './measure.ts';
import type { Verdict } from './scenario.ts';

export type Figure = (sample: Sample) => number | undefined;

/** The target every ratio is taken to. */
const floor = 'relay';

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** Per round, the target's figure over the relay's. Rounds in which either is missing are left out. */
export function ratiosToRelay(target: string, samples: readonly Sample[], figure: Figure): number[] {
  return samples
    .filter((sample) => sample.target === target)
    .flatMap((sample) => {
      const base = samples.find(
        (other) => other.target === floor && other.round === sample.round && other.workload === sample.workload,
      );
      const [above, below] = [figure(sample), base === undefined ? undefined : figure(base)];
      return above === undefined || below === undefined || below === 0 ? [] : [above / below];
    });
}

/** Per round, the target's figure less that of `base`. Rounds in which either is missing are left out. */
export function differencesTo(base: string, target: string, samples: readonly Sample[], figure: Figure): number[] {
  return samples
    .filter((sample) => sample.target === target)
    .flatMap((sample) => {
      const other = samples.find(
        (one) => one.target === base && one.round === sample.round && one.workload === sample.workload,
      );
      const [above, below] = [figure(sample), other === undefined ? undefined : figure(other)];
      return above === undefined || below === undefined ? [] : [above - below];
    });
}

export interface Difference {
  /** The dearest of the targets over the cheapest. */
  readonly factor: number;
  /** What chance alone reaches in one run of a hundred: a factor up to this one says nothing. */
  readonly chance: number;
}

/** Enough for the 99th percentile to be steady in its second digit. */
const shuffles = 2_000;
const chanceQuantile = 0.99;

/**
 * How far targets that should be equal are apart, and how far they would be by chance (a randomisation test): if the
 * targets are equal, then which of a round's figures fell to which target was decided by the order of the round alone, and
 * that order is drawn at random (run.ts). So the names are drawn again, many times, within each round, whatever disturbed
 * the machine. Rounds in which not all targets were measured are left out; undefined when none is left.
 */
export function differenceBetween(
  targets: readonly string[],
  samples: readonly Sample[],
  figure: Figure,
): Difference | undefined {
  const rounds = [...new Set(samples.map((sample) => sample.round))].flatMap((round) => {
    const figures = figuresOfRound(targets, samples, round, figure);
    return figures.length === targets.length ? [figures] : [];
  });
  if (rounds.length === 0) return undefined;
  const draw = drawing();
  const byChance = Array.from({ length: shuffles }, () => factorOf(rounds.map((round) => shuffled(round, draw))));
  byChance.sort((a, b) => a - b);
  return { factor: factorOf(rounds), chance: byChance[Math.floor(shuffles * chanceQuantile)] ?? Infinity };
}

/** Each target's figure over the mean of the round, so that what slowed all of them slows nobody. */
function figuresOfRound(
  targets: readonly string[],
  samples: readonly Sample[],
  round: number,
  figure: Figure,
): number[] {
  const figures = targets.flatMap((target) => {
    const sample = samples.find((sample) => sample.round === round && sample.target === target);
    const value = sample === undefined ? undefined : figure(sample);
    return value === undefined || value === 0 ? [] : [value];
  });
  const mean = figures.reduce((sum, value) => sum + value, 0) / figures.length;
  return figures.map((value) => value / mean);
}

/**
 * Rounds × targets → the largest mean of a target over the smallest. A mean of ratios (geometric) and not a median: that
 * most rounds agree happens by chance all the time, that all of them do hardly ever.
 */
function factorOf(rounds: readonly (readonly number[])[]): number {
  const means = (rounds[0] ?? []).map((_, target) =>
    Math.exp(rounds.reduce((total, round) => total + Math.log(round[target] ?? 1), 0) / rounds.length),
  );
  return Math.max(...means) / Math.min(...means);
}

/** Fisher and Yates. `draw` gives [0, 1). */
export function shuffled<T>(items: readonly T[], draw: () => number): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(draw() * (last + 1));
    const [a, b] = [order[last], order[other]];
    if (a !== undefined) order[other] = a;
    if (b !== undefined) order[last] = b;
  }
  return order;
}

/** A linear congruential generator (Numerical Recipes' constants) from a fixed seed: equal samples get equal verdicts. */
function drawing(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The dearest target over the cheapest: what a user may not notice. */
const allowedFactor = 1.05;

/** Whether `targets`, which differ by `what` alone, have the same figure. Undecided where the run is too noisy to tell. */
export function sameFor(
  what: string,
  targets: readonly string[],
  name: string,
  samples: readonly Sample[],
  figure: Figure,
): Verdict {
  const difference = differenceBetween(targets, samples, figure);
  if (difference === undefined) return { met: undefined, text: `${name}: not every one of the ${what} was measured` };
  const { factor, chance } = difference;
  const seen = `${name}: ${factor.toFixed(3)}× between ${what} (chance alone reaches ${chance.toFixed(3)}×)`;
  if (factor <= allowedFactor) return { met: true, text: `${seen}: no difference that can be seen` };
  if (factor <= chance) return { met: undefined, text: `${seen}: too noisy to tell, take more rounds` };
  return { met: false, text: `${seen}: A DIFFERENCE, at most ${allowedFactor}× is allowed` };
}
