/**
 * Connections between replicas: they use TLS if clients do. All replicas use the certificate of one service, so a replica
 * verifies another by the names in its own certificate, or by the same key, and needs no further secret. Messages are also signed
 * (digest.ts).
 */
import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type PeerCertificate, type SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { connectTimeoutMs } from '../http/limits.ts';
import { leafOf } from '../http/client-certificate.ts';

export interface PeerLink {
  readonly scheme: 'http' | 'https';
  /** For the `connect` option of an agent. */
  readonly connect: buildConnector.BuildOptions | buildConnector.connector;
}

/** PEM texts. */
export interface OwnCertificate {
  /** The certificate, followed by its intermediate certificates. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of this service: the current one and the previous one. Other replicas may use either for a while. */
  readonly trusted: readonly string[];
}

export const plainLink: PeerLink = { scheme: 'http', connect: { timeout: connectTimeoutMs } };

/** `own` is called for each connection, because certificates are renewed. */
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
    // No TLS session resumption: a resumed session would skip the verification.
    maxCachedSessions: 0,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
      isOfThisService(new X509Certificate(certificate.raw), own.trusted)
        ? undefined
        : new Error('not the certificate of this service'),
  });
}

/* Each certificate in the file of trusted certificates is a trust anchor: it may be an intermediate authority, or self-signed. */
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
