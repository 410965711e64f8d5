/**
 * Turns the documents of the cluster into the routes to serve, and a verdict on each MCPRoute. Every route is read separately,
 * with the objects it references, so that an invalid one does not affect the others.
 *
 * While the new version of a route is invalid, the last valid version is still served. The exception: the new version names a
 * Secret, a ConfigMap or another namespace that it may not use (any more), because removing these is how access is revoked.
 */
import { Findings } from '../config/findings.ts';
import { documentOf } from '../config/mcp-route/documents.ts';
import { readMcpRouteDocuments } from '../config/mcp-route/read.ts';
import { type ConfigFault, faultText, type Naming, routeKey, type RouteConfig } from '../config/model.ts';
import { checkOverlap } from '../config/overlap.ts';
import type { Environment } from '../config/variables.ts';
import { parentGateways } from './chosen.ts';
import { mcpRoute } from './kinds.ts';
import { type KubernetesObject, type ObjectRef, refOf, refText } from './objects.ts';
import { referencesOf, targetRefs } from './references.ts';
import type { Verdict } from './verdict.ts';

interface ClusterRoutes {
  /** In the order of the documents. */
  readonly routes: readonly RouteConfig[];
  /** One per MCPRoute. */
  readonly verdicts: readonly Verdict[];
  /** Only of routes that have changed. */
  readonly warnings: readonly string[];
}

export interface RouteReader {
  /** `documents`: all, in an order that is identical on every replica, the older of two routes first. Never throws. */
  read(documents: readonly KubernetesObject[]): ClusterRoutes;
}

export interface RouteReaderOptions {
  readonly env: Environment;
  readonly naming: Naming;
  /** Further reasons not to serve a route. */
  readonly refusals: (route: RouteConfig) => readonly ConfigFault[];
}

/** One route with the result of reading it. */
interface Read {
  /** The text of its documents. */
  readonly text: string;
  readonly config: RouteConfig | undefined;
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly string[];
  /** Referenced objects that do not exist. */
  readonly missing: readonly ObjectRef[];
  /** Referenced objects in other namespaces, without a ReferenceGrant. */
  readonly refused: readonly ObjectRef[];
  /** Valid, but with features that this gateway does not support. */
  readonly isUnsupported: boolean;
}

/** A fault of a reference, recognized by the wording of the configuration reader. */
const isOfReference = ({ problem }: ConfigFault): boolean =>
  /^there is no (?:Secret|ConfigMap|Backend) "|has no ReferenceGrant for it$/.test(problem);
const isNamed = ({ kind }: ObjectRef): boolean => kind === 'Secret' || kind === 'ConfigMap';

export function routeReader(options: RouteReaderOptions): RouteReader {
  /** Keyed by uid. */
  let known = new Map<string, Read>();
  let lastGood = new Map<string, RouteConfig>();

  const read = (documents: readonly KubernetesObject[]): ClusterRoutes => {
    const of = documentsByKind(documents);
    const warnings: string[] = [];
    const nextKnown = new Map<string, Read>();
    const nextGood = new Map<string, RouteConfig>();
    const entries = of(mcpRoute.kind).map((object) => {
      const { uid } = object.metadata;
      const { led, missing, refused } = ledTo(object, of);
      const text = JSON.stringify(led);
      const before = known.get(uid);
      const now = before?.text === text ? before : readOne(led, text, missing, refused, options);
      if (now !== before) warnings.push(...now.warnings);
      nextKnown.set(uid, now);
      const mayServeOn = refused.length === 0 && !missing.some(isNamed);
      const config = now.config ?? (mayServeOn ? lastGood.get(uid) : undefined);
      if (config !== undefined) nextGood.set(uid, config);
      return { object, now, config };
    });
    known = nextKnown;
    lastGood = nextGood;
    const conflicts = conflictsOf(entries.flatMap(({ config }) => config ?? []));
    const routes: RouteConfig[] = [];
    const verdicts = entries.map(({ object, now, config }) => {
      const conflict = config === undefined ? undefined : conflicts.get(routeKey(config));
      if (config !== undefined && conflict === undefined) routes.push(config);
      return verdictOf(object, now, conflict);
    });
    return { routes, verdicts, warnings };
  };
  return { read };
}

type ByKind = (kind: string) => readonly KubernetesObject[];

function documentsByKind(documents: readonly KubernetesObject[]): ByKind {
  const groups = Map.groupBy(documents, ({ kind }) => kind);
  return (kind) => groups.get(kind) ?? [];
}

/** The route and all documents that its meaning depends on. */
function ledTo(
  route: KubernetesObject,
  of: ByKind,
): Pick<Read, 'missing' | 'refused'> & { readonly led: readonly KubernetesObject[] } {
  const { named, targets, refused } = referencesOf(
    [route],
    of('Backend'),
    of('BackendTLSPolicy'),
    of('ReferenceGrant'),
  );
  const parents = new Set(parentGateways(route));
  const wanted = new Set([...named.map(refText), ...targets]);
  const present = [...of('Backend'), ...of('Service'), ...of('Secret'), ...of('ConfigMap')].filter((object) =>
    wanted.has(refText(refOf(object))),
  );
  const there = new Set(present.map((object) => refText(refOf(object))));
  return {
    led: [
      route,
      ...present,
      ...of('BackendTLSPolicy').filter((policy) => targetRefs(policy).some((ref) => targets.has(refText(ref)))),
      ...of('ReferenceGrant'),
      ...of('Gateway').filter(({ metadata: { namespace, name } }) => parents.has(`${namespace}/${name}`)),
    ],
    missing: [...wanted].filter((text) => !there.has(text)).map(refOfText),
    refused,
  };
}

function refOfText(text: string): ObjectRef {
  const [kind = '', place = ''] = text.split(' ');
  const [namespace = '', name = ''] = place.split('/');
  return { kind, namespace, name };
}

function readOne(
  led: readonly KubernetesObject[],
  text: string,
  missing: readonly ObjectRef[],
  refused: readonly ObjectRef[],
  { env, naming, refusals }: RouteReaderOptions,
): Read {
  const findings = new Findings();
  const documents = led.map((object) => documentOf(object, refText(refOf(object))));
  const [config] = readMcpRouteDocuments(documents, env, findings, naming);
  const isRead = config !== undefined && findings.faults.length === 0;
  const unsupported = isRead ? refusals(config) : [];
  const isServed = isRead && unsupported.length === 0;
  return {
    text,
    config: isServed ? config : undefined,
    faults: [...findings.faults, ...unsupported],
    warnings: findings.warnings,
    missing,
    refused,
    isUnsupported: unsupported.length > 0,
  };
}

/** Keyed by route key: if no request can distinguish two routes, the first one keeps what both claim. */
function conflictsOf(routes: readonly RouteConfig[]): ReadonlyMap<string, ConfigFault> {
  const findings = new Findings();
  checkOverlap(routes, findings);
  return new Map(findings.faults.map((fault) => [fault.path.replace(/^route /, ''), fault]));
}

function verdictOf(object: KubernetesObject, now: Read, conflict: ConfigFault | undefined): Verdict {
  const { metadata } = object;
  const ref = refOf(object);
  const accepted = conflict === undefined && now.faults.every(isOfReference);
  const resolved = now.missing.length === 0 && now.refused.length === 0;
  const programmed = conflict === undefined && now.config !== undefined;
  const own = refText(ref);
  const said = [...now.faults, ...(conflict === undefined ? [] : [conflict])].map(({ place, ...fault }) =>
    faultText(place === undefined || place === own ? fault : { ...fault, place }),
  );
  // Missing objects that are not a fault: a Service that does not exist yet still has a DNS name.
  const gone = now.faults.length > 0 ? [] : now.missing.map((one) => `${refText(one)} is not there`);
  return {
    ref,
    uid: metadata.uid,
    generation: metadata.generation ?? 0,
    accepted,
    resolved,
    programmed,
    message: [...said, ...gone].join('; '),
    reasons: {
      accepted: conflict !== undefined ? 'Conflicted' : now.isUnsupported ? 'UnsupportedValue' : 'Invalid',
      resolved:
        now.refused.length > 0 ? 'RefNotPermitted' : now.missing.some(isNamed) ? 'RefNotFound' : 'BackendNotFound',
      programmed: accepted ? 'Unresolved' : 'Invalid',
    },
  };
}
