/** Creates and connects the parts of one route. Only this file knows them all. Nothing is assigned later. */
import { Catalogue } from '../aggregate/catalogue.ts';
import { Dispatcher } from '../calls/dispatcher.ts';
import { Idle } from '../calls/idle.ts';
import { Inbound } from '../calls/inbound.ts';
import type { Asking } from '../calls/questions/asking.ts';
import { Holds } from '../calls/questions/holds.ts';
import type { Parking } from '../calls/questions/parking.ts';
import { Standings } from '../calls/questions/standing.ts';
import { Router } from '../calls/router.ts';
import { UnderWay } from '../calls/under-way.ts';
import { selectors, type Gate } from '../clients/gate.ts';
import { rulesGate, type OnDecision } from '../clients/rules-gate.ts';
import { ClientRegistry } from '../clients/registry.ts';
import { Wishes } from '../clients/wishes.ts';
import { routeKey, type RouteConfig, type UpstreamConfig } from '../config/model.ts';
import { settledUpstreams } from '../config/naming.ts';
import { Gateway } from '../gateway.ts';
import { ListChanges } from '../lists/list-changes.ts';
import { Lists } from '../lists/lists.ts';
import type { Challenges } from '../oauth/challenge.ts';
import { routeHash } from '../session/claims.ts';
import type { Keyring } from '../session/keyring.ts';
import type { StreamHost } from '../streams/host.ts';
import { Keeper } from '../streams/keeper.ts';
import { OpenStreams } from '../streams/open-streams.ts';
import { CallMeter } from '../telemetry/call-meter.ts';
import { Journal } from '../telemetry/journal.ts';
import type { Log } from '../telemetry/log.ts';
import type { Head, OriginPolicy } from '../transport/http/accept.ts';
import type { Caller } from '../transport/http/caller.ts';
import { Wheel } from '../transport/http/wheel.ts';
import { Hops } from '../transport/peers/hop.ts';
import type { Tell } from '../transport/peers/notice.ts';
import type { PeerLink } from '../transport/peers/peer-link.ts';
import { EraAdapter } from '../transport/upstream/eras.ts';
import { LegacyAdapter } from '../transport/upstream/legacy.ts';
import { ModernAdapter } from '../transport/upstream/modern.ts';
import { SessionOpener } from '../transport/upstream/opener.ts';
import { startProbing } from '../transport/upstream/probe.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { Upstreams } from '../transport/upstream/upstreams.ts';
import { drainRetryMs } from '../transport/http/limits.ts';
import { auditOf } from './audit.ts';
import type { Consents } from './consents.ts';
import { authenticationOf, isSecuredAlike, tellsOfCaller } from './authentication.ts';
import { routeCredentials, upstreamName } from './credentials.ts';
import { Route } from './route.ts';
import { hopPathOf } from './table.ts';
import { isOtherwiseOffered, retired, takenOver } from './takeover.ts';

/** What a route needs from its process. */
export interface Surroundings {
  readonly sessions: 'optional' | 'required';
  readonly sessionMaxAgeSeconds: number;
  /** Sessions that were issued earlier are refused; Unix seconds. */
  readonly sessionsNotBefore: number | undefined;
  /** Maximum wait for an upstream's handshake, in ms. */
  readonly initTimeoutMs: number;
  readonly keyring: Keyring;
  /** Public name of the endpoint, bound into every token. */
  readonly resource: string;
  readonly policy: OriginPolicy;
  /** The loopback URL of a bridged stdio or SSE upstream. */
  readonly bridgedUrl: (route: string, upstream: string) => string;
  /** `host:port` at which other replicas reach this process; empty if they cannot. */
  readonly peerAddress: string;
  readonly peerLink: PeerLink;
  /** Undefined if there is no token store for users. */
  readonly consents: Consents | undefined;
  /** Identifies the caller on a route that requires no credential of its own. */
  readonly authenticate: (head: Head) => Caller;
  /** Sends a notice to the other workers and replicas. */
  readonly tell: Tell;
  readonly log: Log;
  /** The access log has the subject of the caller instead of a hash. */
  readonly namesPrincipals: boolean;
  /** Gets a line for each authorization decision; undefined: none are written. */
  readonly audit: Log | undefined;
  readonly version: string;
}

export function composeRoute(config: RouteConfig, around: Surroundings): Route {
  const { keyring, resource, policy, tell, log, version } = around;
  const audit = auditOf(routeKey(config), around.audit);
  const { onRefused, onDecision } = audit;
  const wheel = new Wheel((fault) => log.error({ err: fault }, 'internal fault'));
  const meter = new CallMeter(routeKey(config));
  const journal = new Journal(log, routeKey(config), meter, around.namesPrincipals);
  let current = config;
  let authentication = authenticationOf(config, around.authenticate, onRefused);
  let gate = gateOf(config, authentication.challenges, onDecision);
  authentication.warm();
  const credentials = routeCredentials(routeKey(config), () => authentication, around.consents);
  credentials.settle(config.upstreams);
  const adapter = new EraAdapter(
    new LegacyAdapter(wheel, credentials, version),
    new ModernAdapter(wheel, credentials, version),
    nowMs,
  );
  const urlOf = (upstream: UpstreamConfig): string => addressOf(upstream, routeKey(config), around.bridgedUrl);
  const bridgedUrlOf = ({ name }: UpstreamConfig): string => around.bridgedUrl(routeKey(config), name);
  const upstreams = new Upstreams(takenOver([], upstreamsOf(config), urlOf, version, log, bridgedUrlOf));
  const catalogue = new Catalogue();
  const opener = new SessionOpener({
    adapter,
    deadlineMs: around.initTimeoutMs,
    log,
    now: nowMs,
    onReturn: (upstream) => {
      catalogue.invalidate(upstream.config.id);
      streams.joined(upstream);
    },
    onLeft: (session) => standings.close(session),
  });
  const changes = new ListChanges(catalogue, upstreams, tell, (session, method, by) =>
    streams.overheard(session, method, by),
  );
  const host: StreamHost = {
    adapter,
    wheel,
    told: (session, client, method, by) => changes.told(session, client, method, by),
    reply: (to, body) => {
      adapter
        .post(to, body)
        .catch((fault: unknown) => journal.dropped('reply not taken', to.session.upstream.config.id, fault));
    },
    dropped: (reason, { upstream }, cause) => journal.messageDropped(reason, upstream.config.id, cause),
  };
  const standings = new Standings(host);
  const streams = new OpenStreams({ ...host, upstreams, opener, gate: () => gate });
  const wishes = new Wishes(nowSeconds);
  const clients = new ClientRegistry({
    keyring,
    route: routeHash(routeKey(config), resource),
    sessions: around.sessions,
    maxAgeSeconds: around.sessionMaxAgeSeconds,
    notBefore: around.sessionsNotBefore,
    version,
    upstreams,
    opener,
    onOpened: (client, upstream) => streams.opened(client, upstream),
    onEnded: (jti) => catalogue.forget(jti),
    retire: (client, caller) => {
      for (const session of client.sessions.release()) void adapter.end({ session, caller });
    },
    tell,
    wishes,
    nowSeconds,
  });
  const lists = new Lists(upstreams, catalogue, adapter, log, nowMs, () => gate);
  const hops = new Hops(around.peerAddress, hopPathOf(config), keyring, nowSeconds, around.peerLink);
  const keeper = new Keeper(wishes, streams, tell);
  const asked = new Holds<Asking>(wheel, hops.ownAddress);
  const parked = new Holds<Parking>(wheel, hops.ownAddress, () => idle.check());
  const idle = new Idle(parked);
  const underWay = new UnderWay();
  const calls = new Dispatcher({
    ...host,
    hops,
    changes,
    lists,
    journal,
    keeper,
    standings,
    underWay,
    asked,
    parked,
    credentials,
  });
  const gatewayFor = ({ naming }: RouteConfig): Gateway =>
    new Gateway({
      upstreams,
      policy,
      authenticate: authentication.authenticate,
      shownBodyBytes: authentication.shownBodyBytes,
      refusalOf: authentication.refusalOf,
      credentialNames: authentication.credentialNames,
      gate,
      clients,
      lists,
      router: new Router(upstreams, naming, lists),
      calls,
      inbound: new Inbound({ upstreams, adapter, asked, hops, tell, log }),
      streams,
      adapter,
      opener,
      wheel,
      journal,
      keeper,
      idle,
      version,
    });
  // Tokens are verified when a request arrives; a stream that stays open longer ends when its token expires.
  const expiring = setInterval(() => {
    if (current.security === undefined) return;
    streams.endExpired(nowSeconds());
    underWay.disconnectExpired(nowSeconds(), drainRetryMs);
  }, expiryCheckMs).unref();
  const namePrefix = upstreamName(routeKey(config), '');
  const named = (name: string): Upstream | undefined =>
    name.startsWith(namePrefix) ? upstreams.byId.get(name.slice(namePrefix.length)) : undefined;
  const probing = startProbing(upstreams, opener, adapter);
  const close = async (): Promise<void> => {
    probing.stop();
    clearInterval(expiring);
    meter.close();
    streams.endAll();
    await Promise.allSettled([...upstreams.all.map((upstream) => upstream.close()), hops.close()]);
    credentials.close();
    authentication.close();
  };
  /** Applies the security of a new configuration. If it differs, open streams end, so that their clients authenticate again. */
  const secure = (next: RouteConfig): void => {
    const isAlike = isSecuredAlike(current, next);
    if (!isAlike) {
      const former = authentication;
      authentication = authenticationOf(next, around.authenticate, onRefused);
      authentication.warm();
      // Some requests may still wait for its result.
      setTimeout(() => former.close(), formerAuthenticationMs).unref();
    }
    current = next;
    gate = gateOf(next, authentication.challenges, onDecision);
    credentials.settle(next.upstreams);
    if (!isAlike) streams.endAll();
  };
  const reconfigure = (next: RouteConfig): Gateway => {
    // First, because it may throw.
    secure(next);
    const before = upstreams.all;
    const after = takenOver(before, upstreamsOf(next), urlOf, version, log, bridgedUrlOf);
    const gone = before.filter((upstream) => !after.includes(upstream));
    const come = after.filter((upstream) => !before.includes(upstream));
    upstreams.replace(after);
    for (const upstream of gone) {
      catalogue.invalidate(upstream.config.id);
      streams.parted(upstream);
      void retired(upstream);
    }
    for (const upstream of come) streams.joined(upstream);
    if (come.length === 0 && isOtherwiseOffered(before, after)) streams.announceLists();
    return gatewayFor(next);
  };
  return new Route({
    config,
    gateway: gatewayFor(config),
    reconfigure,
    upstreams,
    clients,
    lists,
    adapter,
    streams,
    idle,
    held: () => asked.size + parked.size,
    heard: { clients, streams, underWay, changes, wishes, named },
    close,
  });
}

/** How long the previous authentication is kept after a change of the configuration, for requests in progress, in ms. */
const formerAuthenticationMs = 10_000;

/** How often open streams are checked for expired tokens, in ms. */
const expiryCheckMs = 1_000;

function gateOf(
  { security, backendSelector, upstreams }: RouteConfig,
  challenges: Challenges | undefined,
  onDecision: OnDecision,
): Gate {
  const authorization = security?.authorization;
  if (authorization === undefined && backendSelector === undefined) return selectors;
  return rulesGate({ authorization, backendSelector, upstreams, challenges }, onDecision);
}

/** The upstreams with settings that depend on the route: whether each is the only one, and whether it gets data of the caller. */
function upstreamsOf({ upstreams, security }: RouteConfig): readonly UpstreamConfig[] {
  const isTold = tellsOfCaller(security);
  return settledUpstreams(upstreams).map((upstream) =>
    isTold || (upstream.grant !== undefined && upstream.grant.kind !== 'clientCredentials')
      ? Object.freeze({ ...upstream, isPersonal: true })
      : upstream,
  );
}

function addressOf(
  { name, transport }: UpstreamConfig,
  route: string,
  bridgedUrl: (route: string, upstream: string) => string,
): string {
  return transport.kind === 'http' ? transport.url : bridgedUrl(route, name);
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function nowMs(): number {
  return performance.now();
}
