/**
 * Upstreams of a route when its configuration is read again. One with an unchanged configuration keeps its connections, sessions,
 * era and lists. One that was removed finishes its requests in progress and then closes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { UpstreamConfig } from '../config/model.ts';
import type { Log } from '../telemetry/log.ts';
import { retiredUpstreamMs } from '../transport/http/limits.ts';
import { Upstream } from '../transport/upstream/upstream.ts';

/** The upstreams of `configs`, in order: those of `before` whose configuration is unchanged, else new ones. */
export function takenOver(
  before: readonly Upstream[],
  configs: readonly UpstreamConfig[],
  urlOf: (config: UpstreamConfig) => string,
  version: string,
  log?: Log,
  bridgedUrlOf?: (config: UpstreamConfig) => string,
): Upstream[] {
  return configs.map((config) => {
    const url = urlOf(config);
    const same = before.find((upstream) => upstream.url === url && isConfiguredAlike(upstream.config, config));
    same?.settle(config);
    if (same !== undefined) return same;
    const isUnsure = config.transport.kind === 'http' && config.transport.orSse === true;
    return new Upstream(config, url, identityOf(config), version, log, isUnsure ? bridgedUrlOf?.(config) : undefined);
  });
}

/** Whether two configurations are equal. `isOnly`, which depends on the other upstreams of the route, is ignored. */
function isConfiguredAlike(one: UpstreamConfig, other: UpstreamConfig): boolean {
  return isDeepStrictEqual({ ...one, isOnly: undefined }, { ...other, isOnly: undefined });
}

/** Whether clients may see other items although no upstream is new: one was removed, or the order has changed. */
export function isOtherwiseOffered(before: readonly Upstream[], after: readonly Upstream[]): boolean {
  return before.length !== after.length || before.some((upstream, at) => upstream !== after[at]);
}

/** Closes the connections of an upstream when no request is in progress, or after `retiredUpstreamMs`. Never rejects. */
export async function retired(upstream: Upstream): Promise<void> {
  await Promise.race([upstream.finish(), sleep(retiredUpstreamMs, undefined, { ref: false })]);
  await upstream.close();
}

/** The identity of an upstream without the port of the bridge: part of its hash, so that sessions survive a restart. */
function identityOf({ transport }: UpstreamConfig): string {
  if (transport.kind !== 'stdio') return transport.url;
  return `stdio:/${encodeURIComponent([transport.command, ...transport.args].join(' '))}`;
}
