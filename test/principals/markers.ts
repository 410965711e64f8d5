/** Markers: texts that name whose they are, so that one in the wrong place is found whatever brought it there. */

/** Every marker of a principal begins with this. */
export function markerOf(principal: string, what: string | number): string {
  return `mk-${principal}-${what}`;
}

/** The principals whose markers stand in a text. */
export function ownersIn(text: string): ReadonlySet<string> {
  return new Set(Array.from(text.matchAll(/mk-(p\d+)-/g), ([, owner]) => owner!));
}
