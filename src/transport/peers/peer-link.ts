/**
 * How replicas reach one another: over TLS where clients do too. All replicas have the certificate of one service, so a replica
 * knows another by the names that its own certificate has, or by its very key, and needs no further secret. What they say is signed
 * besides (digest.ts).
 */
import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type PeerCertificate, type SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { connectTimeoutMs } from '../http/limits.ts';
import { leafOf } from '../http/client-certificate.ts';

export interface PeerLink {
  readonly scheme: 'http' | 'https';
  /** For the `connect` of an agent. */
  readonly connect: buildConnector.BuildOptions | buildConnector.connector;
}

/** PEM texts. */
export interface OwnCertificate {
  /** With the intermediate ones behind it. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of this service, the one in use and that of before: other replicas may have either for a while. */
  readonly trusted: readonly string[];
}

export const plainLink: PeerLink = { scheme: 'http', connect: { timeout: connectTimeoutMs } };

/** `own` is asked for each connection, as certificates are renewed. */
export function securedLink(own: () => OwnCertificate): PeerLink {
  let known: { readonly cert: string; readonly connect: buildConnector.connector } | undefined;
  return {
    scheme: 'https',
    connect: (options, callback) => {
      const current = own();
      if (known?.cert !== current.cert) known = { cert: current.cert, connect: connector(current) };
      known.connect(options, callback);
    },
  };
}

function connector(own: OwnCertificate): buildConnector.connector {
  return buildConnector({
    timeout: connectTimeoutMs,
    allowH2: false,
    secureContext: contextOf(own),
    // A session that is taken up again is not judged again.
    maxCachedSessions: 0,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
      isOfThisService(new X509Certificate(certificate.raw), own.trusted)
        ? undefined
        : new Error('not the certificate of this service'),
  });
}

/* What stands in its own file is trusted as it is: that may be an intermediate authority, or a certificate that signs itself. */
function contextOf({ cert, key, trusted }: OwnCertificate): SecureContext {
  return createSecureContext({
    cert,
    key,
    ca: [...trusted, ...getCACertificates('default')],
    allowPartialTrustChain: true,
  });
}

function isOfThisService(given: X509Certificate, trusted: readonly string[]): boolean {
  return trusted.some((pem) => {
    const own = leafOf(pem);
    if (own === undefined) return false;
    if (given.subjectAltName !== undefined && given.subjectAltName === own.subjectAltName) return true;
    return spki(given).equals(spki(own));
  });
}

function spki({ publicKey }: X509Certificate): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}
