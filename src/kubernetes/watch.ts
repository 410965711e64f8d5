/**
 * The documents that configure the gateway, as they are in the cluster: routes and all objects they reference. Changes are passed
 * on together. While the API server is unavailable, the last documents stay in use.
 */
import type { Api } from './api.ts';
import { chosenRoutes, inOrder } from './chosen.ts';
import { coalesced, type Quiet, usualQuiet } from './coalesced.ts';
import { type Kind, mcpRoute, namedKinds, type Source, sourceText, wholeKinds } from './kinds.ts';
import { type KubernetesObject, meaningOf, type ObjectRef, refOf, refText } from './objects.ts';
import { type References, referencesOf, serviceOf } from './references.ts';
import { type Reflector, type ReflectorLimits, startReflector, usualReflectorLimits } from './reflector.ts';

export interface WatchOptions {
  /** Namespaces to watch, or all. Routes and the objects they reference are found only there. */
  readonly namespaces: readonly string[] | 'all';
  /** Label selector of the routes. */
  readonly selector?: string;
  /** Only routes with a parent Gateway of this class. */
  readonly gatewayClass?: string;
  /**
   * Called with all documents, in an order that is identical on every replica: first when everything is known, then after each
   * change of meaning. The Secrets of a route are included in the same call, not in a later one.
   */
  readonly onChange: (documents: readonly KubernetesObject[]) => void;
  /** Called when `state()` has changed. */
  readonly onState?: () => void;
  readonly limits?: ReflectorLimits;
  readonly quiet?: Quiet;
}

export interface WatchState {
  /** Whether documents were passed on since the start. */
  readonly isSynced: boolean;
  /** Whether every watch is open. */
  readonly isConnected: boolean;
  /** Maximum age of the copy: the time since the most silent watch received something. */
  readonly lagMs: number;
  /** Current problems, one sentence each, in a fixed order. */
  readonly faults: readonly string[];
}

export interface ClusterWatch {
  state(): WatchState;
  close(): Promise<void>;
}

/** Maximum time that an unreadable Secret delays the rest. */
const longestWaitForNamedMs = 5000;

export function watchCluster(api: Api, options: WatchOptions): ClusterWatch {
  const limits = options.limits ?? usualReflectorLimits;
  const namespaces = options.namespaces === 'all' ? [undefined] : [...new Set(options.namespaces)];
  const named = new Map<string, Reflector>();
  const namedSince = new Map<string, number>();
  const closing = new Set<Promise<void>>();
  let refused: readonly ObjectRef[] = [];
  let handedOn: string | undefined;
  let isClosed = false;

  const changes = coalesced(options.quiet ?? usualQuiet, () => {
    if (!isClosed) settle();
  });
  const onChange = (): void => {
    changes.touch();
    options.onState?.();
  };
  const whole = wholeKinds.flatMap((kind) =>
    namespaces.map((namespace) => startReflector(api, sourceOf(kind, namespace, options.selector), limits, onChange)),
  );

  const all = (): Reflector[] => [...whole, ...named.values()];
  const of = (kind: string): KubernetesObject[] =>
    whole.filter(({ source }) => source.kind.kind === kind).flatMap(({ objects }) => [...objects.values()]);

  const settle = (): void => {
    if (!whole.every((reflector) => reflector.isListed())) return;
    const gateways = of('Gateway');
    const routes = inOrder(chosenRoutes(of(mcpRoute.kind), gateways, options.gatewayClass));
    const references = referencesOf(routes, of('Backend'), of('BackendTLSPolicy'), of('ReferenceGrant'));
    refused = references.refused;
    follow(references.named);
    if (waitsForNamed()) return;
    handOn(routes, references);
  };

  /** Watches the objects that are named now, and stops watching the others. */
  const follow = (refs: readonly ObjectRef[]): void => {
    const wanted = new Map(refs.map((ref) => [refText(ref), ref]));
    for (const [text, reflector] of named) {
      if (wanted.has(text)) continue;
      named.delete(text);
      namedSince.delete(text);
      const closed = reflector.close().finally(() => closing.delete(closed));
      closing.add(closed);
    }
    for (const [text, { kind, namespace, name }] of wanted) {
      const found = namedKinds.find((entry) => entry.kind === kind);
      if (named.has(text) || found === undefined) continue;
      named.set(text, startReflector(api, { kind: found, namespace, name }, limits, onChange));
      namedSince.set(text, performance.now());
    }
  };

  /** Whether one of them may still arrive; checks again by itself. */
  const waitsForNamed = (): boolean => {
    const nowMs = performance.now();
    const isAwaited = [...named].some(
      ([text, reflector]) =>
        !reflector.isListed() &&
        reflector.fault() === undefined &&
        nowMs - (namedSince.get(text) ?? 0) < longestWaitForNamedMs,
    );
    if (isAwaited) setTimeout(() => changes.touch(), longestWaitForNamedMs).unref();
    return isAwaited;
  };

  const handOn = (routes: readonly KubernetesObject[], { targets }: References): void => {
    const isTarget = (ref: ObjectRef | undefined): boolean => ref !== undefined && targets.has(refText(ref));
    const documents = inOrder([
      ...routes,
      ...of('Backend').filter((backend) => isTarget(refOf(backend))),
      ...of('Service').filter((service) => isTarget(refOf(service))),
      ...of('EndpointSlice').filter((slice) => isTarget(serviceOf(slice))),
      ...of('BackendTLSPolicy'),
      ...of('ReferenceGrant'),
      ...of('Gateway'),
      ...[...named.values()].flatMap(({ objects }) => [...objects.values()]),
    ]).map(meaningOf);
    const text = JSON.stringify(documents);
    if (text === handedOn) return;
    handedOn = text;
    options.onChange(documents);
    options.onState?.();
  };

  return {
    state: () => {
      const reflectors = all();
      const nowMs = performance.now();
      const watched = reflectors.filter((reflector) => !reflector.isAbsent());
      return {
        isSynced: handedOn !== undefined,
        isConnected: reflectors.every((reflector) => reflector.isWatching()),
        lagMs: Math.max(0, ...watched.map((reflector) => nowMs - reflector.heardAtMs())),
        faults: [
          ...reflectors.flatMap((reflector) => {
            const fault = reflector.fault();
            return fault === undefined ? [] : [`${sourceText(reflector.source)}: ${fault.message}`];
          }),
          ...refused.map((ref) => `${refText(ref)}: no ReferenceGrant allows to read it`),
        ],
      };
    },
    close: async () => {
      isClosed = true;
      changes.close();
      await Promise.all([...all().map(async (reflector) => await reflector.close()), ...closing]);
    },
  };
}

function sourceOf(kind: Kind, namespace: string | undefined, selector: string | undefined): Source {
  return {
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(kind === mcpRoute && selector !== undefined ? { labelSelector: selector } : {}),
  };
}
