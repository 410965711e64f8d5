/** How the certificate of an upstream is judged, and what is shown to it. PEM texts; the key is a secret. */
export interface UpstreamTls {
  /** Authorities in place of the public ones. */
  readonly ca?: readonly string[];
  /** Sent as SNI, and what the certificate must be for, in place of the host of the URL. */
  readonly serverName?: string;
  /** Names or URIs of which the certificate must have one, in place of `serverName`. */
  readonly subjectAltNames?: readonly { readonly kind: 'host' | 'uri'; readonly value: string }[];
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** False: any certificate will do. */
  readonly verify?: boolean;
  /** Absolute paths of the files that it was read from, where the configuration names files. */
  readonly files?: readonly string[];
}
