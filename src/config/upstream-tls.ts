/** How the certificate of an upstream is verified, and the client certificate for it. PEM texts; the key is a secret. */
export interface UpstreamTls {
  /** Trusted authorities instead of the public ones. */
  readonly ca?: readonly string[];
  /** Sent as SNI; the certificate must match it, instead of the host of the URL. */
  readonly serverName?: string;
  /** Names or URIs of which the certificate must have one, instead of `serverName`. */
  readonly subjectAltNames?: readonly { readonly kind: 'host' | 'uri'; readonly value: string }[];
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** False: any certificate is accepted. */
  readonly verify?: boolean;
  /** Absolute paths of the files that it was read from, if the configuration names files. */
  readonly files?: readonly string[];
}
