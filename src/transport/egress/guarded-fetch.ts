/**
 * The outbound connection for all requests of authorization: metadata, keys, introspection, tokens, external authorization. The
 * address rules apply to the address of the connection; redirects are not followed; size and time are limited. The answer is only
 * data for the caller.
 */
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { isAllowed, type EgressSettings } from './address-rules.ts';

/** From the first byte sent to the last byte received, unless a request says otherwise. */
const egressTimeoutMs = 5_000;
/** Longest time that a request may say. */
const maxEgressTimeoutMs = 300_000;
/** Maximum size of one answer. */
export const maxEgressBytes = 1024 * 1024;

/** Of its head. */
export const maxEgressHeaderBytes = 16_384;

/** Why nothing was got. Every other fault of the network is an error of undici. */
export class EgressRefused extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'EgressRefused';
  }
}

interface EgressRequest {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** At most 1 MiB, which is the default. */
  readonly maxBytes?: number;
  /** 5 s unless given, and 5 min at most. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Throws `EgressRefused`, or what undici throws. Every status is an answer, 3xx included. */
export type GuardedFetch = (url: string, request: EgressRequest) => Promise<Response>;

export interface Egress {
  readonly fetch: GuardedFetch;
  /** Whether plain http is allowed at all; libraries check this before they send. */
  readonly allowsPlain: boolean;
  close(): Promise<void>;
}

/** Statuses that must have no body in a `Response`. */
const bodiless = new Set([204, 205, 304]);

/** Finds the addresses of a name, as `dns.lookup` does. */
export type Lookup = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (fault: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/** The agent of a process. `ca`: further certificate authorities, PEM. */
export function guardedEgress(
  settings: EgressSettings & { readonly ca?: string | undefined } = {},
  find: Lookup = lookup,
): Egress {
  const agent = new Agent({
    connect: guardedConnector(settings, find),
    connections: 8,
    maxResponseSize: maxEgressBytes,
    headersTimeout: egressTimeoutMs,
    bodyTimeout: egressTimeoutMs,
    maxHeaderSize: maxEgressHeaderBytes,
  });
  const fetch: GuardedFetch = async (url, { method, headers, body, maxBytes, timeoutMs, signal }) => {
    const target = new URL(url);
    if (target.protocol !== 'https:' && target.protocol !== 'http:') throw new EgressRefused('neither https nor http');
    if (target.username !== '' || target.password !== '') throw new EgressRefused('credentials in the URL');
    const limit = Math.min(maxBytes ?? maxEgressBytes, maxEgressBytes);
    const patienceMs = Math.min(timeoutMs ?? egressTimeoutMs, maxEgressTimeoutMs);
    const timeout = AbortSignal.timeout(patienceMs);
    const answer = await agent.request({
      origin: target.origin,
      path: `${target.pathname}${target.search}`,
      method,
      // A compressed answer could exceed every limit when decompressed.
      headers: { ...headers, 'accept-encoding': 'identity' },
      body: body ?? null,
      headersTimeout: patienceMs,
      bodyTimeout: patienceMs,
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limit) throw new EgressRefused(`an answer of more than ${limit} bytes`);
      chunks.push(chunk);
    }
    if (answer.headers['content-encoding'] !== undefined) throw new EgressRefused('an answer with a content encoding');
    const given = Object.entries(answer.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] satisfies [string, string]],
    );
    const isBodiless = bodiless.has(answer.statusCode);
    return new Response(isBodiless ? null : Buffer.concat(chunks), { status: answer.statusCode, headers: given });
  };
  return {
    fetch,
    allowsPlain: settings.allowLoopback === true || settings.allowPlainPrivate === true,
    close: () => agent.destroy(),
  };
}

function guardedConnector(
  settings: EgressSettings & { readonly ca?: string | undefined },
  find: Lookup,
): buildConnector.connector {
  const connectors = [true, false].map((isPlain) =>
    buildConnector({
      timeout: egressTimeoutMs,
      ...(settings.ca === undefined ? {} : { ca: settings.ca }),
      lookup: (hostname: string, options: LookupOptions, callback: LookupCallback) => {
        allowedAddresses(find, hostname, options, isPlain, settings, callback);
      },
    }),
  );
  return (options, callback) => {
    const isPlain = options.protocol === 'http:';
    const literal = options.hostname.replace(/^\[(.*)\]$/, '$1');
    // A host that is an IP address is not looked up.
    if (isIP(literal) !== 0 && !isAllowed(literal, isPlain, settings)) {
      callback(refusal(), null);
      return;
    }
    connectors[isPlain ? 0 : 1]!(options, (...[fault, socket]) => {
      if (fault !== null) callback(fault, null);
      else if (socket.remoteAddress === undefined || !isAllowed(socket.remoteAddress, isPlain, settings)) {
        socket.destroy();
        callback(refusal(), null);
      } else callback(null, socket);
    });
  };
}

type LookupCallback = (fault: Error | null, address: string | LookupAddress[], family?: number) => void;

/** The addresses of the name, without those that are not allowed. */
function allowedAddresses(
  find: Lookup,
  hostname: string,
  options: LookupOptions,
  isPlain: boolean,
  settings: EgressSettings,
  callback: LookupCallback,
): void {
  find(hostname, { ...options, all: true }, (fault, found) => {
    if (fault !== null) {
      callback(fault, []);
      return;
    }
    const allowed = found.filter(({ address }) => isAllowed(address, isPlain, settings));
    const first = allowed[0];
    if (first === undefined) callback(refusal(), []);
    else if (options.all === true) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
}

function refusal(): EgressRefused {
  return new EgressRefused('the address is not allowed');
}
