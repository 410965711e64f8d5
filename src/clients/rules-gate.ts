/**
 * The gate of a route with rules. The same rules apply to calls and, after the cache, to lists: tools, prompts, resources,
 * templates, completion, subscriptions and tasks. An item that the caller may not use, and that no scope would allow, gives the
 * answer of an unknown item.
 */
import type { ListKind } from '../aggregate/page.ts';
import { matchesTemplate } from '../aggregate/templates.ts';
import type { UpstreamConfig } from '../config/model.ts';
import type { AuthorizationConfig, AuthorizationRule, BackendSelectorConfig } from '../config/security.ts';
import type { Challenges } from '../oauth/challenge.ts';
import { denied } from '../oauth/faults.ts';
import { compileRules, compileSelector, type Decide, type Decision, type Rule } from '../oauth/rules.ts';
import type { RuleSubject as Judged, RuleSubjectKind as JudgedKind } from '../oauth/subject.ts';
import type { Message } from '../protocol/envelope.ts';
import { rawOf } from '../protocol/scan.ts';
import type { Caller } from '../transport/http/caller.ts';
import { isSelected, unknownFault, type Gate, type Subject } from './gate.ts';

/** Called with each decision about a call. */
export type OnDecision = (caller: Caller, subject: Judged, decision: Decision) => void;

export interface RulesGateConfig {
  readonly authorization: AuthorizationConfig | undefined;
  readonly backendSelector: BackendSelectorConfig | undefined;
  readonly upstreams: readonly Pick<UpstreamConfig, 'id' | 'name'>[];
  /** Undefined where clients send no access tokens. */
  readonly challenges: Challenges | undefined;
}

const listed: Readonly<Record<ListKind, Pick<Judged, 'kind' | 'method'>>> = {
  tools: { kind: 'tool', method: 'tools/call' },
  prompts: { kind: 'prompt', method: 'prompts/get' },
  resources: { kind: 'resource', method: 'resources/read' },
  resourceTemplates: { kind: 'template', method: 'resources/read' },
};

/** Throws `RuleFault` for a condition that is not valid CEL. */
export function rulesGate(config: RulesGateConfig, onDecision: OnDecision): Gate {
  const { decide, mayBegin } = compiled(config);
  const reaches = reachOf(config.backendSelector);
  return {
    dependsOnCaller: true,
    reaches: (caller, { config: { name } }) => reaches(caller, name),
    shows: (caller, list, { config: { name: upstream } }, name) =>
      reaches(caller, upstream) && decide(caller, { ...listed[list], upstream, name }).allow,
    refusal: (caller, subject, message) => {
      if (!isSelected(subject)) return unknownFault(subject, message, 'not allowed');
      const judged = judgedOf(subject, message);
      if (!reaches(caller, judged.upstream)) {
        onDecision(caller, judged, { allow: false, rule: 'default' });
        return unknownFault(subject, message, 'the upstream is not selected');
      }
      const decision = judged.kind === 'task' ? mayBegin(caller, judged) : decide(caller, judged);
      onDecision(caller, judged, decision);
      if (decision.allow) return undefined;
      const { scopes = [] } = decision;
      if (config.challenges !== undefined && scopes.length > 0) return denied(config.challenges, scopes);
      // An item in the caller's lists is no secret, so the answer is "denied": its parameters decided.
      const isVisible = judged.kind !== 'task' && decide(caller, { ...judged, params: undefined }).allow;
      return isVisible ? denied(undefined, undefined) : unknownFault(subject, message, 'not allowed');
    },
  };
}

/** Which upstreams a caller's session includes, by the name of the upstream. */
export function reachOf(
  selector: BackendSelectorConfig | undefined,
): (caller: Pick<Caller, 'scopes' | 'claims' | 'rawHeaders' | 'http'>, upstream: string) => boolean {
  if (selector === undefined) return () => true;
  const select = compileSelector({
    defaultAction: selector.defaultAction,
    rules: selector.rules.map(({ action, cel }) => ({ action, cel: cel ?? 'true' })),
  });
  // Whatever the current method is, the decision is the one for the beginning of a session.
  return (caller, upstream) => select(caller, upstream, 'initialize');
}

/** The rules of a configuration as functions. Rules refer to upstreams by id; conditions use the operator's name. */
export function compiled({ authorization, upstreams }: Pick<RulesGateConfig, 'authorization' | 'upstreams'>): {
  readonly decide: Decide;
  readonly mayBegin: Decide;
} {
  if (authorization === undefined) return { decide: allows, mayBegin: allows };
  const names = new Map(upstreams.map(({ id, name }) => [id, name]));
  const nameOf = (id: string): string => names.get(id) ?? id;
  const { defaultAction, kinds, celErrorAction } = authorization;
  const rules = rulesOf(authorization);
  const templates = templatesOf(rules, nameOf);
  const judge = compileRules({
    defaultAction,
    kinds,
    celErrorAction,
    rules: rules.map((rule) => ({
      action: rule.action,
      scopes: rule.source?.scopes,
      claims: rule.source?.claims,
      targets: targetsOf(rule, nameOf),
      cel: rule.cel,
    })),
  });
  const decide: Decide = (asking, subject) => {
    const { kind, upstream, name } = subject;
    const known = kind === 'resource' || kind === 'subscription' ? templates.get(upstream) : undefined;
    if (known === undefined) return judge(asking, subject);
    return judge(asking, { ...subject, alsoNamed: known.filter((template) => matchesTemplate(template, name)) });
  };
  const tools = new Map<string, Set<string>>();
  for (const { upstream, tool } of rules.flatMap((rule) => rule.tools ?? [])) {
    const known = tools.get(nameOf(upstream)) ?? new Set();
    tools.set(nameOf(upstream), known.add(tool));
  }
  // A task does not say which tool it runs. Whoever started it was allowed to. It continues while the caller may use some tool of
  // the upstream.
  const mayBegin: Decide = (asking, subject) => {
    const unnamed = decide(asking, { ...subject, name: '' });
    if (unnamed.allow) return unnamed;
    for (const name of tools.get(subject.upstream) ?? []) {
      const decision = decide(asking, { ...subject, params: undefined, kind: 'tool', name });
      if (decision.allow) return decision;
    }
    return unnamed;
  };
  return { decide, mayBegin };
}

/** All rules in the order in which they are judged, and counted for people. */
export function rulesOf({ first = [], rules }: AuthorizationConfig): readonly AuthorizationRule[] {
  return [...first, ...rules];
}

function targetsOf(
  { tools, prompts, resources }: AuthorizationRule,
  nameOf: (id: string) => string,
): Rule['targets'] | undefined {
  if (tools === undefined && prompts === undefined && resources === undefined) return undefined;
  return [
    ...(tools ?? []).map(({ upstream, tool }) => ({ kind: 'tool', upstream: nameOf(upstream), name: tool }) as const),
    ...(prompts ?? []).map(
      ({ upstream, prompt }) => ({ kind: 'prompt', upstream: nameOf(upstream), name: prompt }) as const,
    ),
    ...(resources ?? []).map(
      ({ upstream, uri }) => ({ kind: 'resource', upstream: nameOf(upstream), name: uri }) as const,
    ),
  ];
}

/** By upstream, the templates that rules name: they mean the resources that are read by them, too. */
function templatesOf(
  rules: readonly AuthorizationRule[],
  nameOf: (id: string) => string,
): ReadonlyMap<string, readonly string[]> {
  const templates = new Map<string, string[]>();
  for (const { upstream, uri } of rules.flatMap((rule) => rule.resources ?? []))
    if (uri?.includes('{') === true) templates.set(nameOf(upstream), [...(templates.get(nameOf(upstream)) ?? []), uri]);
  return templates;
}

const allows: Decide = () => ({ allow: true, rule: 'exempt' });

function judgedOf({ kind, upstream, name, method }: Subject, { params, bytes }: Message): Judged {
  return {
    kind: judgedKind(kind, method),
    upstream: upstream.config.name,
    name,
    method,
    params: () => (params === undefined ? {} : JSON.parse(rawOf(bytes, params))),
  };
}

function judgedKind(kind: Subject['kind'], method: string): JudgedKind {
  if (method === 'completion/complete') return 'completion';
  if (method === 'resources/subscribe' || method === 'resources/unsubscribe') return 'subscription';
  // A method that the gateway does not know, with or without a name.
  return kind === 'method' ? 'tool' : kind;
}
