/**
 * What an operator is shown of a running gateway, page by page, as JSON: read only, without secrets. What is counted in several
 * workers is one answer.
 */
import type { Config } from '../config/model.ts';
import { shownTarget } from '../config/shown.ts';
import { serverCapabilitiesJson } from '../protocol/capabilities.ts';
import type { RouteState, UpstreamState } from '../route/state.ts';
import type { RunOptions } from './options.ts';
import { planOf } from './plan.ts';
import { shownOptions } from './shown-options.ts';
import { shownRoutes } from './shown-routes.ts';
import { together, type ProcessState } from './state.ts';
import { routeKey } from '../config/model.ts';

export interface AdminSubject {
  readonly options: RunOptions;
  readonly version: string;
  readonly config: () => Config;
  /** One for each process that serves and answers; none before it serves. */
  readonly states: () => Promise<readonly ProcessState[]>;
}

export type AdminPages = Readonly<Record<string, () => object | Promise<object>>>;

/** By path. */
export function adminPages({ options, version, config, states }: AdminSubject): AdminPages {
  const state = async (): Promise<ProcessState> => together(await states());
  return {
    '/routes': () => shownRoutes(config()),
    '/upstreams': async () => ({ upstreams: (await state()).routes.flatMap((route) => upstreamsOf(route, config())) }),
    '/peers': async () => peersOf(await state()),
    '/sessions': async () => sessionsOf(await states()),
    '/config': () => ({ version, options: shownOptions(options), ...planOf(config()) }),
  };
}

function upstreamsOf({ route, upstreams }: RouteState, { routes }: Config): readonly object[] {
  const configured = routes.find((one) => routeKey(one) === route)?.upstreams ?? [];
  return upstreams.map((upstream) => {
    const found = configured.find(({ id }) => id === upstream.id);
    return {
      route,
      id: upstream.id,
      name: found?.name,
      transport: found?.transport.kind,
      target: found === undefined ? undefined : shownTarget(found.transport),
      ...shownState(upstream),
    };
  });
}

function shownState({ capabilities, openedMs, fault, breaker, ...rest }: UpstreamState): object {
  return {
    ...rest,
    breaker: breaker ?? null,
    capabilities: capabilities === undefined ? null : (JSON.parse(serverCapabilitiesJson(capabilities)) as object),
    lastOpenedAt: timeOf(openedMs),
    lastFault: fault === undefined ? null : { code: fault.code, message: fault.message, at: timeOf(fault.atMs) },
  };
}

function peersOf({ peers }: ProcessState): object {
  return {
    told: peers.told.map(({ address, answeredMs, failedMs }) => ({
      address,
      answeredAt: timeOf(answeredMs),
      failedAt: timeOf(failedMs),
    })),
    heard: peers.heard.map(({ from, atMs }) => ({ from, at: timeOf(atMs) })),
  };
}

function sessionsOf(states: readonly ProcessState[]): object {
  const { routes } = together(states);
  return { processes: states.length, routes: routes.map(({ route, counts }) => ({ route, ...counts })) };
}

/** ISO 8601. */
function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
