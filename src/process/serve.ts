/** One serving process: the routes behind its listeners, and how it drains. Each of several workers is the same. */
import type { IncomingMessage } from 'node:http';
import type { Express } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../errors.ts';
import { routeKey, type RouteConfig } from '../config/model.ts';
import { createLog, fileOutput, type Log } from '../telemetry/log.ts';
import { draining } from '../telemetry/metrics.ts';
import { composeRoute } from '../route/compose.ts';
import { consentsOf } from '../route/consents.ts';
import { consentRoot } from '../transport/authorization/consent-pages.ts';
import { publicPages } from '../route/public-pages.ts';
import type { Route } from '../route/route.ts';
import { stateOf } from '../route/state.ts';
import { hostsOf, RouteTable } from '../route/table.ts';
import type { OriginPolicy } from '../transport/http/accept.ts';
import { budget } from '../transport/http/budget.ts';
import { setMessageLimits } from '../transport/http/message-limits.ts';
import { isTellable, type Notice } from '../transport/peers/notice.ts';
import { Peers } from '../transport/peers/peers.ts';
import { byCertificate, certificateOf } from '../transport/http/client-certificate.ts';
import { anonymous } from '../transport/http/caller.ts';
import { mcpServer, renewCertificate, type Endpoint } from '../transport/http/server.ts';
import { plainLink, securedLink } from '../transport/peers/peer-link.ts';
import { respondFault } from '../transport/http/respond.ts';
import type { RunOptions } from './options.ts';
import type { ProcessState } from './state.ts';
import { Doors, type Door } from './doors.ts';
import { openPeerDoor } from './peer-door.ts';
import type { CommandIo } from './io.ts';
import { allPorts, portsOf } from './ports.ts';
import { isLoopback, type Prepared } from './prepare.ts';
import { certificatesAt, ListenerCertificates, type ListenerTls } from './listener-certificates.ts';
import { loadKeys, newKeyGraceSeconds, resourceOf } from './sealing-keys.ts';
import { openTokenStore } from './token-store.ts';
import { UsageError } from './usage.ts';
import { TlsFiles } from './tls-files.ts';

export interface Serving {
  /** The origin of its first port: the URL without a path. */
  readonly origin: string;
  /** The origin of a route. */
  readonly originOf: (route: RouteConfig) => string;
  readonly routes: RouteTable;
  /** Opens the ports of another configuration, for `reload`. Rejects with `UsageError` if one cannot be opened; then nothing has changed. */
  open(prepared: Prepared): Promise<void>;
  /** Serves another configuration from now on. Routes and upstreams with an unchanged configuration continue. */
  reload(prepared: Prepared): Promise<void>;
  isDraining(): boolean;
  /** Handles a notice of another worker or replica. */
  heard(notice: Notice): Promise<void>;
  /** What it knows now of its routes and of the other replicas. */
  state(): Promise<ProcessState>;
  /**
   * Accepts no new work, lets running work finish within the drain timeout, and closes. It listens and answers for at least
   * `delayMs`.
   */
  drain(delayMs: number): Promise<void>;
}

export interface ServeContext {
  readonly options: RunOptions;
  readonly io: CommandIo;
  readonly log: Log;
  readonly version: string;
  /** The bridge's URL of a stdio or SSE upstream of a route. */
  readonly bridgedUrl: (route: string, upstream: string) => string;
  /** Called with notices for the other workers. */
  readonly onNotice: (notice: Notice) => void;
  /** The number of this worker, from 0; undefined for a single process. */
  readonly slot?: number;
}

/** Resolves when it listens. Throws `KeyringError`, or `UsageError` when it cannot listen. */
export async function serve(prepared: Prepared, context: ServeContext): Promise<Serving> {
  const { options, io, log, version } = context;
  setMessageLimits({ request: options.maxMessageBytes, answer: options.maxAnswerBytes });
  budget.resize(options.memoryBudget);
  const audit = options.auditLog === undefined ? log : auditLog(options.auditLog);
  const keyring = await loadKeys(prepared.keys, options, io);
  const [mainPort = options.port] = allPorts(prepared.config, options);
  const files = options.tls === undefined ? undefined : new TlsFiles(options.tls, log);
  let serves = prepared.config;
  /** Whose ports and certificates a new door has: what is served, or will be in a moment. */
  let opens = prepared.config;
  const tlsAt = (port: number): ListenerTls | undefined => files ?? listenerTls(certificatesAt(opens, port));
  const tls = tlsAt(mainPort);
  // Replicas know one another's ports by what they were at the start.
  const isPlainForPeers = tls === undefined && options.peers !== undefined;
  const link = tls === undefined ? plainLink : securedLink(() => tls.own);
  const store = await openTokenStore(options.tokenStore, keyring, io.nowSeconds, log);
  if (store === undefined && hasConsents(prepared.config))
    throw new UsageError('a grant of the kind userConsent needs --token-store FILE or --token-store redis://…', 'run');
  // Evaluated when it listens.
  const consents =
    store &&
    consentsOf(
      store,
      keyring,
      () => (options.resource === undefined ? doors.originOf(mainPort) : new URL(options.resource).origin),
      log,
      (notice) => {
        void heard(notice);
        void tell(notice);
      },
    );
  const peers = new Peers(options.peers, mainPort, keyring, log, io.nowSeconds, undefined, link);
  const tell = (notice: Notice): Promise<void> => {
    if (!isTellable(notice)) return Promise.resolve();
    context.onNotice(notice);
    return peers.tell(notice);
  };
  let routes = new RouteTable([]);
  let isOver = false;
  const peerDoor = await openPeerDoor((path) => routes.atHopPath(path), context, keyring, tls);
  const compose = (route: RouteConfig): Route =>
    composeRoute(route, {
      sessions: options.sessions,
      sessionMaxAgeSeconds: options.sessionMaxAgeSeconds,
      sessionsNotBefore: options.sessionsNotBefore,
      initTimeoutMs: options.initTimeoutMs,
      peerAddress: peerDoor?.address ?? '',
      peerLink: link,
      consents,
      authenticate: options.tls?.clientPrincipal === true ? byCertificate : anonymous,
      keyring,
      resource: resourceFor(route, options),
      policy: policyFor(route, options),
      bridgedUrl: context.bridgedUrl,
      tell,
      log,
      namesPrincipals: options.logPrincipals === 'named',
      audit,
      version,
    });
  const tables = new Map<number, RouteTable>();
  /** The same routes, by port. */
  const setRoutes = (next: readonly Route[]): void => {
    routes = new RouteTable(next);
    tables.clear();
    for (const port of allPorts(serves, options))
      tables.set(port, new RouteTable(next.filter(({ config }) => portsOf(config, options).includes(port))));
  };
  setRoutes(prepared.config.routes.map(compose));
  let pages = publicPages(prepared.config.routes);
  const heard = async (notice: Notice): Promise<void> => {
    await Promise.allSettled(routes.routes.map((route) => route.hear(notice)));
  };
  const heardOfPeer = (notice: Notice): Promise<void> => {
    // A notice of a peer reaches only one of several workers; the others get it from the primary.
    context.onNotice(notice);
    return heard(notice);
  };
  const isCertificateRequired = options.tls?.clientCa !== undefined && options.tls.clientAuth === 'require';
  const serveRest = (app: Express): void => {
    peers.receive(app, heardOfPeer);
    if (consents !== undefined)
      app.use(consentRoot, (request, response) => consents.answer(request, response, request.originalUrl));
    app.use(wellKnown, (request, response, next) => {
      if (pages.isEmpty) next();
      else pages.answer(request, response, request.originalUrl);
    });
  };
  const makeDoor = (port: number): Door => {
    const own = port === mainPort && (tls !== undefined || isPlainForPeers) ? tls : tlsAt(port);
    const find = (request: IncomingMessage): Endpoint | undefined => {
      const found = tables.get(port)?.find(request);
      const isLetIn = own === undefined || certificateOf(request) !== undefined || !isCertificateRequired;
      return isLetIn ? found : found && uncertified;
    };
    const server = mcpServer(find, serveRest, own?.texts);
    own?.onChange((texts) => renewCertificate(server, texts));
    return { server, tls: own };
  };
  const doors = new Doors(options.host, makeDoor);
  await doors.follow(allPorts(serves, options)).catch((fault: unknown) => {
    // A process that cannot serve must not stay alive because of its peer listener.
    peerDoor?.close();
    tls?.stop();
    throw fault;
  });

  /** Doors take the certificates of the configuration; one that had none speaks TLS from now on. */
  const renewDoors = async (): Promise<void> => {
    for (const [port, { tls: own }] of Array.from(doors.all)) {
      const now = certificatesAt(serves, port);
      if (own instanceof ListenerCertificates) own.update(now);
      else if (own === undefined && now.length > 0) {
        if (port === mainPort && isPlainForPeers)
          log.warn(
            { port },
            'a listener has a certificate now: TLS is spoken after a restart, as replicas know the port',
          );
        else await doors.renew(port);
      }
    }
  };
  const open = async ({ config }: Prepared): Promise<void> => {
    if (isOver) return;
    opens = config;
    try {
      await doors.follow([...new Set([...allPorts(serves, options), ...allPorts(config, options)])]);
    } catch (fault) {
      opens = serves;
      throw fault;
    }
  };

  let keys = prepared.keys;
  const renewKeys = async (next: Prepared['keys']): Promise<void> => {
    if (next === keys || isDeepStrictEqual(next, keys)) return;
    keys = next;
    const ring = await loadKeys(next, options, io);
    // Only the latest of several changes is applied.
    if (keys !== next) return;
    keyring.take(ring, io.nowSeconds(), newKeyGraceSeconds);
    log.info({ keys: next.map(({ id }) => id) }, 'session keys reloaded');
  };

  const reload = async ({ config, keys: nextKeys }: Prepared): Promise<void> => {
    if (isOver) return;
    renewKeys(nextKeys).catch((fault: unknown) => log.error({ fault: String(fault) }, 'session keys were not taken'));
    const gone = new Map(routes.routes.map((route) => [keyOf(route.config), route]));
    const next = config.routes.map((route) => {
      const known = gone.get(keyOf(route));
      if (known === undefined) return compose(route);
      gone.delete(keyOf(route));
      known.apply(route);
      return known;
    });
    serves = config;
    opens = config;
    setRoutes(next);
    const formerPages = pages;
    pages = publicPages(config.routes);
    // Some clients may still wait for an answer.
    setTimeout(() => formerPages.close(), formerPagesMs).unref();
    // Its streams end normally, and requests in progress finish.
    for (const route of gone.values()) void route.drain(options.drainTimeoutMs).then(() => route.close());
    await doors.follow(allPorts(config, options));
    await renewDoors();
  };

  const drain = async (delayMs: number): Promise<void> => {
    isOver = true;
    draining.set(1);
    log.info({ timeoutMs: options.drainTimeoutMs, delayMs }, 'draining');
    // A load balancer notices from a refusal or a probe that this replica stops. Requests that it sends until then must still be
    // answered.
    await Promise.all([sleep(delayMs), ...routes.routes.map((route) => route.drain(options.drainTimeoutMs))]);
    await doors.close();
    pages.close();
    for (const route of routes.routes) await route.close();
    peerDoor?.close();
    tls?.stop();
    await peers.close();
    await store?.close();
    log.flush();
    audit.flush();
  };
  return {
    origin: doors.originOf(mainPort),
    originOf: (route) => doors.originOf(portsOf(route, options)[0]!),
    get routes() {
      return routes;
    },
    open,
    reload,
    isDraining: () => routes.routes.some((route) => route.isDraining),
    heard,
    state: async () => ({ routes: routes.routes.map(({ parts }) => stateOf(parts)), peers: await peers.seen() }),
    drain,
  };
}

/** Longer than any of their requests may take (transport/egress/guarded-fetch.ts). */
const formerPagesMs = 20_000;

function listenerTls(certificates: ReturnType<typeof certificatesAt>): ListenerTls | undefined {
  return certificates.length === 0 ? undefined : new ListenerCertificates(certificates);
}

function hasConsents({ routes }: Prepared['config']): boolean {
  return routes.some(({ upstreams }) => upstreams.some(({ grant }) => grant?.kind === 'userConsent'));
}

const uncertified: Endpoint = {
  handle: (_request, response) => respondFault(response, new GatewayError('certificate_missing')),
};

/** Identifies a route across configurations. */
function keyOf(route: RouteConfig): string {
  return `${routeKey(route)} ${route.path}`;
}

/** The public name of a route, which its tokens are bound to: that of the process for the default path. */
function resourceFor({ path }: RouteConfig, options: RunOptions): string {
  if (path === '/mcp' || options.resource === undefined) return path === '/mcp' ? resourceOf(options) : path;
  return new URL(path, options.resource).href;
}

/** Throws `UsageError` when the file cannot be written. */
function auditLog(path: string): Log {
  try {
    return createLog('info', fileOutput(path));
  } catch (fault) {
    throw new UsageError(`--audit-log: ${fault instanceof Error ? fault.message : String(fault)}`, 'run');
  }
}

/** Below it are the pages that clients read before they log in (RFC 8615 §3). */
const wellKnown = '/.well-known';

/** The public URLs of the process and of the route give the allowed hosts and origins. */
function policyFor(route: RouteConfig, options: RunOptions): OriginPolicy {
  const hosts = new Set(options.allowedHosts);
  const own = hostsOf(route);
  for (const host of own.exact) hosts.add(host);
  const origins = new Set(options.allowedOrigins);
  for (const url of [options.resource, route.security?.oauth?.metadata.resource]) {
    if (url === undefined || !URL.canParse(url)) continue;
    const { host, origin } = new URL(url);
    hosts.add(host);
    origins.add(origin);
  }
  return { hosts, origins, suffixes: own.suffixes, loopback: isLoopback(options.host) };
}
