/**
 * Who may do what: the rules of MCPRoute v1beta1 (`securityPolicy.authorization`), in order, of which the first that matches
 * decides, compiled once. The same answer serves calls and lists, and every kind of subject.
 */
import { celCaller, celCondition, celRequest, type CelCaller, type CelCondition, type CelRequest } from './cel.ts';
import { claimTest, type ClaimRequirement, type ClaimTest } from './claims.ts';
import type { Asking, Subject, SubjectKind } from './subject.ts';

type RuleAction = 'Allow' | 'Deny';

/** What a rule is about. Without a name: all of that kind that the upstream has. */
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
   * What a Deny rule does whose condition fails. `deny` (default): it denies, so that a broken condition opens nothing.
   * `noMatch`: the rule is passed over, as Envoy AI Gateway does. An Allow rule is passed over either way.
   */
  readonly celErrorAction?: 'deny' | 'noMatch' | undefined;
  /** Kinds that the rules are for; everything else is allowed. Default: all of them. `['tool']` is what Envoy AI Gateway does. */
  readonly kinds?: readonly RuleTarget['kind'][] | undefined;
}

export type Decision =
  | { readonly allow: true; readonly rule: number | 'default' | 'exempt' }
  | {
      readonly allow: false;
      readonly rule: number | 'default';
      /** All scopes of the rule that would allow it and lacks the fewest. Absent: no scope would help. */
      readonly scopes?: readonly string[];
    };

/** Called for each request and for each entry of a list. */
export type Decide = (asking: Asking, subject: Subject) => Decision;

/** A rule that cannot be compiled. `index` counts from 0. */
export class RuleFault extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.name = 'RuleFault';
    this.index = index;
  }
}

/** What a subject counts as: a completion is about a prompt or a template, a task about its tool. */
const targetKinds: Readonly<Record<SubjectKind, readonly RuleTarget['kind'][]>> = {
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

/** Rule by rule, what holds of a caller whatever it asks for. */
interface Sources {
  readonly scopes: ReadonlySet<string>;
  readonly hasScopes: readonly boolean[];
  readonly hasClaims: readonly boolean[];
}

/** Throws `RuleFault` for a condition that is no CEL. */
export function compileRules({ rules, defaultAction, celErrorAction, kinds }: Rules): Decide {
  const compiled = rules.map(compile);
  const byTarget = indexOfTargets(rules);
  const allowsByDefault = defaultAction === 'Allow';
  const errorDenies = celErrorAction !== 'noMatch';
  const judged = kinds === undefined ? undefined : new Set(kinds);
  /** A list asks about hundreds of entries for one caller. */
  const callers = new WeakMap<Asking, CelCaller>();
  /** By the claims, which are one object for as long as a token is known. */
  const sources = new WeakMap<Asking['claims'], Sources>();

  const requestOf = (asking: Asking, subject: Subject): CelRequest => {
    let caller = callers.get(asking);
    if (caller === undefined) {
      caller = celCaller(asking);
      callers.set(asking, caller);
    }
    return celRequest(caller, subject);
  };
  const sourcesOf = ({ scopes, claims }: Asking): Sources => {
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
  return (asking, subject) => {
    // A list is for everyone: its entries are judged one by one.
    if (subject.kind === 'list') return exempt;
    const counted = targetKinds[subject.kind];
    if (judged !== undefined && !counted.some((kind) => judged.has(kind))) return exempt;
    const { hasScopes, hasClaims } = sourcesOf(asking);
    const names = [undefined, subject.name, ...(subject.alsoNamed ?? [])];
    const aimed = counted.flatMap((kind) =>
      names.flatMap((name) => byTarget.get(targetKey(kind, subject.upstream, name)) ?? []),
    );
    let request: CelRequest | undefined;
    const conditionOf = (rule: CompiledRule): boolean => {
      if (rule.cel === undefined) return true;
      const outcome = rule.cel((request ??= requestOf(asking, subject)));
      if (outcome === 'error') return !rule.isAllow && errorDenies;
      // An entry is in the list when some parameters would do.
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
 * Which upstreams a caller gets at all (MCPRoute v1beta1 `backendSelector`): asked once an upstream where a session begins, and on
 * every request where there is none. `method` is what is asked then. Throws `RuleFault`.
 */
export function compileSelector({ rules, defaultAction }: BackendSelector) {
  const decide = compileRules({ rules, defaultAction });
  return (asking: Asking, upstream: string, method: string): boolean =>
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

/** Names may hold any character but this one, which is no part of a name in a configuration. */
function targetKey(kind: string, upstream: string, name: string | undefined): string {
  return name === undefined ? `all ${kind}\0${upstream}` : `${kind}\0${upstream}\0${name}`;
}

/** The set of which the caller lacks the fewest; of those the smallest; of those the first. */
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
