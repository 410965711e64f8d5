/**
 * What a given caller would see and be allowed to do on each route, rule by rule. Derived from the configuration only; nothing is
 * connected.
 */
import { compiled, reachOf, rulesOf } from '../clients/rules-gate.ts';
import { routeKey, type Config, type RouteConfig, type UpstreamConfig } from '../config/model.ts';
import type { AuthorizationConfig, AuthorizationRule } from '../config/security.ts';
import { celCaller, celCondition, celRequest } from '../oauth/cel.ts';
import { claimTest, memberAt, type ClaimRequirement } from '../oauth/claims.ts';
import type { Decision } from '../oauth/rules.ts';
import { scopesOf, withImplied } from '../oauth/scopes.ts';
import type { CallerFacts } from '../oauth/subject.ts';

/** A rule, its targets, and why it applies or does not apply to the caller. */
interface RuleVerdict {
  readonly rule: number;
  readonly action: 'Allow' | 'Deny';
  /** Such as `tool a/look`, or `everything`. */
  readonly about: readonly string[];
  readonly matches: boolean;
  /** The reasons for no match; empty when the rule matches. */
  readonly because: readonly string[];
  /** Its condition also looks at what is called: there it may still not hold. */
  readonly depends: boolean;
}

interface ThingVerdict {
  readonly kind: 'tool' | 'prompt' | 'resource';
  /** `*`: all that no rule names. */
  readonly name: string;
  readonly allow: boolean;
  readonly rule: number | 'default' | 'exempt';
  /** Scopes that would allow it. */
  readonly scopes?: readonly string[];
  /** Only with parameters for which the condition of the rule holds. */
  readonly depends?: true;
}

export interface CallerPlan {
  readonly route: string;
  readonly rules: readonly RuleVerdict[];
  readonly upstreams: readonly {
    readonly upstream: string;
    readonly reached: boolean;
    readonly things: readonly ThingVerdict[];
  }[];
}

/** `claims` are those of an access token. Throws for a condition that is not valid CEL. */
export function callerPlans({ routes }: Config, claims: Readonly<Record<string, unknown>>): readonly CallerPlan[] {
  return routes.map((route) => planOf(route, claims));
}

function planOf(route: RouteConfig, given: Readonly<Record<string, unknown>>): CallerPlan {
  const { security, backendSelector, upstreams, path } = route;
  const { scope: _scope, scp: _scp, ...claims } = given;
  const scopes = withImplied(scopesOf(given), security?.oauth?.tokens?.impliedScopes);
  const asking = { scopes, claims, rawHeaders: [], http: { method: 'POST', path } };
  const reaches = reachOf(backendSelector);
  const { decide } = compiled({ authorization: security?.authorization, upstreams });
  const rules = security?.authorization === undefined ? [] : verdictsOn(security.authorization, asking, upstreams);
  const ordered = security?.authorization === undefined ? [] : rulesOf(security.authorization);
  return {
    route: routeKey(route),
    rules,
    upstreams: upstreams.map((upstream) => {
      const reached = reaches(asking, upstream.name);
      const judged = (kind: ThingVerdict['kind'], name: string, method: string): ThingVerdict => {
        const subject = { kind, upstream: upstream.name, name: name === '*' ? '' : name, method };
        return { kind, name, ...verdictOf(decide(asking, subject), ordered) };
      };
      const named = namedThings(security?.authorization, upstream);
      const things = [
        ...named.tools.map((name) => judged('tool', name, 'tools/call')),
        judged('tool', '*', 'tools/call'),
        ...named.prompts.map((name) => judged('prompt', name, 'prompts/get')),
        judged('prompt', '*', 'prompts/get'),
        ...named.resources.map((name) => judged('resource', name, 'resources/read')),
        judged('resource', '*', 'resources/read'),
      ];
      return { upstream: upstream.name, reached, things: reached ? things : [] };
    }),
  };
}

function verdictOf(
  decision: Decision,
  rules: readonly AuthorizationRule[],
): Pick<ThingVerdict, 'allow' | 'rule' | 'scopes' | 'depends'> {
  const { rule: at, allow } = decision;
  // Rules are counted from 1 in the output.
  const rule = typeof at === 'number' ? at + 1 : at;
  const depends = typeof at === 'number' && rules[at]?.cel?.includes('params') === true;
  return {
    allow,
    rule,
    ...(!decision.allow && decision.scopes !== undefined && { scopes: decision.scopes }),
    ...(depends && { depends }),
  };
}

/** What rules name of an upstream, by kind. */
function namedThings(
  authorization: AuthorizationConfig | undefined,
  { id }: UpstreamConfig,
): Readonly<Record<'tools' | 'prompts' | 'resources', readonly string[]>> {
  const rules = authorization === undefined ? [] : rulesOf(authorization);
  const own = <T extends { readonly upstream: string }>(
    targets: readonly T[],
    nameOf: (target: T) => string | undefined,
  ) => [...new Set(targets.filter(({ upstream }) => upstream === id).flatMap((target) => nameOf(target) ?? []))];
  return {
    tools: own(
      rules.flatMap((rule) => rule.tools ?? []),
      ({ tool }) => tool,
    ),
    prompts: own(
      rules.flatMap((rule) => rule.prompts ?? []),
      ({ prompt }) => prompt,
    ),
    resources: own(
      rules.flatMap((rule) => rule.resources ?? []),
      ({ uri }) => uri,
    ),
  };
}

function verdictsOn(
  authorization: AuthorizationConfig,
  asking: CallerFacts,
  upstreams: readonly UpstreamConfig[],
): readonly RuleVerdict[] {
  const nameOf = (id: string): string => upstreams.find((upstream) => upstream.id === id)?.name ?? id;
  return rulesOf(authorization).map((rule, at) => {
    const { action, source, cel } = rule;
    const lacking = (source?.scopes ?? []).filter((scope) => !asking.scopes.has(scope));
    const because = [
      ...(lacking.length === 0 ? [] : [`lacks the scope${lacking.length === 1 ? '' : 's'} ${lacking.join(' ')}`]),
      ...(source?.claims ?? [])
        .filter((claim) => !claimTest(claim)(asking.claims))
        .map((claim) => claimFault(claim, asking)),
      ...(cel === undefined ? [] : conditionFaults(cel, asking)),
    ];
    const depends = cel !== undefined && looksAtCall(cel);
    return { rule: at + 1, action, about: aboutOf(rule, nameOf), matches: because.length === 0, because, depends };
  });
}

function aboutOf({ tools, prompts, resources }: AuthorizationRule, nameOf: (id: string) => string): readonly string[] {
  const about = [
    ...(tools ?? []).map(({ upstream, tool }) => `tool ${nameOf(upstream)}/${tool}`),
    ...(prompts ?? []).map(({ upstream, prompt = '*' }) => `prompt ${nameOf(upstream)}/${prompt}`),
    ...(resources ?? []).map(({ upstream, uri = '*' }) => `resource ${nameOf(upstream)}/${uri}`),
  ];
  return tools === undefined && prompts === undefined && resources === undefined ? ['everything'] : about;
}

function claimFault({ name, valueType, values }: ClaimRequirement, { claims }: CallerFacts): string {
  const has = memberAt(claims, name.split('.'));
  const wanted = values.map((value) => JSON.stringify(value)).join(' or ');
  if (has === undefined) return `has no claim ${name}, which must be ${wanted}`;
  if (Array.isArray(has) && valueType !== 'StringArray')
    return `its claim ${name} is a list, for which the rule needs valueType: StringArray`;
  return `its claim ${name} is ${JSON.stringify(has)}, not ${wanted}`;
}

function looksAtCall(cel: string): boolean {
  return /\bmcp\b/.test(cel);
}

/** A condition on the call is evaluated per call; here only the part about the caller is checked. */
function conditionFaults(cel: string, asking: CallerFacts): readonly string[] {
  if (looksAtCall(cel)) return [];
  const subject = { kind: 'tool', upstream: '', name: '', method: 'tools/call' } as const;
  const outcome = celCondition(cel)(celRequest(celCaller(asking), subject));
  if (outcome === true) return [];
  return [outcome === 'error' ? 'its condition fails' : 'its condition does not hold'];
}

/** The plan as text for a terminal. */
export function callerPlanText(plans: readonly CallerPlan[]): string {
  return plans
    .map(({ route, rules, upstreams }) => {
      const lines = [`route ${route}`];
      for (const rule of rules) lines.push(`  ${ruleText(rule)}`);
      for (const { upstream, reached, things } of upstreams) {
        lines.push(`  ${upstream}${reached ? '' : ': not selected for this caller'}`);
        for (const thing of things) lines.push(`    ${thingText(thing)}`);
      }
      return lines.map((line) => `${line}\n`).join('');
    })
    .join('');
}

function ruleText({ rule, action, about, matches, because, depends }: RuleVerdict): string {
  const where = depends ? ' where its condition on what is called holds' : '';
  return `rule ${rule} ${action}, ${about.join(', ')}: ${matches ? `applies${where}` : `does not apply: ${because.join('; ')}`}`;
}

function thingText({ kind, name, allow, rule, scopes, depends }: ThingVerdict): string {
  const what = name === '*' ? `every other ${kind}` : `${kind} ${name}`;
  const by = typeof rule === 'number' ? `rule ${rule}` : rule === 'default' ? 'by default' : 'no rules';
  const help = scopes === undefined || allow ? '' : `; the scopes ${scopes.join(' ')} would open it`;
  const outcome = allow ? 'allowed' : 'denied';
  return `${what}: ${outcome}${depends === true ? ' with some parameters' : ''} (${by}${help})`;
}
