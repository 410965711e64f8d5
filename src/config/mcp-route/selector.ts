/** Reads `include`, `includeRegex`, `exclude`, `excludeRegex` as a selector with validated RE2 patterns; also header matches. */
import { RE2JS } from 're2js';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { HeaderMatch, NameSelector } from '../model.ts';
import type { RouteContext } from './context.ts';
import { fault, warn } from './context.ts';
import type { HeaderMatchText, SelectorText } from './route-shape.ts';

/** Selects everything: the default of a backend. */
export const everything: NameSelector = Object.freeze({ include: undefined, exclude: new Set<string>() });

/* An empty list of names selects all, as in Envoy AI Gateway. */
export function readSelector(context: RouteContext, path: JsonPath, text: SelectorText): NameSelector {
  for (const name of ['include', 'includeRegex'] as const)
    if (text[name]?.length === 0) warn(context, [...path, name], 'an empty list selects all, as if it were not there');
  for (const name of ['includeRegex', 'excludeRegex'] as const)
    for (const [i, pattern] of (text[name] ?? []).entries()) checkPattern(context, [...path, name, i], pattern);
  const { include, includeRegex = [], exclude = [], excludeRegex = [] } = text;
  return Object.freeze({
    include: include === undefined || include.length === 0 ? undefined : new Set(include),
    exclude: new Set(exclude),
    ...(includeRegex.length > 0 && { includePatterns: includeRegex }),
    ...(excludeRegex.length > 0 && { excludePatterns: excludeRegex }),
  });
}

export function readHeaderMatches(
  context: RouteContext,
  path: JsonPath,
  written: readonly HeaderMatchText[],
): readonly HeaderMatch[] {
  const seen = new Set<string>();
  return written.map(({ name, value, type }, i) => {
    const lower = name.toLowerCase();
    if (seen.has(lower))
      fault(context, [...path, i, 'name'], 'two matches for one header', 'Keep one; upper and lower case are the same');
    seen.add(lower);
    if (type === 'RegularExpression') checkPattern(context, [...path, i, 'value'], value);
    return { name: lower, kind: type === 'Exact' ? 'exact' : 'pattern', value };
  });
}

function checkPattern(context: RouteContext, path: JsonPath, pattern: string): void {
  try {
    RE2JS.compile(pattern);
  } catch {
    fault(context, path, 'not an RE2 pattern', 'See github.com/google/re2/wiki/Syntax; lookarounds do not exist in it');
  }
}
