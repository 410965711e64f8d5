/**
 * Client certificates (mutual TLS, RFC 8446 §4.4.2). A certificate is verified once per connection, and every request on the
 * connection belongs to its owner. The result is stored under the raw headers of the request, which travel with the caller.
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { anonymous, type Caller } from './caller.ts';
import type { Head } from './accept.ts';

/** A certificate that one of the configured authorities has signed. */
export interface ClientCertificate {
  /** `URI:…`, `DNS:…` or `email:…`: the first subject alternative name, URIs first; without one, the subject as one line. */
  readonly name: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

const bySocket = new WeakMap<TLSSocket, ClientCertificate | undefined>();
const byHeaders = new WeakMap<readonly string[], ClientCertificate>();

/** Undefined if there is no certificate, or if no configured authority has signed it. */
export function certificateOf({ socket, rawHeaders }: IncomingMessage): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  if (!bySocket.has(socket)) bySocket.set(socket, judged(socket));
  const certificate = bySocket.get(socket);
  if (certificate !== undefined) byHeaders.set(rawHeaders, certificate);
  return certificate;
}

/** The certificate of the connection, or of the forwarded request, with exactly these headers. */
export function certificateBehind(rawHeaders: readonly string[]): ClientCertificate | undefined {
  return byHeaders.get(rawHeaders);
}

/** Records a certificate that another replica has verified. */
export function certificateBrought(rawHeaders: readonly string[], certificate: ClientCertificate): void {
  byHeaders.set(rawHeaders, certificate);
}

/** The caller of a certificate, with `mtls` as its issuer; anonymous without one. It expires with the certificate. */
export function byCertificate(head: Pick<Head, 'rawHeaders'>): Caller {
  const caller = anonymous(head);
  const certificate = certificateBehind(head.rawHeaders);
  if (certificate === undefined) return caller;
  const { name, expiresAt } = certificate;
  return { ...caller, principal: { iss: 'mtls', sub: name, bind: '' }, principalId: `mtls ${name}`, expiresAt };
}

function judged(socket: TLSSocket): ClientCertificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return {
    name: nameOf(certificate),
    expiresAt: Math.floor(Date.parse(certificate.validTo) / 1_000),
  };
}

/* Node quotes a name as JSON if it contains characters that could end it. */
function nameOf({ subjectAltName, subject }: X509Certificate): string {
  const names = subjectAltName?.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g)?.map((name) => name.trim()) ?? [];
  for (const kind of ['URI:', 'DNS:', 'email:']) {
    const found = names.find((name) => name.startsWith(kind));
    if (found !== undefined) return found;
  }
  return subject.split('\n').join(',');
}

/** Whether a text contains PEM certificates (RFC 7468 §5) and all of them can be parsed. */
export function isCertificateText(pem: string): boolean {
  const blocks = certificatesIn(pem);
  try {
    return blocks.map((block) => new X509Certificate(block)).length > 0;
  } catch {
    return false;
  }
}

/** The first certificate of a chain; undefined if there is none. */
export function leafOf(pem: string): X509Certificate | undefined {
  const [first] = certificatesIn(pem);
  return first === undefined ? undefined : new X509Certificate(first);
}

function certificatesIn(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
