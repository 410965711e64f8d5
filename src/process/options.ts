/** What a process that serves was told, with defaults filled in. Where it was told, by flag or variable, is not known here. */
import type { Naming } from '../config/model.ts';
import type { LogFormat } from '../telemetry/pretty.ts';

/** What seals session tokens, and what they are bound to. Times in seconds. */
export interface SealingOptions {
  /** Path of the key ring file. */
  readonly sessionKeys: string | undefined;
  /** From MANIFOLD_SESSION_SECRET alone: a flag would show it to every user of the machine. */
  readonly sessionSecret: string | undefined;
  readonly sessionKdf: string;
  readonly gatewayName: string;
  /** `--public-url`; undefined stands for the path of the endpoint. */
  readonly resource: string | undefined;
}

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** The same, and what is asked of clients. */
export interface TlsOptions extends CertificateFiles {
  /** Authorities of the certificates of clients; undefined: none is asked for. */
  readonly clientCa: string | undefined;
  /** Whether a client without a certificate is served. */
  readonly clientAuth: 'require' | 'request';
  /** The name in the certificate is who the client is, on routes that ask for no other credential. */
  readonly clientPrincipal: boolean;
}

/** Which routes of a cluster are served; what is undefined narrows nothing. */
export interface KubernetesOptions {
  /** Undefined: that of the pod, or of the kubeconfig's context. */
  readonly namespaces: readonly string[] | 'all' | undefined;
  /** A label selector of routes. */
  readonly selector: string | undefined;
  /** Of the Gateways that routes are attached to. */
  readonly gatewayClass: string | undefined;
}

/**
 * All that `manifold run` was told, with defaults filled in. Of `files`, `mcpConfig` and `mcpJson` at least one is not empty, or
 * `kubernetes` is there and all three are empty.
 */
export interface RunOptions extends SealingOptions {
  readonly files: readonly string[];
  readonly mcpConfig: readonly string[];
  readonly mcpJson: readonly string[];
  /** Undefined: the cluster is not asked. */
  readonly kubernetes: KubernetesOptions | undefined;
  /** Whether one entry of the configuration that is at fault stops the start. */
  readonly strict: boolean;
  /** Without the brackets that an IPv6 address has in a URL. */
  readonly host: string;
  readonly port: number;
  /** All routes are served on it, whatever the listeners of the configuration say. */
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
  /** Sessions that were begun before are refused; Unix seconds. */
  readonly sessionsNotBefore: number | undefined;
  readonly initTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly drainDelayMs: number;
  /** Lower case: `name` or `name:port`. */
  readonly allowedHosts: readonly string[];
  /** As a browser writes them: `https://app.example.com`. */
  readonly allowedOrigins: readonly string[];
  readonly maxMessageBytes: number;
  readonly maxAnswerBytes: number;
  /** In bytes, as the two before. */
  readonly memoryBudget: number;
  /** One of pino's, or `silent`. */
  readonly logLevel: string;
  readonly logFormat: LogFormat;
  /** How whoever calls stands in the access log. */
  readonly logPrincipals: 'hashed' | 'named';
  /** Where the decisions on who may do what are written; undefined: to the log. */
  readonly auditLog: string | undefined;
  /** Path of a file, or the URL of a Redis, for tokens of users. */
  readonly tokenStore: string | undefined;
  readonly peers: string | undefined;
  /** Where other replicas reach this one; port 0 takes a free one. */
  readonly peerAddress: { readonly host: string; readonly port: number } | undefined;
}
