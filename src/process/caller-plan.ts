/**
 * What a given caller would see and be allowed to do on each route, rule by rule. Derived from the configuration only; nothing is
 * connected.
 */
import { compiled, reachOf } from '../clients/rules-gate.ts';
import { routeKey, type Config, type RouteConfig, type UpstreamConfig } from '../config/model.ts';
import type { AuthorizationConfig } from '../config/security.ts';
import { celCaller, celCondition, celRequest } from '../oauth/cel.ts';
import { claimTest } from '../oauth/claims.ts';
import type { Decision } from '../oauth/rules.ts';
import { scopesOf, withImplied } from '../oauth/scopes.ts';
import type { CallerFacts } from '../oauth/subject.ts';

/** A rule, and why it applies or does not apply to the caller. */
interface RuleVerdict {
  readonly rule: number;
  readonly action: 'Allow' | 'Deny';
  readonly matches: boolean;
  /** The reasons for no match; empty when the rule matches. */
  readonly because: readonly string[];
}

interface ThingVerdict {
  readonly kind: 'tool' | 'prompt' | 'resource';
  /** `*`: all that no rule names. */
  readonly name: string;
  readonly allow: boolean;
  readonly rule: number | 'default' | 'exempt';
  /** Scopes that would allow it. */
  readonly scopes?: readonly string[];
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
  const rules = security?.authorization === undefined ? [] : verdictsOn(security.authorization, asking);
  return {
    route: routeKey(route),
    rules,
    upstreams: upstreams.map((upstream) => {
      const reached = reaches(asking, upstream.name);
      const judged = (kind: ThingVerdict['kind'], name: string, method: string): ThingVerdict => {
        const subject = { kind, upstream: upstream.name, name: name === '*' ? '' : name, method };
        return { kind, name, ...verdictOf(decide(asking, subject)) };
      };
      const things = [
        ...namedTools(security?.authorization, upstream).map((name) => judged('tool', name, 'tools/call')),
        judged('tool', '*', 'tools/call'),
        judged('prompt', '*', 'prompts/get'),
        judged('resource', '*', 'resources/read'),
      ];
      return { upstream: upstream.name, reached, things: reached ? things : [] };
    }),
  };
}

function verdictOf(decision: Decision): Pick<ThingVerdict, 'allow' | 'rule' | 'scopes'> {
  // Rules are counted from 1 in the output.
  const rule = typeof decision.rule === 'number' ? decision.rule + 1 : decision.rule;
  if (decision.allow || decision.scopes === undefined) return { allow: decision.allow, rule };
  return { allow: false, rule, scopes: decision.scopes };
}

function namedTools(authorization: AuthorizationConfig | undefined, { id }: UpstreamConfig): readonly string[] {
  const named = (authorization?.rules ?? [])
    .flatMap((rule) => rule.tools ?? [])
    .filter(({ upstream }) => upstream === id);
  return [...new Set(named.map(({ tool }) => tool))];
}

function verdictsOn({ rules }: AuthorizationConfig, asking: CallerFacts): readonly RuleVerdict[] {
  return rules.map(({ action, source, cel }, at) => {
    const lacking = (source?.scopes ?? []).filter((scope) => !asking.scopes.has(scope));
    const because = [
      ...(lacking.length === 0 ? [] : [`lacks the scopes ${lacking.join(' ')}`]),
      ...(source?.claims ?? [])
        .filter((claim) => !claimTest(claim)(asking.claims))
        .map(({ name }) => `its claim ${name} does not match`),
      ...(cel === undefined ? [] : conditionFaults(cel, asking)),
    ];
    return { rule: at + 1, action, matches: because.length === 0, because };
  });
}

/** A condition on the call is evaluated per call; here only the part about the caller is checked. */
function conditionFaults(cel: string, asking: CallerFacts): readonly string[] {
  if (/\bmcp\b/.test(cel)) return [];
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
      for (const { rule, action, matches, because } of rules)
        lines.push(`  rule ${rule} ${action}: ${matches ? 'is about this caller' : because.join('; ')}`);
      for (const { upstream, reached, things } of upstreams) {
        lines.push(`  ${upstream}${reached ? '' : ': not selected for this caller'}`);
        for (const thing of things) lines.push(`    ${thingText(thing)}`);
      }
      return lines.map((line) => `${line}\n`).join('');
    })
    .join('');
}

function thingText({ kind, name, allow, rule, scopes }: ThingVerdict): string {
  const what = name === '*' ? `every other ${kind}` : `${kind} ${name}`;
  const by = typeof rule === 'number' ? `rule ${rule}` : rule === 'default' ? 'by default' : 'no rules';
  const help = scopes === undefined || allow ? '' : `; the scopes ${scopes.join(' ')} would open it`;
  return `${what}: ${allow ? 'allowed' : 'denied'} (${by}${help})`;
}
