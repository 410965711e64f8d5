/** Options of a serving process, with defaults filled in. Whether a flag or a variable set them is not known here. */
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

/** All options of `manifold run`, with defaults filled in. Of `files`, `mcpConfig` and `mcpJson` exactly one is given. */
export interface RunOptions extends SealingOptions {
  readonly files: readonly string[];
  readonly mcpConfig: string | undefined;
  readonly mcpJson: string | undefined;
  /** Whether one entry of the configuration that is at fault stops the start. */
  readonly strict: boolean;
  /** Without the brackets that an IPv6 address has in a URL. */
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number | undefined;
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
  readonly peers: string | undefined;
  /** Where other replicas reach this one; port 0 takes a free one. */
  readonly peerAddress: { readonly host: string; readonly port: number } | undefined;
}
