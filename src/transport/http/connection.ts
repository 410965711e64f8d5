/** How connections to one server are made: TCP or a Unix socket, and the TLS settings. */
import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from 'node:tls';
import type { UpstreamTls, UpstreamTransport } from '../../config/model.ts';

type CheckIdentity = NonNullable<ConnectionOptions['checkServerIdentity']>;

/** For the `connect` option of a pool. */
export interface ConnectionSettings extends Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'servername' | 'minVersion' | 'maxVersion' | 'rejectUnauthorized'
> {
  readonly checkServerIdentity?: CheckIdentity;
  readonly socketPath?: string;
}

/** Empty for a bridged upstream, which is on loopback. */
export function connectionSettings(transport: UpstreamTransport): ConnectionSettings {
  if (transport.kind !== 'http') return {};
  const { tls, socketPath } = transport;
  return { ...(socketPath !== undefined && { socketPath }), ...(tls !== undefined && tlsSettings(tls)) };
}

function tlsSettings(tls: UpstreamTls): ConnectionSettings {
  const { ca, serverName, clientCertificate, clientKey, minVersion, maxVersion, verify } = tls;
  const identity = identityCheck(tls);
  return {
    ...(ca !== undefined && { ca: [...ca] }),
    ...(clientCertificate !== undefined && { cert: clientCertificate }),
    ...(clientKey !== undefined && { key: clientKey }),
    // An IP address is never sent as a server name (RFC 6066 §3).
    ...(serverName !== undefined && isIP(serverName) === 0 && { servername: serverName }),
    ...(minVersion !== undefined && { minVersion }),
    ...(maxVersion !== undefined && { maxVersion }),
    ...(verify === false && { rejectUnauthorized: false }),
    ...(identity !== undefined && { checkServerIdentity: identity }),
  };
}

/** Undefined: the certificate must match the host of the URL, as Node checks it. */
function identityCheck({ serverName, subjectAltNames }: UpstreamTls): CheckIdentity | undefined {
  if (subjectAltNames !== undefined)
    return (_host, certificate) => {
      const isNamed = subjectAltNames.some(({ kind, value }) =>
        kind === 'uri' ? hasUri(certificate, value) : checkServerIdentity(value, certificate) === undefined,
      );
      return isNamed ? undefined : new Error('the certificate has none of the names that are asked for');
    };
  if (serverName === undefined) return undefined;
  return (_host, certificate) => checkServerIdentity(serverName, certificate);
}

/* Node writes the names in one line, and quotes a name as JSON if it contains characters that could end it. */
function hasUri({ subjectaltname = '' }: PeerCertificate, uri: string): boolean {
  return subjectaltname.split(', ').includes(`URI:${uri}`);
}
