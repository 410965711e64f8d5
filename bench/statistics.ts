/**
 * How samples become figures. A shared machine drifts by more than most differences of interest, so nothing is compared
 * across rounds: a ratio is taken within one round, where both sides met the same machine, and then the median of the rounds.
 */
import type { Sample } from './measure.ts';

export type Figure = (sample: Sample) => number | undefined;

/** The target every ratio is taken to. */
export const floor = 'relay';

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

export interface Difference {
  /** The dearest of the targets over the cheapest. */
  readonly factor: number;
  /** Factors up to this one could be chance. Infinite in a run of too few rounds to know its own scatter. */
  readonly resolution: number;
}

/**
 * How far targets that should be equal are apart. Each figure is held against the mean of the round, so that what slowed
 * all of them slows nobody. Undefined when one of them has no round in which all were measured.
 */
export function differenceBetween(
  targets: readonly string[],
  samples: readonly Sample[],
  figure: Figure,
): Difference | undefined {
  const relative = targets.map((): number[] => []);
  for (const round of new Set(samples.map((sample) => sample.round))) {
    const figures = targets.flatMap((target) => {
      const sample = samples.find((sample) => sample.round === round && sample.target === target);
      const value = sample === undefined ? undefined : figure(sample);
      return value === undefined || value === 0 ? [] : [value];
    });
    if (figures.length < targets.length) continue;
    const mean = figures.reduce((sum, value) => sum + value, 0) / figures.length;
    for (const [i, value] of figures.entries()) relative[i]?.push(value / mean);
  }
  const medians = relative.flatMap((values) => median(values) ?? []);
  if (medians.length === 0) return undefined;
  return {
    factor: Math.max(...medians) / Math.min(...medians),
    resolution: 1 + Math.max(...relative.map(uncertainty)),
  };
}

/** Fewer rounds than this say nothing about scatter. */
const fewestRounds = 3;

/** About two standard errors of the median, from the middle half of the rounds, which a disturbed round does not move. */
function uncertainty(values: readonly number[]): number {
  if (values.length < fewestRounds) return Infinity;
  const sorted = values.toSorted((a, b) => a - b);
  const quarter = Math.floor(values.length / 4);
  const middleHalf = (sorted[values.length - 1 - quarter] ?? 0) - (sorted[quarter] ?? 0);
  return (2 * middleHalf) / Math.sqrt(values.length);
}
