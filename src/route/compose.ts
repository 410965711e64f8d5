/** Puts the parts of one route together: the only place that knows them all. */
import { Catalogue } from '../aggregate/catalogue.ts';
import { settledUpstreams } from '../config/naming.ts';
import type { RouteConfig, UpstreamConfig } from '../config/model.ts';
import { Gateway } from '../gateway.ts';
import { routeHash } from '../session/claims.ts';
import type { Keyring } from '../session/keyring.ts';
import type { Log } from '../telemetry/log.ts';
import type { OriginPolicy } from '../transport/http/accept.ts';
import { Calls } from '../calls/dispatcher.ts';
import { Clients } from '../clients/registry.ts';
import { hear } from './hear.ts';
import { Hops } from '../transport/peers/hop.ts';
import { Inbound } from '../calls/inbound.ts';
import { Journal } from '../telemetry/journal.ts';
import { Keeper } from '../streams/keeper.ts';
import { Listening } from '../streams/open-streams.ts';
import { ListChanges } from '../lists/list-changes.ts';
import { Lists } from '../lists/lists.ts';
import type { Notice, Tell } from '../transport/peers/notice.ts';
import { startProbing } from '../transport/upstream/probe.ts';
import { Router } from '../calls/router.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import { EraAdapter } from '../transport/upstream/eras.ts';
import { LegacyAdapter } from '../transport/upstream/legacy.ts';
import { ModernAdapter } from '../transport/upstream/modern.ts';
import { LinkOpener } from '../transport/upstream/opener.ts';
import { Upstream } from '../transport/upstream/upstream.ts';
import { Wheel } from '../transport/http/wheel.ts';
import { Wishes } from '../clients/wishes.ts';
import type { RunOptions } from '../cli/arguments.ts';

export interface Composed {
  readonly gateway: Gateway;
  readonly upstreams: readonly Upstream[];
  readonly clients: Clients;
  readonly lists: Lists;
  readonly adapter: UpstreamAdapter;
  readonly listening: Listening;
  readonly calls: Calls;
  /** Takes news of another worker or replica. */
  heard(notice: Notice): Promise<void>;
  /** Lets go of timers and connections; what is under way breaks off. */
  close(): Promise<void>;
}

export interface Surroundings {
  readonly options: Pick<RunOptions, 'sessions' | 'sessionMaxAgeSeconds' | 'initTimeoutMs'>;
  readonly keyring: Keyring;
  /** Public name of the endpoint, bound into every token. */
  readonly resource: string;
  readonly policy: OriginPolicy;
  /** Where a stdio or SSE upstream is bridged to. */
  readonly bridgedUrl: (name: string) => string;
  /** `host:port` at which other replicas reach this process; empty where they cannot. */
  readonly peerAddress: string;
  /** Tells the other workers and replicas. */
  readonly tell: Tell;
  readonly log: Log;
  readonly version: string;
}

export function compose(route: RouteConfig, around: Surroundings): Composed {
  const { options, keyring, resource, policy, log, version } = around;
  const wheel = new Wheel();
  wheel.onFault = (fault) => log.error({ err: fault }, 'internal fault');
  const adapter = new EraAdapter(new LegacyAdapter(wheel, version), new ModernAdapter(wheel, version), nowMs);
  const opener = new LinkOpener(adapter, options.initTimeoutMs, log, nowMs);
  const configs = settledUpstreams(route.upstreams);
  const upstreams = configs.map(
    (config) => new Upstream(config, addressOf(config, around.bridgedUrl), identityOf(config), version),
  );
  const catalogue = new Catalogue();
  const lists = new Lists(upstreams, catalogue, adapter, log, nowMs);
  const listening = new Listening(upstreams, adapter, opener, wheel);
  const wishes = new Wishes(nowSeconds);
  const clients = new Clients({
    keyring,
    route: routeHash(route.name, resource),
    sessions: options.sessions,
    maxAgeSeconds: options.sessionMaxAgeSeconds,
    version,
    upstreams: configs,
    opener,
    retire: (client) => {
      for (const link of client.links.release()) {
        calls.left(link);
        void adapter.end(link);
      }
    },
    tell: around.tell,
    wishes,
    nowSeconds,
  });
  const journal = new Journal(log);
  const hops = new Hops(around.peerAddress, route.path, keyring, nowSeconds);
  const keeper = new Keeper(wishes, listening, around.tell);
  const changes = new ListChanges(catalogue, upstreams, around.tell);
  const calls = new Calls({ hops, upstreams, changes, lists, adapter, wheel, journal, keeper });
  listening.host = calls;
  calls.onChanged = (link, method) => listening.overheard(link, method);
  const gateway = new Gateway({
    upstreams,
    policy,
    clients,
    lists,
    router: new Router(upstreams, lists),
    calls,
    inbound: new Inbound({ upstreams, adapter, calls, tell: around.tell, log }),
    listening,
    adapter,
    opener,
    wheel,
    journal,
    keeper,
    version,
  });
  opener.onReturn = (upstream) => {
    catalogue.invalidate(upstream.config.id);
    listening.joined(upstream);
  };
  opener.onLeft = (link) => calls.left(link);
  const probing = startProbing(upstreams, opener, adapter);
  const close = async (): Promise<void> => {
    probing.stop();
    listening.endAll();
    await Promise.allSettled([...upstreams.map((upstream) => upstream.close()), hops.close()]);
  };
  const heard = (notice: Notice): Promise<void> => hear(notice, { clients, listening, calls, wishes });
  return { gateway, upstreams, clients, lists, adapter, listening, calls, heard, close };
}

function addressOf({ name, transport }: UpstreamConfig, bridgedUrl: (name: string) => string): string {
  return transport.kind === 'http' ? transport.url : bridgedUrl(name);
}

/** What an upstream is, whichever port its bridge has today: part of its hash, so that sessions survive a restart of ours. */
function identityOf({ transport }: UpstreamConfig): string {
  if (transport.kind !== 'stdio') return transport.url;
  return `stdio:/${encodeURIComponent([transport.command, ...transport.args].join(' '))}`;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function nowMs(): number {
  return performance.now();
}
