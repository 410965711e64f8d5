/**
 * Conditions in CEL over `request` (MCPRoute v1beta1): compiled once, checked for what they could cost each time they loop, and
 * matched by RE2. https://github.com/google/cel-spec
 */
import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { canGrow, childrenOf, costOf, maxCelCost, maxCelNesting, nestingOf, sizeOf, type Size } from './cel-cost.ts';
import type { Asking, Subject } from './subject.ts';

/** Of an expression, in characters. */
export const maxCelChars = 4_096;
/** Of a text that `matches` looks at, in characters. */
export const maxMatchedChars = 8_192;
/** Of a pattern, in characters. */
export const maxPatternChars = 1_024;

/** `error`: no boolean came out of it, or it would cost too much. `open`: that depends on parameters that are not there. */
export type CelOutcome = boolean | 'error' | 'open';

export type CelCondition = (request: CelRequest) => CelOutcome;

/** The variable `request` of one decision, and how much it holds: with the parameters of the message for conditions that name them. */
export interface CelRequest {
  readonly request: (withParams: boolean) => Readonly<Record<string, unknown>>;
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

/** The function of the library would be a RegExp of JavaScript, which can take forever. RE2 is what CEL asks for, too. */
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

/** Throws when the expression is too long, is no CEL, or cannot be a boolean. The message is for who wrote it. */
export function celCondition(expression: string): CelCondition {
  if (expression.length > maxCelChars) throw new Error(`longer than ${maxCelChars} characters`);
  const evaluate = environment.parse(expression);
  matchByRe2(evaluate.ast);
  const { valid, type, error } = evaluate.check();
  if (!valid) throw new Error(error?.message.split('\n', 1)[0] ?? 'not valid', { cause: error });
  if (type !== 'bool' && type !== 'dyn') throw new Error(`is of type ${type}, not bool`);
  if (nestingOf(evaluate.ast) > maxCelNesting) throw new Error(`loops are nested more than ${maxCelNesting} deep`);
  const grows = canGrow(evaluate.ast);
  // Whatever a condition gets to, it has paid for: who does not name the parameters does not get them.
  const asksForParams = expression.includes('params');
  return ({ request, size, hasParams }) => {
    if (grows && costOf(evaluate.ast, size(asksForParams)) > maxCelCost) return 'error';
    try {
      const outcome: unknown = evaluate({ request: request(asksForParams) });
      if (typeof outcome === 'boolean') return outcome;
    } catch {
      // What went wrong may name what the client sent.
    }
    return asksForParams && !hasParams ? 'open' : 'error';
  };
}

/** Throws for a pattern that RE2 does not know. */
function matchByRe2(node: ASTNode): void {
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    node.args[0] = 'matchesRe2';
    const pattern = node.args[2][0];
    // A pattern that is none is told at once.
    if (pattern?.op === 'value' && typeof pattern.args === 'string') RE2JS.compile(pattern.args);
  }
  for (const child of childrenOf(node)) matchByRe2(child);
}

/** What of `request` is the same for all that one caller asks about; each part is made when a condition first names it. */
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

/** Header names are in lower case; of a repeated header the first value counts, all are in `headers_all`. */
export function celCaller({ rawHeaders, scopes, claims, http }: Asking): CelCaller {
  let headers: CelHeaders | undefined;
  let auth: object | undefined;
  let size: Size | undefined;
  const caller: CelCaller = {
    method: http?.method ?? '',
    path: http?.path ?? '',
    headers: () => (headers ??= headersOf(rawHeaders)),
    auth: () => (auth ??= { jwt: { claims, scopes: [...scopes] } }),
    size: () => (size ??= sizeOf(requestOf(caller, undefined))),
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

/** Members are its own, so that a condition sees them as it would see plain ones. */
function requestOf(caller: CelCaller, mcp: object | undefined): Readonly<Record<string, unknown>> {
  const request = {
    method: caller.method,
    path: caller.path,
    get host() {
      const { first } = caller.headers();
      return Object.hasOwn(first, 'host') ? first['host'] : '';
    },
    get headers() {
      return caller.headers().first;
    },
    get headers_all() {
      return caller.headers().all;
    },
    get auth() {
      return caller.auth();
    },
  };
  return mcp === undefined ? request : Object.assign(request, { mcp });
}

/** `request` for one subject. The parameters are read when a condition names them. */
export function celRequest(caller: CelCaller, subject: Subject): CelRequest {
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
    request: (withParams) =>
      requestOf(caller, withParams && params !== undefined ? { ...mcp, params: paramsOf() } : mcp),
    size(withParams) {
      const one = caller.size();
      const other = withParams && params !== undefined ? sizeOf(paramsOf()) : { values: 0, chars: 0 };
      // Besides both there is `mcp` itself.
      return { values: one.values + other.values + 6, chars: one.chars + other.chars + subject.name.length + 64 };
    },
  };
}
