/**
 * `backendSettings` of remote keys and external authorization (gateway.envoyproxy.io ClusterSettings): how Envoy connects to a
 * backend. It is validated like the CRD; only its timeouts and retries have a meaning outside Envoy.
 */
import * as z from 'zod';
import { durationMs } from './duration.ts';
import { anything, fieldOf, fields, flag, has, keyed, list, named, ruled, text, whole, word, wordOf } from './shape.ts';
import { duration, port, preciseHost } from './names.ts';

const count = (standard?: number) => {
  const schema = whole(0, 4_294_967_295);
  return standard === undefined ? schema.optional() : schema.default(standard);
};
const percent = () => whole(0, 100).optional();
const span = () => duration().optional();
const statuses = () => list(whole(100, 599)).optional();

/* resource.Quantity; Envoy accepts positive whole numbers. */
const bytes = () =>
  z
    .union([
      z.number({ error: 'a size such as 32Ki' }).int({ error: 'a size such as 32Ki' }).meta({ type: 'integer' }),
      text({ pattern: /^[1-9]+[0-9]*([EPTGMK]i|[EPTGMk])?$/, wants: 'a size such as 32Ki' }),
    ])
    .optional();

const payload = () =>
  ruled(
    ruled(
      fields({ type: word('Text', 'Binary'), text: text().optional(), binary: text().optional() }),
      (p) => (fieldOf(p, 'type') === 'Text') === has(p, 'text'),
      { says: 'If payload type is Text, text field needs to be set.', remedy: 'Give "text" with type Text alone' },
    ),
    (p) => (fieldOf(p, 'type') === 'Binary') === has(p, 'binary'),
    {
      says: 'If payload type is Binary, binary field needs to be set.',
      remedy: 'Give "binary" with type Binary alone',
    },
  );

const only = (name: string, type: string) => (h: never) => (fieldOf(h, 'type') === type) === has(h, name);

const activeHealth = () => {
  const shape = fields({
    type: word('HTTP', 'TCP', 'GRPC'),
    interval: duration().default('3s'),
    initialJitter: span(),
    timeout: duration().default('1s'),
    healthyThreshold: whole(1).default(1),
    unhealthyThreshold: whole(1).default(3),
    overrides: fields({ port: port().optional() }).optional(),
    grpc: fields({ service: text().optional() }).optional(),
    http: fields({
      path: text({ min: 1, max: 1_024 }),
      method: text().optional(),
      hostname: preciseHost().optional(),
      expectedResponse: payload().optional(),
      expectedStatuses: statuses(),
      retriableStatuses: statuses(),
    }).optional(),
    tcp: fields({ send: payload().optional(), receive: payload().optional() }).optional(),
  });
  return ruled(
    ruled(
      ruled(shape, only('http', 'HTTP'), {
        says: 'If Health Checker type is HTTP, http field needs to be set.',
        remedy: 'Give "http" with type HTTP alone',
      }),
      only('tcp', 'TCP'),
      {
        says: 'If Health Checker type is TCP, tcp field needs to be set.',
        remedy: 'Give "tcp" with type TCP alone',
      },
    ),
    (h) => !has(h, 'grpc') || fieldOf(h, 'type') === 'GRPC',
    {
      says: 'The grpc field can only be set if the Health Checker type is GRPC.',
      remedy: 'Take out "grpc" or set type GRPC',
    },
  );
};

const passiveHealth = () =>
  fields({
    alwaysEjectOneEndpoint: flag().default(false),
    baseEjectionTime: duration().default('30s'),
    consecutive5XxErrors: whole().default(5),
    consecutiveGatewayErrors: whole().optional(),
    consecutiveLocalOriginFailures: whole().default(5),
    failurePercentageThreshold: percent(),
    interval: duration().default('3s'),
    maxEjectionPercent: whole(0, 100).default(10),
    splitExternalLocalOriginErrors: flag().default(false),
  });

const byName = () => fields({ name: text() });

const consistentHash = () => {
  const rows = [
    ['Header', 'header'],
    ['Headers', 'headers'],
    ['Cookie', 'cookie'],
    ['QueryParams', 'queryParams'],
  ] as const;
  let shape = fields({
    type: word('SourceIP', 'Header', 'Headers', 'Cookie', 'QueryParams'),
    header: byName().optional(),
    headers: list(byName()).optional(),
    queryParams: list(byName()).optional(),
    cookie: fields({ name: text(), ttl: span(), attributes: named(text()).optional() }).optional(),
    tableSize: whole(2, 5_000_011).default(65_537),
  });
  for (const [type, field] of rows)
    shape = ruled(shape, (h) => (fieldOf(h, 'type') === type) === has(h, field), {
      says: `If consistent hash type is ${field}, the ${field} field must be set.`,
      remedy: `Give "${field}" with type ${type} alone`,
    });
  return shape;
};

const type = (lb: unknown) => fieldOf(lb, 'type');
const zone = (lb: unknown, name: string) => has(fieldOf(lb, 'zoneAware'), name);

const loadBalancer = () => {
  let shape = fields({
    type: word('ConsistentHash', 'LeastRequest', 'Random', 'RoundRobin', 'BackendUtilization', 'DynamicModule'),
    backendUtilization: fields({
      blackoutPeriod: span(),
      errorUtilizationPenaltyPercent: whole(0).optional(),
      keepResponseHeaders: flag().default(false),
      metricNamesForComputingUtilization: list(text()).optional(),
      weightExpirationPeriod: span(),
      weightUpdatePeriod: span(),
    }).optional(),
    consistentHash: consistentHash().optional(),
    dynamicModule: fields({
      config: anything().optional(),
      lbPolicyName: text({ min: 1, max: 253 }),
      name: text({ min: 1, max: 253, pattern: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/ }),
    }).optional(),
    endpointOverride: fields({
      extractFrom: list(fields({ header: text().optional() }), 10, 1),
    }).optional(),
    slowStart: fields({ window: duration() }).optional(),
    zoneAware: fields({
      preferLocal: fields({
        force: fields({ minEndpointsInZoneThreshold: whole().optional() }).optional(),
        minEndpointsThreshold: z.number({ error: 'a whole number' }).int().meta({ type: 'integer' }).optional(),
        percentageEnabled: percent(),
      }).optional(),
      weightedZones: keyed(
        list(fields({ weight: whole(), zone: text() })),
        'zone',
        'two entries with one zone',
      ).optional(),
    }).optional(),
  });
  const rules: readonly (readonly [(lb: never) => boolean, string])[] = [
    [
      (lb) => (type(lb) === 'ConsistentHash') === has(lb, 'consistentHash'),
      'If LoadBalancer type is consistentHash, consistentHash field needs to be set.',
    ],
    [
      (lb) => (type(lb) === 'BackendUtilization') === has(lb, 'backendUtilization'),
      'If LoadBalancer type is BackendUtilization, backendUtilization field needs to be set.',
    ],
    [
      (lb) => (type(lb) === 'DynamicModule') === has(lb, 'dynamicModule'),
      'If LoadBalancer type is DynamicModule, dynamicModule field needs to be set.',
    ],
    [
      (lb) => !['Random', 'ConsistentHash', 'DynamicModule'].includes(wordOf(lb, 'type')) || !has(lb, 'slowStart'),
      'Currently SlowStart is only supported for RoundRobin, LeastRequest, and BackendUtilization load balancers.',
    ],
    [
      (lb) => type(lb) !== 'ConsistentHash' || !zone(lb, 'preferLocal'),
      'PreferLocal zone-aware routing is not supported for ConsistentHash load balancers. Use weightedZones instead.',
    ],
    [
      (lb) => type(lb) !== 'BackendUtilization' || !zone(lb, 'preferLocal'),
      'PreferLocal zone-aware routing is not currently supported for BackendUtilization load balancers. Only WeightedZones can be used with BackendUtilization.',
    ],
    [
      (lb) => type(lb) !== 'DynamicModule' || !has(lb, 'zoneAware'),
      'ZoneAware routing is not supported for DynamicModule load balancers.',
    ],
    [
      (lb) => !(zone(lb, 'preferLocal') && zone(lb, 'weightedZones')),
      'ZoneAware PreferLocal and WeightedZones cannot be specified together.',
    ],
    [
      (lb) => type(lb) !== 'DynamicModule' || !has(lb, 'endpointOverride'),
      'EndpointOverride is not supported for DynamicModule load balancers.',
    ],
  ];
  for (const [holds, says] of rules)
    shape = ruled(shape, holds, { says, remedy: 'Give the fields that go with the type, and no others' });
  return shape;
};

const triggers = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const;

const retry = () =>
  fields({
    numAttemptsPerPriority: whole().optional(),
    numRetries: whole(0).default(2),
    perRetry: fields({
      backOff: fields({ baseInterval: span(), maxInterval: span() }).optional(),
      timeout: span(),
    }).optional(),
    retryOn: fields({ httpStatusCodes: statuses(), triggers: list(word(...triggers)).optional() }).optional(),
  });

const keepalive = () =>
  ruled(
    fields({ idleInterval: span(), interval: span(), intervalJitter: percent(), timeout: span() }),
    (k) => {
      const [timeout, interval] = [fieldOf(k, 'timeout'), fieldOf(k, 'interval')];
      if (typeof timeout !== 'string' || typeof interval !== 'string') return true;
      return durationMs(timeout) < durationMs(interval);
    },
    { says: 'timeout must be less than interval', remedy: 'Shorten the timeout' },
  );

const circuitBreaker = () =>
  fields({
    maxConnections: count(1_024),
    maxParallelRequests: count(1_024),
    maxParallelRetries: count(1_024),
    maxPendingRequests: count(1_024),
    maxRequestsPerConnection: count(),
    perEndpoint: fields({ maxConnections: count(1_024) }).optional(),
    retryBudget: fields({
      minRetryConcurrency: whole().optional(),
      percent: ruled(
        fields({ numerator: whole(0), denominator: whole(1).default(100) }),
        (p) => Number(fieldOf(p, 'numerator')) <= Number(fieldOf(p, 'denominator')),
        { says: 'numerator must be less than or equal to denominator', remedy: 'Give a share of at most 1' },
      ),
    }).optional(),
  });

export const backendSettings = () =>
  ruled(
    fields({
      circuitBreaker: circuitBreaker().optional(),
      connection: fields({
        bufferLimit: bytes(),
        preconnect: fields({
          perEndpointPercent: whole(100, 300).optional(),
          predictivePercent: whole(100).optional(),
        }).optional(),
        socketBufferLimit: bytes(),
      }).optional(),
      dns: fields({
        dnsRefreshRate: span(),
        lookupFamily: word('IPv4', 'IPv6', 'IPv4Preferred', 'IPv6Preferred', 'IPv4AndIPv6').optional(),
        respectDnsTtl: flag().optional(),
      }).optional(),
      healthCheck: fields({
        active: activeHealth().optional(),
        panicThreshold: percent(),
        passive: passiveHealth().optional(),
      }).optional(),
      http2: fields({
        connectionKeepalive: keepalive().optional(),
        initialConnectionWindowSize: bytes(),
        initialStreamWindowSize: bytes(),
        maxConcurrentStreams: whole(1).optional(),
        onInvalidMessage: text().optional(),
      }).optional(),
      loadBalancer: loadBalancer().optional(),
      proxyProtocol: fields({ version: word('V1', 'V2') }).optional(),
      retry: retry().optional(),
      tcpKeepalive: fields({ idleTime: span(), interval: span(), probes: whole().optional() }).optional(),
      timeout: fields({
        http: fields({
          connectionIdleTimeout: span(),
          maxConnectionDuration: span(),
          maxStreamDuration: span(),
          requestTimeout: span(),
          streamIdleTimeout: span(),
        }).optional(),
        tcp: fields({ connectTimeout: span() }).optional(),
      }).optional(),
    }),
    (settings) =>
      !has(fieldOf(fieldOf(settings, 'connection'), 'preconnect'), 'predictivePercent') ||
      ['Random', 'RoundRobin'].includes(wordOf(fieldOf(settings, 'loadBalancer'), 'type')),
    {
      says: 'predictivePercent in preconnect policy only works with RoundRobin or Random load balancers',
      remedy: 'Take it out, or choose one of the two',
    },
  );
