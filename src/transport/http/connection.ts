/** How the connections to one server are made: over TCP or a Unix socket, and how TLS is spoken on them. */
import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from 'node:tls';
import type { UpstreamTls, UpstreamTransport } from '../../config/model.ts';

type CheckIdentity = NonNullable<ConnectionOptions['checkServerIdentity']>;

/** For the `connect` of a pool. */
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
    // An address is never sent as a server name (RFC 6066 §3).
    ...(serverName !== undefined && isIP(serverName) === 0 && { servername: serverName }),
    ...(minVersion !== undefined && { minVersion }),
    ...(maxVersion !== undefined && { maxVersion }),
    ...(verify === false && { rejectUnauthorized: false }),
    ...(identity !== undefined && { checkServerIdentity: identity }),
  };
}

/** Undefined: the certificate must be for the host of the URL, as Node checks it. */
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

/* Node writes the names in one line, and quotes as JSON what could be taken for the end of a name. */
function hasUri({ subjectaltname = '' }: PeerCertificate, uri: string): boolean {
  return subjectaltname.split(', ').includes(`URI:${uri}`);
}
