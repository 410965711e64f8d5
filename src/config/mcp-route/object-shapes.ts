/**
 * The kinds besides MCPRoute that a route may reference, with their supported versions. Fields without a meaning here are known
 * by name and not validated; an unknown field is a fault.
 */
import * as z from 'zod';
import {
  groupName,
  hostName,
  kindName,
  localReference,
  namespaceName,
  objectName,
  ownName,
  port,
  preciseHost,
  secretReference,
  sectionName,
} from './names.ts';
import { routeSpec } from './route-shape.ts';
import {
  anything,
  fieldOf,
  fields,
  flag,
  has,
  keyed,
  list,
  members,
  named,
  ruled,
  text,
  whole,
  word,
  wordOf,
} from './shape.ts';

const any = () => anything().optional();

/** metadata (meta/v1 ObjectMeta). */
const metadata = fields({
  name: ownName(),
  namespace: namespaceName().default('default'),
  annotations: named(text()).optional(),
  labels: named(text()).optional(),
  creationTimestamp: any(),
  deletionGracePeriodSeconds: any(),
  deletionTimestamp: any(),
  finalizers: any(),
  generateName: any(),
  generation: any(),
  managedFields: any(),
  ownerReferences: any(),
  resourceVersion: any(),
  selfLink: any(),
  uid: any(),
});

function object<T extends z.core.$ZodLooseShape>(more: T) {
  return fields({ apiVersion: text(), kind: text(), metadata, ...more });
}

const ipAddress =
  /^((25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)$|^(([0-9a-fA-F]{1,4}:){1,7}[0-9a-fA-F]{1,4}|::|(([0-9a-fA-F]{1,4}:){0,5})?(:[0-9a-fA-F]{1,4}){1,2})$/;
const wellKnown =
  /^(System|([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$/;

const wellKnownCertificates = () => text({ min: 1, max: 253, pattern: wellKnown, wants: '"System"' }).optional();

const endpoint = (() => {
  const kinds = ['fqdn', 'ip', 'unix'];
  const count = (value: unknown): number => kinds.filter((kind) => has(value, kind)).length;
  return ruled(
    ruled(
      fields({
        fqdn: fields({ hostname: preciseHost(), port: whole(0, 65_535) }).optional(),
        ip: fields({
          address: text({ min: 3, max: 45, pattern: ipAddress, wants: 'an IP address' }),
          port: whole(0, 65_535),
        }).optional(),
        unix: fields({ path: text({ max: 108, wants: 'the path of a socket, at most 108 characters' }) }).optional(),
        hostname: preciseHost().optional(),
        zone: text().optional(),
      }),
      (value) => count(value) > 0,
      { says: 'one of fqdn, ip or unix must be specified', remedy: 'Give one of them' },
    ),
    (value) => count(value) < 2,
    { says: 'only one of fqdn, ip or unix can be specified', remedy: 'Keep one of them' },
  );
})();

const bothAuthorities = {
  says: 'must not contain both CACertificateRefs and WellKnownCACertificates',
  remedy: 'Keep one of the two',
};
const hasRefs = (tls: unknown): boolean => members(fieldOf(tls, 'caCertificateRefs')).length > 0;

const tlsVersion = () => word('Auto', '1.0', '1.1', '1.2', '1.3').optional();
const rank = ['1.0', '1.1', '1.2', '1.3'];

const backendTls = ruled(
  ruled(
    ruled(
      ruled(
        fields({
          alpnProtocols: list(text()).optional(),
          caCertificateRefs: list(localReference(), 8).optional(),
          ciphers: list(text()).optional(),
          clientCertificateRef: secretReference().optional(),
          ecdhCurves: list(text()).optional(),
          fingerprints: list(word('JA3', 'JA4')).optional(),
          insecureSkipVerify: flag().default(false),
          maxVersion: tlsVersion(),
          minVersion: tlsVersion(),
          signatureAlgorithms: list(text()).optional(),
          sni: preciseHost().optional(),
          wellKnownCACertificates: wellKnownCertificates(),
        }),
        (tls) => !(hasRefs(tls) && has(tls, 'wellKnownCACertificates')),
        bothAuthorities,
      ),
      (tls) => fieldOf(tls, 'insecureSkipVerify') !== true || !(hasRefs(tls) || has(tls, 'wellKnownCACertificates')),
      {
        says: 'must not contain either CACertificateRefs or WellKnownCACertificates when InsecureSkipVerify is enabled',
        remedy: 'Take out insecureSkipVerify',
      },
    ),
    (tls) => fieldOf(tls, 'minVersion') !== '1.3' || !has(tls, 'ciphers'),
    {
      says: 'setting ciphers has no effect if the minimum possible TLS version is 1.3',
      remedy: 'Take out the ciphers',
    },
  ),
  (tls) => {
    const [min, max] = [wordOf(tls, 'minVersion') || '1.2', wordOf(tls, 'maxVersion') || 'Auto'];
    return max === 'Auto' || min === 'Auto' || rank.indexOf(min) <= rank.indexOf(max);
  },
  { says: 'minVersion must be smaller or equal to maxVersion', remedy: 'Swap the two' },
);

const backendSpec = ruled(
  fields({
    type: word('Endpoints', 'DynamicResolver').default('Endpoints'),
    appProtocols: list(
      word('gateway.envoyproxy.io/h2c', 'gateway.envoyproxy.io/ws', 'gateway.envoyproxy.io/wss'),
    ).optional(),
    endpoints: ruled(
      list(endpoint, 256, 1),
      (all) => members(all).every((one) => has(one, 'fqdn')) || !members(all).some((one) => has(one, 'fqdn')),
      { says: 'fqdn addresses cannot be mixed with other address types', remedy: 'Use one kind of address' },
    ).optional(),
    fallback: flag().optional(),
    tls: backendTls.optional(),
  }),
  (spec) => fieldOf(spec, 'type') !== 'DynamicResolver' || !has(spec, 'endpoints'),
  { says: 'DynamicResolver type cannot have endpoints specified', remedy: 'Take out one of the two' },
);

const subjectAltName = (() => {
  const rows = [
    ['Hostname', 'hostname'],
    ['URI', 'uri'],
  ] as const;
  let shape = fields({
    type: word('Hostname', 'URI'),
    hostname: hostName().optional(),
    uri: text({ min: 1, max: 253, pattern: /^(([^:/?#]+):)(\/\/([^/?#]*))([^?#]*)(\?([^#]*))?(#(.*))?/ }).optional(),
  });
  for (const [type, field] of rows) {
    const name = type === 'URI' ? 'URI' : 'Hostname';
    shape = ruled(shape, (san) => fieldOf(san, 'type') !== type || has(san, field), {
      says: `SubjectAltName element must contain ${name}, if Type is set to ${type}`,
      remedy: `Give "${field}"`,
    });
    shape = ruled(shape, (san) => fieldOf(san, 'type') === type || !has(san, field), {
      says: `SubjectAltName element must not contain ${name}, if Type is not set to ${type}`,
      remedy: `Take out "${field}"`,
    });
  }
  return shape;
})();

const policyTarget = fields({
  group: groupName(),
  kind: kindName(),
  name: objectName(),
  sectionName: sectionName().optional(),
});

const targetOf = (ref: unknown, ...more: readonly string[]): string =>
  JSON.stringify(['group', 'kind', 'name', ...more].map((field) => fieldOf(ref, field) ?? ''));
const isPartly = (ref: unknown): boolean => wordOf(ref, 'sectionName') !== '';

const tlsPolicySpec = fields({
  options: named(text({ max: 4_096 })).optional(),
  targetRefs: ruled(
    ruled(
      list(policyTarget, 16, 1),
      (refs) => {
        const all = members(refs);
        const partly = new Set(all.filter(isPartly).map((ref) => targetOf(ref)));
        return all.every((ref) => isPartly(ref) || !partly.has(targetOf(ref)));
      },
      {
        says: 'sectionName must be specified when targetRefs includes 2 or more references to the same target',
        remedy: 'Give each the name of a port, or keep the one without',
      },
    ),
    (refs) => new Set(members(refs).map((ref) => targetOf(ref, 'sectionName'))).size === members(refs).length,
    {
      says: 'sectionName must be unique when targetRefs includes 2 or more references to the same target',
      remedy: 'Take out one of them',
    },
  ),
  validation: ruled(
    ruled(
      fields({
        hostname: preciseHost(),
        caCertificateRefs: list(localReference(), 8).optional(),
        subjectAltNames: list(subjectAltName, 5).optional(),
        wellKnownCACertificates: wellKnownCertificates(),
      }),
      (tls) => !(hasRefs(tls) && has(tls, 'wellKnownCACertificates')),
      bothAuthorities,
    ),
    (tls) => hasRefs(tls) || has(tls, 'wellKnownCACertificates'),
    {
      says: 'must specify either CACertificateRefs or WellKnownCACertificates',
      remedy: 'Give wellKnownCACertificates: System, or the certificates',
    },
  ),
});

const servicePort = fields({
  name: text().optional(),
  port: port(),
  protocol: text().optional(),
  appProtocol: text().optional(),
  targetPort: any(),
  nodePort: any(),
});

const serviceSpec = fields({
  ports: list(servicePort).optional(),
  externalName: text().optional(),
  type: word('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName').default('ClusterIP'),
  allocateLoadBalancerNodePorts: any(),
  clusterIP: any(),
  clusterIPs: any(),
  externalIPs: any(),
  externalTrafficPolicy: any(),
  healthCheckNodePort: any(),
  internalTrafficPolicy: any(),
  ipFamilies: any(),
  ipFamilyPolicy: any(),
  loadBalancerClass: any(),
  loadBalancerIP: any(),
  loadBalancerSourceRanges: any(),
  publishNotReadyAddresses: any(),
  selector: any(),
  sessionAffinity: any(),
  sessionAffinityConfig: any(),
  trafficDistribution: any(),
});

const listener = fields({
  name: sectionName(),
  port: port(),
  protocol: text({ min: 1, max: 255, wants: 'a protocol such as HTTP' }),
  hostname: hostName().optional(),
  allowedRoutes: fields({
    kinds: any(),
    namespaces: fields({ from: word('All', 'Selector', 'Same', 'None').default('Same'), selector: any() }).optional(),
  }).optional(),
  tls: fields({
    mode: word('Terminate', 'Passthrough').default('Terminate'),
    certificateRefs: list(secretReference(), 64).optional(),
    frontendValidation: any(),
    options: any(),
  }).optional(),
});

const gatewaySpec = fields({
  gatewayClassName: text({ min: 1, max: 253 }),
  listeners: keyed(list(listener, 64, 1), 'name', 'Listener name must be unique within the Gateway'),
  addresses: any(),
  allowedListeners: any(),
  backendTLS: any(),
  infrastructure: any(),
  tls: any(),
});

const grantSpec = fields({
  from: list(fields({ group: groupName(), kind: kindName(), namespace: namespaceName() }), 16, 1),
  to: list(fields({ group: groupName(), kind: kindName(), name: objectName().optional() }), 16, 1),
});

/** The supported kinds: group, versions, shape. */
export const kinds = {
  MCPRoute: {
    group: 'aigateway.envoyproxy.io',
    versions: ['v1beta1', 'v1alpha1'],
    shape: object({ spec: routeSpec, status: any() }),
  },
  Backend: {
    group: 'gateway.envoyproxy.io',
    versions: ['v1alpha1'],
    shape: object({ spec: backendSpec, status: any() }),
  },
  BackendTLSPolicy: {
    group: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1alpha3'],
    shape: object({ spec: tlsPolicySpec, status: any() }),
  },
  Gateway: {
    group: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1beta1'],
    shape: object({ spec: gatewaySpec, status: any() }),
  },
  ReferenceGrant: {
    group: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1beta1', 'v1alpha2'],
    shape: object({ spec: grantSpec }),
  },
  Service: { group: '', versions: ['v1'], shape: object({ spec: serviceSpec.optional(), status: any() }) },
  Secret: {
    group: '',
    versions: ['v1'],
    shape: object({
      data: named(text({ wants: 'a string in base64' })).optional(),
      stringData: named(text()).optional(),
      type: text().optional(),
      immutable: flag().optional(),
    }),
  },
  ConfigMap: {
    group: '',
    versions: ['v1'],
    shape: object({
      data: named(text()).optional(),
      binaryData: named(text({ wants: 'a string in base64' })).optional(),
      immutable: flag().optional(),
    }),
  },
} as const;

export type KindName = keyof typeof kinds;
export type ObjectOf<K extends KindName> = z.infer<(typeof kinds)[K]['shape']>;
