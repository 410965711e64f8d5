/** The options of a serving process, with defaults filled in. Their source, flag or variable, is not known here. */
import type { Naming } from '../config/model.ts';
import type { LogFormat } from '../telemetry/pretty.ts';

/** The keys of session tokens, and what the tokens are bound to. Times in seconds. */
export interface SealingOptions {
  /** Path of the key ring file. */
  readonly sessionKeys: string | undefined;
  /** Only from MANIFOLD_SESSION_SECRET: a flag would be visible to every user of the machine. */
  readonly sessionSecret: string | undefined;
  readonly sessionKdf: string;
  readonly gatewayName: string;
  /** `--public-url`; undefined: the path of the endpoint. */
  readonly resource: string | undefined;
}

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** The same, and the requirements for client certificates. */
export interface TlsOptions extends CertificateFiles {
  /** Authorities of client certificates; undefined: no client certificate is requested. */
  readonly clientCa: string | undefined;
  /** Whether a client without a certificate is served. */
  readonly clientAuth: 'require' | 'request';
  /** On routes that require no other credential, the name in the certificate identifies the client. */
  readonly clientPrincipal: boolean;
}

/** Which routes of a cluster are served; an undefined member is no restriction. */
export interface KubernetesOptions {
  /** Undefined: the namespace of the pod, or of the kubeconfig's context. */
  readonly namespaces: readonly string[] | 'all' | undefined;
  /** A label selector of routes. */
  readonly selector: string | undefined;
  /** The class of the Gateways that routes are attached to. */
  readonly gatewayClass: string | undefined;
}

/**
 * All options of `manifold run`, with defaults filled in. At least one of `files`, `mcpConfig` and `mcpJson` is not empty; or
 * `kubernetes` is set and all three are empty.
 */
export interface RunOptions extends SealingOptions {
  readonly files: readonly string[];
  readonly mcpConfig: readonly string[];
  readonly mcpJson: readonly string[];
  /** Undefined: no cluster is used. */
  readonly kubernetes: KubernetesOptions | undefined;
  /** Whether an invalid entry of the configuration prevents the start. */
  readonly strict: boolean;
  /** Without the brackets that an IPv6 address has in a URL. */
  readonly host: string;
  readonly port: number;
  /** All routes are served on this port, whatever ports the listeners of the configuration have. */
  readonly isPortGiven: boolean;
  /** Undefined: plain HTTP. */
  readonly tls: TlsOptions | undefined;
  readonly adminHost: string;
  readonly adminPort: number | undefined;
  /** Undefined: plain HTTP. */
  readonly adminTls: CertificateFiles | undefined;
  /** Path of the file with the token for whoever is not of this machine; there with `adminTls` alone. */
  readonly adminTokenFile: string | undefined;
  readonly workers: number;
  readonly sessions: 'optional' | 'required';
  readonly naming: Naming;
  readonly sessionMaxAgeSeconds: number;
  /** Sessions that were issued earlier are refused; Unix seconds. */
  readonly sessionsNotBefore: number | undefined;
  readonly initTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly drainDelayMs: number;
  /** Lower case: `name` or `name:port`. */
  readonly allowedHosts: readonly string[];
  /** As browsers send them: `https://app.example.com`. */
  readonly allowedOrigins: readonly string[];
  readonly maxMessageBytes: number;
  readonly maxAnswerBytes: number;
  /** In bytes, like the two before. */
  readonly memoryBudget: number;
  /** A log level of pino, or `silent`. */
  readonly logLevel: string;
  readonly logFormat: LogFormat;
  /** How callers are written to the access log. */
  readonly logPrincipals: 'hashed' | 'named';
  /** The file of the authorization decisions; undefined: the log. */
  readonly auditLog: string | undefined;
  /** Path of a file, or URL of a Redis, for the tokens of users. */
  readonly tokenStore: string | undefined;
  readonly peers: string | undefined;
  /** The address at which other replicas reach this one; port 0 chooses a free one. */
  readonly peerAddress: { readonly host: string; readonly port: number } | undefined;
}
