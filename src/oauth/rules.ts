/**
 * Authorization rules of MCPRoute v1beta1 (`securityPolicy.authorization`), compiled once. They are evaluated in order, and the
 * first match decides. The same decision applies to calls and lists, and to every kind of subject.
 */
import { celCaller, celCondition, celRequest, type CelCaller, type CelCondition, type CelRequest } from './cel.ts';
import { claimTest, type ClaimRequirement, type ClaimTest } from './claims.ts';
import type { CallerFacts, RuleSubject, RuleSubjectKind } from './subject.ts';

type RuleAction = 'Allow' | 'Deny';

/** The target of a rule. Without a name: all of that kind that the upstream has. */
interface RuleTarget {
  readonly kind: 'tool' | 'prompt' | 'resource';
  readonly upstream: string;
  readonly name?: string | undefined;
}

export interface Rule {
  /** Default Allow. */
  readonly action?: RuleAction | undefined;
  /** All of these scopes, and all of these claims. Default: everyone. */
  readonly scopes?: readonly string[] | undefined;
  readonly claims?: readonly ClaimRequirement[] | undefined;
  /** One of these. Default: everything. */
  readonly targets?: readonly RuleTarget[] | undefined;
  readonly cel?: string | undefined;
}

export interface Rules {
  readonly rules: readonly Rule[];
  /** Default Deny. */
  readonly defaultAction?: RuleAction | undefined;
  /**
   * The effect of a Deny rule whose condition fails. `deny` (default): it denies, so that a broken condition allows nothing.
   * `noMatch`: the rule is skipped, as in Envoy AI Gateway. An Allow rule is skipped either way.
   */
  readonly celErrorAction?: 'deny' | 'noMatch' | undefined;
  /**
   * Kinds that the rules apply to; everything else is allowed. Default: all kinds. `['tool']` is the behaviour of Envoy AI
   * Gateway.
   */
  readonly kinds?: readonly RuleTarget['kind'][] | undefined;
}

export type Decision =
  | { readonly allow: true; readonly rule: number | 'default' | 'exempt' }
  | {
      readonly allow: false;
      readonly rule: number | 'default';
      /** All scopes of the Allow rule that lacks the fewest. Absent: no scope would help. */
      readonly scopes?: readonly string[];
    };

/** Called for each request and for each entry of a list. */
export type Decide = (asking: CallerFacts, subject: RuleSubject) => Decision;

/** A rule that cannot be compiled. `index` counts from 0. */
export class RuleFault extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.name = 'RuleFault';
    this.index = index;
  }
}

/** The rule kinds of a subject: a completion is about a prompt or a template, a task about its tool. */
const targetKinds: Readonly<Record<RuleSubjectKind, readonly RuleTarget['kind'][]>> = {
  tool: ['tool'],
  task: ['tool'],
  prompt: ['prompt'],
  completion: ['prompt', 'resource'],
  resource: ['resource'],
  template: ['resource'],
  subscription: ['resource'],
  list: [],
};

interface CompiledRule {
  readonly isAllow: boolean;
  readonly scopes: readonly string[];
  readonly claims: readonly ClaimTest[];
  readonly isTargeted: boolean;
  readonly cel: CelCondition | undefined;
}

/** For each rule, whether the caller has its scopes and claims. */
interface Sources {
  readonly scopes: ReadonlySet<string>;
  readonly hasScopes: readonly boolean[];
  readonly hasClaims: readonly boolean[];
}

const none: readonly string[] = [];

/** Throws `RuleFault` for a condition that is not valid CEL. */
export function compileRules({ rules, defaultAction, celErrorAction, kinds }: Rules): Decide {
  const compiled = rules.map(compile);
  const byTarget = indexOfTargets(rules);
  const allowsByDefault = defaultAction === 'Allow';
  const errorDenies = celErrorAction !== 'noMatch';
  const judged = kinds === undefined ? undefined : new Set(kinds);
  /** The last one: a list needs hundreds of decisions for one caller. A WeakMap would cost more than it saves for a call. */
  let last: { readonly asking: CallerFacts; readonly caller: CelCaller } | undefined;
  /** By the claims, which are the same object as long as the token is known. */
  const sources = new WeakMap<CallerFacts['claims'], Sources>();

  const requestOf = (asking: CallerFacts, subject: RuleSubject): CelRequest => {
    if (last?.asking !== asking) last = { asking, caller: celCaller(asking) };
    return celRequest(last.caller, subject);
  };
  const sourcesOf = ({ scopes, claims }: CallerFacts): Sources => {
    const known = sources.get(claims);
    if (known?.scopes === scopes) return known;
    const fresh = {
      scopes,
      hasScopes: compiled.map((rule) => rule.scopes.every((scope) => scopes.has(scope))),
      hasClaims: compiled.map((rule) => rule.claims.every((test) => test(claims))),
    };
    sources.set(claims, fresh);
    return fresh;
  };
  const aimedAt = (
    { upstream, name, alsoNamed = none }: RuleSubject,
    counted: readonly RuleTarget['kind'][],
  ): readonly ReadonlySet<number>[] => {
    const aimed: ReadonlySet<number>[] = [];
    const add = (key: string): void => {
      const rules = byTarget.get(key);
      if (rules !== undefined) aimed.push(rules);
    };
    for (const kind of counted) {
      add(targetKey(kind, upstream, undefined));
      add(targetKey(kind, upstream, name));
      for (const other of alsoNamed) add(targetKey(kind, upstream, other));
    }
    return aimed;
  };
  return (asking, subject) => {
    // A list is allowed for everyone: its entries are judged one by one.
    if (subject.kind === 'list') return exempt;
    const counted = targetKinds[subject.kind];
    if (judged !== undefined && !counted.some((kind) => judged.has(kind))) return exempt;
    const { hasScopes, hasClaims } = sourcesOf(asking);
    const aimed = aimedAt(subject, counted);
    let request: CelRequest | undefined;
    const conditionOf = (rule: CompiledRule): boolean => {
      if (rule.cel === undefined) return true;
      const outcome = rule.cel((request ??= requestOf(asking, subject)));
      if (outcome === 'error') return !rule.isAllow && errorDenies;
      // An entry is in the list if some parameters would be allowed.
      return outcome === 'open' ? rule.isAllow : outcome;
    };
    const isAbout = (rule: CompiledRule, at: number): boolean =>
      hasClaims[at] === true && (!rule.isTargeted || aimed.some((aim) => aim.has(at))) && conditionOf(rule);

    const index = compiled.findIndex((rule, at) => hasScopes[at] === true && isAbout(rule, at));
    const decisive = compiled[index];
    if (decisive === undefined ? allowsByDefault : decisive.isAllow) {
      return { allow: true, rule: decisive === undefined ? 'default' : index };
    }
    const rule = decisive === undefined ? 'default' : index;
    const earlier = decisive === undefined ? compiled : compiled.slice(0, index);
    const scopes = fewest(
      earlier.filter((one, at) => one.isAllow && one.scopes.length > 0 && isAbout(one, at)).map((one) => one.scopes),
      asking.scopes,
    );
    return scopes === undefined ? { allow: false, rule } : { allow: false, rule, scopes };
  };
}

/** Which rules name a target. */
function indexOfTargets(rules: readonly Rule[]): ReadonlyMap<string, ReadonlySet<number>> {
  const index = new Map<string, Set<number>>();
  for (const [at, { targets = [] }] of rules.entries())
    for (const { kind, upstream, name } of targets) {
      const key = targetKey(kind, upstream, name);
      index.set(key, (index.get(key) ?? new Set()).add(at));
    }
  return index;
}

export interface BackendSelector {
  readonly rules: readonly { readonly cel: string; readonly action?: RuleAction | undefined }[];
  /** Default Deny. */
  readonly defaultAction?: RuleAction | undefined;
}

/**
 * Which upstreams a caller may use (MCPRoute v1beta1 `backendSelector`): evaluated per upstream when a session begins, and on
 * every request without a session. `method` is the method of that request. Throws `RuleFault`.
 */
export function compileSelector({ rules, defaultAction }: BackendSelector) {
  const decide = compileRules({ rules, defaultAction });
  return (asking: CallerFacts, upstream: string, method: string): boolean =>
    decide(asking, { kind: 'tool', upstream, name: '', method, params: () => ({}) }).allow;
}

const exempt: Decision = { allow: true, rule: 'exempt' };

function compile(rule: Rule, index: number): CompiledRule {
  let cel: CelCondition | undefined;
  try {
    cel = rule.cel === undefined ? undefined : celCondition(rule.cel);
  } catch (fault) {
    throw new RuleFault(index, fault instanceof Error ? fault.message : 'no CEL');
  }
  return {
    isAllow: rule.action !== 'Deny',
    scopes: rule.scopes ?? [],
    claims: (rule.claims ?? []).map(claimTest),
    isTargeted: rule.targets !== undefined,
    cel,
  };
}

/** The separator cannot occur in a configured name. */
function targetKey(kind: string, upstream: string, name: string | undefined): string {
  return name === undefined ? `all ${kind}\0${upstream}` : `${kind}\0${upstream}\0${name}`;
}

/** The set from which the caller lacks the fewest scopes; of equals the smallest; of those the first. */
function fewest(sets: readonly (readonly string[])[], held: ReadonlySet<string>): readonly string[] | undefined {
  let best: { readonly scopes: readonly string[]; readonly lacking: number } | undefined;
  for (const scopes of sets) {
    const lacking = scopes.filter((scope) => !held.has(scope)).length;
    if (
      best === undefined ||
      lacking < best.lacking ||
      (lacking === best.lacking && scopes.length < best.scopes.length)
    ) {
      best = { scopes, lacking };
    }
  }
  return best?.scopes;
}
