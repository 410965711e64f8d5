/** Claims that a rule asks for: by name, nested by dots, with one of some values. MCPRoute v1beta1 `source.jwt.claims`. */

export interface ClaimRequirement {
  /** `a.b` is member `b` of `a`. Of two readings the longer name counts first, as in `https://example.com/groups`. */
  readonly name: string;
  /** `String`: the claim is one of the values. `StringArray`: it holds one of them; a single string counts as a list of one. */
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

/** The member that the names lead to. Names that hold a dot themselves are tried first. */
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
