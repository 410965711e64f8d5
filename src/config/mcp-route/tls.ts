/** Reads the TLS settings of a backend: from the BackendTLSPolicy that targets it (Gateway API), or from the Backend itself. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { ListenerCertificate, UpstreamTls } from '../model.ts';
import type { RouteContext } from './context.ts';
import { fault, warn } from './context.ts';
import type { ObjectOf } from './object-shapes.ts';
import type { Located } from './objects.ts';
import { localValues, secretOf, valueUnder } from './secrets.ts';

interface Target {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** The port of a Service by its name. */
  readonly section: string | undefined;
}

/** Undefined when no policy of the namespace targets it. */
export function policyTls(context: RouteContext, target: Target, namespace: string): UpstreamTls | undefined {
  const policy = policyFor(context, target, namespace);
  if (policy === undefined) return undefined;
  const { validation, options } = policy.object.spec;
  const inPolicy = within(context, policy);
  checkWellKnown(inPolicy, ['spec', 'validation'], validation.wellKnownCACertificates);
  if (options !== undefined && Object.keys(options).length > 0)
    context.findings.warn(
      ['spec', 'options'],
      'passed over: none is known here',
      policy.document.place(['spec', 'options']),
    );
  const ca = certificates(inPolicy, ['spec', 'validation', 'caCertificateRefs'], validation.caCertificateRefs ?? []);
  const tls: UpstreamTls = {
    serverName: validation.hostname,
    ...(ca.length > 0 && { ca }),
    ...(validation.subjectAltNames !== undefined && {
      subjectAltNames: validation.subjectAltNames.map(({ type, hostname, uri }) =>
        type === 'URI' ? { kind: 'uri' as const, value: uri ?? '' } : { kind: 'host' as const, value: hostname ?? '' },
      ),
    }),
  };
  checkTls(inPolicy, ['spec', 'validation'], tls);
  return tls;
}

/* One for the port itself before one for all, then the older, then by name (Gateway API §BackendTLSPolicy). */
function policyFor(context: RouteContext, target: Target, namespace: string): Located<'BackendTLSPolicy'> | undefined {
  const fitting = context.objects.all('BackendTLSPolicy').flatMap((policy) => {
    const { metadata, spec } = policy.object;
    if (metadata.namespace !== namespace) return [];
    const refs = spec.targetRefs.filter(
      (ref) =>
        ref.group === target.group &&
        ref.kind === target.kind &&
        ref.name === target.name &&
        (ref.sectionName === undefined || ref.sectionName === target.section),
    );
    if (refs.length === 0) return [];
    const isForAll = refs.every(({ sectionName }) => sectionName === undefined);
    const { creationTimestamp: made } = metadata;
    return [{ policy, order: [isForAll ? '1' : '0', typeof made === 'string' ? made : '', metadata.name].join(' ') }];
  });
  const [first, ...others] = fitting.toSorted((one, other) => (one.order < other.order ? -1 : 1));
  for (const { policy, order } of others)
    if (order[0] === first!.order[0])
      context.findings.warn(
        ['metadata', 'name'],
        `passed over: the policy "${first!.policy.object.metadata.name}" is for the same backend`,
        policy.document.place(['metadata', 'name']),
      );
  return first?.policy;
}

/* Gateway API §BackendTLSPolicyValidation: a set of certificates that is not known makes the policy invalid. */
function checkWellKnown(context: RouteContext, path: JsonPath, name: string | undefined): void {
  if (name === undefined || name === 'System') return;
  const at = [...path, 'wellKnownCACertificates'];
  fault(context, at, 'a set of certificates that is not known here', 'Give "System", or caCertificateRefs');
}

const versions = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;

/** The settings in `spec.tls` of a Backend. */
export function ownTls(context: RouteContext, backend: Located<'Backend'>, namespace: string): UpstreamTls {
  const { tls } = backend.object.spec;
  if (tls === undefined) return {};
  const inBackend = within(
    { ...context, from: { group: 'gateway.envoyproxy.io', kind: 'Backend', namespace } },
    backend,
  );
  for (const name of ['alpnProtocols', 'ciphers', 'ecdhCurves', 'fingerprints', 'signatureAlgorithms'] as const) {
    const path = ['spec', 'tls', name];
    const reason = name === 'alpnProtocols' ? 'HTTP/1.1 is spoken' : 'the TLS library has its own';
    if (tls[name] !== undefined) context.findings.warn(path, `passed over: ${reason}`, backend.document.place(path));
  }
  checkWellKnown(inBackend, ['spec', 'tls'], tls.wellKnownCACertificates);
  const ca = certificates(inBackend, ['spec', 'tls', 'caCertificateRefs'], tls.caCertificateRefs ?? []);
  const path = ['spec', 'tls', 'clientCertificateRef'];
  const pair = tls.clientCertificateRef === undefined ? undefined : secretOf(inBackend, path, tls.clientCertificateRef);
  const certificate = pair === undefined ? undefined : valueUnder(inBackend, path, pair.values, 'tls.crt');
  const key = pair === undefined ? undefined : valueUnder(inBackend, path, pair.values, 'tls.key');
  const own: UpstreamTls = {
    ...(ca.length > 0 && { ca }),
    ...(tls.sni !== undefined && { serverName: tls.sni }),
    ...(certificate !== undefined && { clientCertificate: certificate }),
    ...(key !== undefined && { clientKey: key }),
    ...(tls.minVersion !== undefined && tls.minVersion !== 'Auto' && { minVersion: versions[tls.minVersion] }),
    ...(tls.maxVersion !== undefined && tls.maxVersion !== 'Auto' && { maxVersion: versions[tls.maxVersion] }),
    ...(tls.insecureSkipVerify && { verify: false }),
  };
  checkTls(inBackend, ['spec', 'tls'], own);
  return own;
}

type Listener = ObjectOf<'Gateway'>['spec']['listeners'][number];

/** The certificates of the listeners. A Secret that is not among the documents is a warning, because a cluster may create it. */
export function listenerCertificates(
  context: RouteContext,
  gateway: Located<'Gateway'>,
  listeners: readonly Listener[],
): readonly ListenerCertificate[] {
  const { object, document } = gateway;
  const { namespace } = object.metadata;
  const from = { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace };
  const inGateway: RouteContext = { ...context, document, from };
  return listeners.flatMap(({ name, port, hostname, protocol, tls }) => {
    const path = ['spec', 'listeners', object.spec.listeners.findIndex((one) => one.name === name), 'tls'];
    if (tls?.mode === 'Passthrough')
      warn(inGateway, [...path, 'mode'], 'passed over: TLS ends at this listener, or in front of it');
    for (const field of ['options', 'frontendValidation'] as const)
      if (tls?.[field] !== undefined)
        warn(inGateway, [...path, field], 'passed over; --tls-client-ca asks clients for a certificate');
    if (protocol === 'HTTPS' && (tls?.certificateRefs ?? []).length === 0)
      warn(inGateway, path, 'no certificate: the listener has that of --tls-cert, or speaks plain HTTP');
    return (tls?.certificateRefs ?? []).flatMap((ref, i) => {
      const at = [...path, 'certificateRefs', i];
      if (context.objects.find('Secret', ref.namespace ?? namespace, ref.name) === undefined) {
        warn(
          inGateway,
          at,
          'the Secret is not among the documents: the listener has the certificate of --tls-cert, or none',
        );
        return [];
      }
      const values = secretOf(inGateway, at, ref)?.values;
      if (values === undefined) return [];
      const cert = valueUnder(inGateway, at, values, 'tls.crt');
      const key = valueUnder(inGateway, at, values, 'tls.key');
      if (cert === undefined || key === undefined) return [];
      checkTls(inGateway, at, { clientCertificate: cert, clientKey: key });
      return [{ port, ...(hostname !== undefined && { host: hostname }), cert, key }];
    });
  });
}

/** Reports certificates and keys that cannot be read, or do not belong together, as faults at `path`. None is quoted. */
export function checkTls(context: RouteContext, path: JsonPath, tls: UpstreamTls): void {
  for (const ca of tls.ca ?? [])
    if (!isCertificate(ca))
      fault(context, path, 'its authorities are no PEM certificates', 'Give them as -----BEGIN CERTIFICATE-----');
  const { clientCertificate: cert, clientKey: key } = tls;
  if (cert === undefined || key === undefined) return;
  try {
    createSecureContext({ cert, key });
  } catch {
    fault(
      context,
      path,
      'its certificate and key cannot be read or do not belong together',
      'Give a PEM certificate and its own key, without a passphrase',
    );
  }
}

function isCertificate(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block)).length > 0;
  } catch {
    return false;
  }
}

/* References of a policy are within its own namespace, and its faults are in its own document. */
function within(context: RouteContext, { object, document }: Located<'BackendTLSPolicy' | 'Backend'>): RouteContext {
  return { ...context, document, from: { ...context.from, namespace: object.metadata.namespace } };
}

function certificates(
  context: RouteContext,
  path: readonly string[],
  refs: readonly { readonly group: string; readonly kind: string; readonly name: string }[],
): readonly string[] {
  return refs.flatMap((ref, i) => {
    const here = [...path, i];
    const values = localValues(context, here, ref);
    const value = values === undefined ? undefined : valueUnder(context, here, values, 'ca.crt');
    return value === undefined ? [] : [value];
  });
}
