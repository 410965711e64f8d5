/**
 * Conditions in CEL over `request` (MCPRoute v1beta1): compiled once, limited in their cost when they contain loops, and with RE2
 * for patterns. https://github.com/google/cel-spec
 */
import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { canGrow, childrenOf, costOf, maxCelCost, maxCelNesting, nestingOf, sizeOf, type Size } from './cel-cost.ts';
import type { CallerFacts, RuleSubject } from './subject.ts';

/** Maximum length of an expression, in characters. */
export const maxCelChars = 4_096;
/** Maximum length of a text for `matches`, in characters. */
export const maxMatchedChars = 8_192;
/** Maximum length of a pattern, in characters. */
export const maxPatternChars = 1_024;

/**
 * `error`: the result is not a boolean, or the cost is too high. `open`: the result depends on parameters that are not available.
 */
export type CelOutcome = boolean | 'error' | 'open';

export type CelCondition = (request: CelRequest) => CelOutcome;

/** Which of the larger parts of `request` a condition uses. */
interface CelUses {
  readonly params: boolean;
  readonly headers: boolean;
}

/** The variable `request` of one decision, and how much it holds: with the parts that a condition uses. */
export interface CelRequest {
  readonly request: (uses: CelUses) => Readonly<Record<string, unknown>>;
  readonly size: (withParams: boolean) => Size;
  readonly hasParams: boolean;
}

const patterns = new Map<string, RE2JS>();
const maxPatterns = 256;

const environment = new Environment({
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
  limits: { maxAstNodes: 1_000, maxDepth: 64, maxListElements: 128, maxMapEntries: 128, maxCallArguments: 16 },
})
  .registerVariable('request', 'map')
  .registerFunction('string.matchesRe2(string): bool', (text: string, pattern: string) => matchesRe2(text, pattern));

/** The library's own function uses JavaScript's RegExp, whose time is unbounded. The CEL specification also requires RE2. */
function matchesRe2(text: string, pattern: string): boolean {
  if (text.length > maxMatchedChars || pattern.length > maxPatternChars) throw new Error('too long to match');
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    if (patterns.size >= maxPatterns) patterns.clear();
    compiled = RE2JS.compile(pattern);
    patterns.set(pattern, compiled);
  }
  return compiled.matcher(text).find();
}

/** Throws if the expression is too long, is not valid CEL, or cannot return a boolean. The message is for its author. */
export function celCondition(expression: string): CelCondition {
  if (expression.length > maxCelChars) throw new Error(`longer than ${maxCelChars} characters`);
  const evaluate = environment.parse(expression);
  matchByRe2(evaluate.ast);
  const { valid, type, error } = evaluate.check();
  if (!valid) throw new Error(error?.message.split('\n', 1)[0] ?? 'not valid', { cause: error });
  if (type !== 'bool' && type !== 'dyn') throw new Error(`is of type ${type}, not bool`);
  if (nestingOf(evaluate.ast) > maxCelNesting) throw new Error(`loops are nested more than ${maxCelNesting} deep`);
  const grows = canGrow(evaluate.ast);
  // The parameters count for the cost limit, so a condition that does not use them does not get them.
  const asksForParams = expression.includes('params');
  const members = membersOfRequest(evaluate.ast);
  const uses = {
    params: asksForParams,
    headers: members === undefined || ['host', 'headers', 'headers_all'].some((name) => members.has(name)),
  };
  return ({ request, size, hasParams }) => {
    if (grows && costOf(evaluate.ast, size(asksForParams)) > maxCelCost) return 'error';
    try {
      const outcome: unknown = evaluate({ request: request(uses) });
      if (typeof outcome === 'boolean') return outcome;
    } catch {
      // The error may contain data of the client.
    }
    return asksForParams && !hasParams ? 'open' : 'error';
  };
}

/** Throws for a pattern that RE2 does not support. */
function matchByRe2(node: ASTNode): void {
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    node.args[0] = 'matchesRe2';
    const pattern = node.args[2][0];
    // An invalid constant pattern is reported at once.
    if (pattern?.op === 'value' && typeof pattern.args === 'string') RE2JS.compile(pattern.args);
  }
  for (const child of childrenOf(node)) matchByRe2(child);
}

/** The members of `request` that an expression names; undefined: it uses the map in another way, so that any may matter. */
function membersOfRequest(node: ASTNode): ReadonlySet<string> | undefined {
  if (node.op === 'id') return node.args === 'request' ? undefined : noMembers;
  if ((node.op === '.' || node.op === '.?') && node.args[0].op === 'id' && node.args[0].args === 'request')
    return new Set([node.args[1]]);
  const members = new Set<string>();
  for (const child of childrenOf(node)) {
    const found = membersOfRequest(child);
    if (found === undefined) return undefined;
    for (const name of found) members.add(name);
  }
  return members;
}

const noMembers: ReadonlySet<string> = new Set();

/** The parts of `request` that are the same for all subjects of one caller. Each is made when a condition first uses it. */
export interface CelCaller {
  readonly method: string;
  readonly path: string;
  readonly headers: () => CelHeaders;
  readonly auth: () => object;
  readonly size: () => Size;
}

interface CelHeaders {
  readonly first: Readonly<Record<string, string>>;
  readonly all: Readonly<Record<string, readonly string[]>>;
}

/** Header names are in lower case. For a repeated header, the first value is used; all are in `headers_all`. */
export function celCaller({ rawHeaders, scopes, claims, http }: CallerFacts): CelCaller {
  let headers: CelHeaders | undefined;
  let auth: object | undefined;
  let size: Size | undefined;
  const caller: CelCaller = {
    method: http?.method ?? '',
    path: http?.path ?? '',
    headers: () => (headers ??= headersOf(rawHeaders)),
    auth: () => (auth ??= { jwt: { claims, scopes: [...scopes] } }),
    size: () => (size ??= sizeOf(requestOf(caller, {}, true))),
  };
  return caller;
}

function headersOf(rawHeaders: readonly string[]): CelHeaders {
  const all = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const values = all.get(name);
    if (values === undefined) all.set(name, [rawHeaders[i + 1]!]);
    else values.push(rawHeaders[i + 1]!);
  }
  return {
    first: Object.fromEntries([...all].map(([name, values]) => [name, values[0]!])),
    all: Object.fromEntries(all),
  };
}

function requestOf(caller: CelCaller, mcp: object, withHeaders: boolean): Readonly<Record<string, unknown>> {
  const { method, path } = caller;
  if (!withHeaders) return { method, path, auth: caller.auth(), mcp };
  const { first, all } = caller.headers();
  const host = Object.hasOwn(first, 'host') ? first['host'] : '';
  return { method, path, host, headers: first, headers_all: all, auth: caller.auth(), mcp };
}

/** `request` for one subject. The parameters are read only if a condition uses them. */
export function celRequest(caller: CelCaller, subject: RuleSubject): CelRequest {
  const { params } = subject;
  let read: { readonly params: unknown } | undefined;
  const paramsOf = (): unknown => (read ??= { params: params?.() ?? {} }).params;
  const mcp = {
    method: subject.method,
    backend: subject.upstream,
    tool: subject.kind === 'tool' ? subject.name : '',
    kind: subject.kind,
    name: subject.name,
  };
  return {
    hasParams: params !== undefined,
    request: (uses) =>
      requestOf(caller, uses.params && params !== undefined ? { ...mcp, params: paramsOf() } : mcp, uses.headers),
    size(withParams) {
      const one = caller.size();
      const other = withParams && params !== undefined ? sizeOf(paramsOf()) : { values: 0, chars: 0 };
      // Besides both there is the map `mcp` itself.
      return { values: one.values + other.values + 6, chars: one.chars + other.chars + subject.name.length + 64 };
    },
  };
}
