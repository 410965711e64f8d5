/**
 * Certificates that the configuration gives to a listener: those of the Gateway objects (Gateway API §GatewayTLSConfig). The
 * server name that a client requests decides which one it gets.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Config, ListenerCertificate } from '../config/model.ts';
import type { Secured } from '../transport/http/server.ts';
import type { OwnCertificate } from '../transport/peers/peer-link.ts';

/** The TLS material of a listener, from any source. */
export interface ListenerTls {
  readonly texts: Secured;
  /** The certificate that replicas use among themselves, to authenticate and to be authenticated. */
  readonly own: OwnCertificate;
  /** `take` is called with every later version. */
  onChange(take: (texts: Secured) => void): void;
  stop(): void;
}

/**
 * The certificates of the listeners with this port. If no listener has it, all certificates, provided that every listener with
 * routes uses TLS. Empty: plain HTTP.
 */
export function certificatesAt({ routes }: Config, port: number): readonly ListenerCertificate[] {
  const all = routes.flatMap(({ certificates = [] }) => certificates);
  const exact = all.filter((one) => one.port === port);
  if (exact.length > 0) return exact;
  const isAllSecure = routes.every(
    ({ ports, certificates = [] }) => ports?.every((one) => certificates.some((each) => each.port === one)) === true,
  );
  const isOwn = routes.some(({ ports }) => ports?.includes(port) === true);
  return isAllSecure && !isOwn ? all : [];
}

export class ListenerCertificates implements ListenerTls {
  readonly #takers: ((texts: Secured) => void)[] = [];
  #current: readonly ListenerCertificate[];
  #former: ListenerCertificate | undefined;
  #byHost: ReadonlyMap<string, SecureContext>;

  /** At least one. */
  constructor(certificates: readonly ListenerCertificate[]) {
    this.#current = certificates;
    this.#byHost = contextsOf(certificates);
  }

  get texts(): Secured {
    const { cert, key } = this.#first;
    return { cert, key, SNICallback: (name, done) => done(null, this.#contextFor(name.toLowerCase())) };
  }

  get own(): OwnCertificate {
    const { cert, key } = this.#first;
    return { cert, key, trusted: this.#former === undefined ? [cert] : [cert, this.#former.cert] };
  }

  onChange(take: (texts: Secured) => void): void {
    this.#takers.push(take);
  }

  /** A configuration without certificates changes nothing: the listener continues with TLS. */
  update(certificates: readonly ListenerCertificate[]): void {
    if (certificates.length === 0) return;
    const before = this.#first;
    this.#current = certificates;
    this.#byHost = contextsOf(certificates);
    if (this.#first.cert !== before.cert) this.#former = before;
    for (const take of this.#takers) take(this.texts);
  }

  stop(): void {
    this.#takers.length = 0;
  }

  /** For clients that request no server name, or an unknown one. */
  get #first(): ListenerCertificate {
    return this.#current.find(({ host }) => host === undefined) ?? this.#current[0]!;
  }

  /* The exact name, then the longest wildcard (Gateway API §Listener). Undefined: the first certificate. */
  #contextFor(name: string): SecureContext | undefined {
    const exact = this.#byHost.get(name);
    if (exact !== undefined) return exact;
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const wildcard = this.#byHost.get(`*${name.slice(dot)}`);
      if (wildcard !== undefined) return wildcard;
    }
    return undefined;
  }
}

function contextsOf(certificates: readonly ListenerCertificate[]): ReadonlyMap<string, SecureContext> {
  const contexts = new Map<string, SecureContext>();
  for (const { host, cert, key } of certificates)
    if (host !== undefined && !contexts.has(host)) contexts.set(host, createSecureContext({ cert, key }));
  return contexts;
}
