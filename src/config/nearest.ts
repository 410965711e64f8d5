/**
 * "Did you mean …?": the known word nearest to a misspelt one, by the number of letters to insert, drop, change or swap.
 */

/** Words with a larger distance are different words. */
const maxDistance = 2;
/** Longer words are not compared: the cost grows with the square of the length. */
const maxWordChars = 64;

/** The nearest of `known` (compared without case), or undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > maxWordChars) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.min(maxDistance, Math.floor(word.length / 2)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = distanceOf(wanted, candidate.toLowerCase());
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/* Optimal string alignment: Levenshtein's distance in which two swapped neighbours count once. */
function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(changed, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
