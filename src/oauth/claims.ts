/** Claims that a rule requires: a path of names, and the allowed values. MCPRoute v1beta1 `source.jwt.claims`. */

export interface ClaimRequirement {
  /**
   * `a.b` is member `b` of `a`. If a name itself contains dots, the longer name is tried first, as in
   * `https://example.com/groups`.
   */
  readonly name: string;
  /**
   * `String`: the claim equals one of the values. `StringArray`: it contains one of them; a single string counts as a list of
   * one.
   */
  readonly valueType?: 'String' | 'StringArray' | undefined;
  readonly values: readonly string[];
}

export type ClaimTest = (claims: Readonly<Record<string, unknown>>) => boolean;

export function claimTest({ name, valueType, values }: ClaimRequirement): ClaimTest {
  const accepted = new Set(values);
  const takesLists = valueType === 'StringArray';
  const path = name.split('.');
  return (claims) => {
    const value = memberAt(claims, path);
    if (typeof value === 'string') return accepted.has(value);
    return takesLists && Array.isArray(value) && value.some((one) => typeof one === 'string' && accepted.has(one));
  };
}

/** The member at the path. Names that contain dots are tried first. */
export function memberAt(from: unknown, path: readonly string[]): unknown {
  if (typeof from !== 'object' || from === null || Array.isArray(from)) return undefined;
  const members = from as Readonly<Record<string, unknown>>;
  for (let taken = path.length; taken > 0; taken--) {
    const name = path.slice(0, taken).join('.');
    if (!Object.hasOwn(members, name)) continue;
    const value = taken === path.length ? members[name] : memberAt(members[name], path.slice(taken));
    if (value !== undefined) return value;
  }
  return undefined;
}
