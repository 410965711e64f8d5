/**
 * External authorization over gRPC (envoy.service.auth.v3 Authorization/Check): a service of the operator decides about each
 * request. It gets what Envoy would send, with the body where it is shown one. OK admits the request with the headers that the
 * service adds; any other status refuses it.
 */
import { Client, credentials, Metadata, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { hash, randomUUID } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { UpstreamTls } from '../../config/model.ts';
import type { GatewayError } from '../../errors.ts';
import { authorizationUnavailable, denied, tokenInvalid, unavailableAs } from '../../oauth/faults.ts';
import type { RequestHead, Verified } from '../../oauth/verified.ts';
import { namesCredential } from '../http/caller.ts';
import { certificateBehind } from '../http/client-certificate.ts';
import type { EgressSettings } from '../egress/address-rules.ts';
import { guardedTarget } from '../egress/guarded-grpc.ts';
import { connectionSettings } from '../http/connection.ts';
import { wholeBodyHeader, type ExtAuth } from './ext-auth.ts';

export interface GrpcExtAuth {
  /** `http://` without TLS, `https://` with TLS; if one does not answer, the next is tried. */
  readonly urls: readonly string[];
  /** Keyed by URL. */
  readonly tls?: ReadonlyMap<string, UpstreamTls> | undefined;
  /** Headers of the client (lower case) that the service gets; undefined: all. */
  readonly headersToExtAuth?: readonly string[] | undefined;
  readonly contextExtensions?: readonly { readonly name: string; readonly value: string }[] | undefined;
  /** A header of the answer that names the caller, for a route without other credentials. */
  readonly subjectHeader?: string | undefined;
  /** Admits the request if the service fails. Default false. */
  readonly failOpen?: boolean | undefined;
  /** The HTTP status for clients if the service is unavailable. Default 503. */
  readonly statusOnError?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** Which addresses it may be at, as for all that authorization asks of others. */
  readonly egress: EgressSettings;
}

const defaultTimeoutMs = 10_000;
const maxAnswerBytes = 64 * 1024;
/** Maximum pause before a failed connection is tried again. */
const maxReconnectMs = 5_000;
const maxAddedHeaders = 64;
/** Headers of a single message or connection, and those of the protocol: a service cannot set them. */
const isFraming =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept.*|content-.*|proxy-.*|mcp-.*|last-event-id)$/;
const isField = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const isFieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

interface CheckResponse {
  readonly status: { readonly code: number } | null;
  readonly denied_response?: {
    readonly status: { readonly code: number } | null;
    readonly headers: readonly HeaderValueOption[];
  };
  readonly ok_response?: { readonly headers: readonly HeaderValueOption[] };
}

interface HeaderValueOption {
  readonly header: { readonly key: string; readonly value: string; readonly raw_value: Buffer } | null;
}

type Check = MethodDefinition<object, CheckResponse>;

export interface GrpcCheck {
  readonly ask: ExtAuth;
  close(): void;
}

/** `challenge` is used for a 401 without a challenge of the service. */
export function grpcExtAuth(config: GrpcExtAuth, challenge: string): GrpcCheck {
  const method = checkMethod();
  const clients = config.urls.map((url) => clientAt(url, config.egress, config.tls?.get(url)));
  const shown =
    config.headersToExtAuth === undefined ? undefined : new Set(['authorization', ...config.headersToExtAuth]);
  const extensions = Object.fromEntries((config.contextExtensions ?? []).map(({ name, value }) => [name, value]));
  const asked = async (request: object): Promise<CheckResponse> => {
    const deadline = Date.now() + (config.timeoutMs ?? defaultTimeoutMs);
    let last: unknown;
    for (const client of clients) {
      try {
        return await call(client, method, request, deadline);
      } catch (fault) {
        last = fault;
      }
    }
    throw last;
  };
  const ask: ExtAuth = async (head, verified) => {
    const headers = headersOf(head, shown);
    let answer: CheckResponse;
    try {
      answer = await asked(checkRequest(head, headers, extensions));
    } catch (fault) {
      if (config.failOpen === true) return verified;
      throw unavailableAs(config.statusOnError, challenge, 'the authorization service', fault);
    }
    // Without a status the answer is OK (google.rpc.Code 0), as in Envoy.
    if ((answer.status?.code ?? 0) !== 0) throw refusal(answer, challenge);
    return allowed(verified, headers, answer.ok_response?.headers ?? [], config);
  };
  return { ask, close: () => clients.forEach((client) => client.close()) };
}

function checkMethod(): Check {
  const path = fileURLToPath(new URL('ext-auth.proto', import.meta.url));
  const services = loadSync(path, { keepCase: true, longs: Number, defaults: true, oneofs: true });
  const service = services['envoy.service.auth.v3.Authorization'] as { readonly Check: Check };
  return service.Check;
}

function clientAt(url: string, egress: EgressSettings, tls: UpstreamTls | undefined): Client {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === 'https:';
  const at = port === '' ? (isSecure ? 443 : 80) : Number(port);
  const { target, options } = guardedTarget(hostname, at, !isSecure, egress);
  return new Client(target, isSecure ? secured(url, tls) : credentials.createInsecure(), {
    ...options,
    'grpc.max_receive_message_length': maxAnswerBytes,
    'grpc.max_reconnect_backoff_ms': maxReconnectMs,
    ...(isSecure && tls?.serverName !== undefined && { 'grpc.ssl_target_name_override': tls.serverName }),
  });
}

function secured(url: string, tls: UpstreamTls | undefined): ChannelCredentials {
  const settings = connectionSettings({ kind: 'http', url, headers: [], ...(tls !== undefined && { tls }) });
  const { checkServerIdentity, rejectUnauthorized, servername: _name, socketPath: _path, ...context } = settings;
  return credentials.createFromSecureContext(createSecureContext(context), {
    ...(checkServerIdentity !== undefined && { checkServerIdentity }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  });
}

function call(client: Client, method: Check, request: object, deadline: number): Promise<CheckResponse> {
  const { path, requestSerialize, responseDeserialize } = method;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline },
      (fault: ServiceError | null, answer?: CheckResponse) => {
        if (fault === null && answer !== undefined) resolve(answer);
        else reject(fault ?? new Error('no answer'));
      },
    );
  });
}

/** Names in lower case; the values of a repeated header are joined (RFC 9110 §5.3). */
function headersOf({ rawHeaders }: RequestHead, shown: ReadonlySet<string> | undefined): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (shown !== undefined && !shown.has(name)) continue;
    const before = headers.get(name);
    headers.set(name, before === undefined ? rawHeaders[i + 1]! : `${before},${rawHeaders[i + 1]}`);
  }
  return headers;
}

function checkRequest(
  { rawHeaders, method, path, host = '', body }: RequestHead,
  headers: ReadonlyMap<string, string>,
  extensions: Readonly<Record<string, string>>,
): object {
  const nowMs = Date.now();
  const certificate = certificateBehind(rawHeaders);
  return {
    attributes: {
      ...(certificate !== undefined && { source: { principal: certificate.name.replace(/^(?:URI|DNS|email):/, '') } }),
      request: {
        time: { seconds: Math.floor(nowMs / 1_000), nanos: (nowMs % 1_000) * 1_000_000 },
        http: {
          id: randomUUID(),
          method,
          headers: {
            ':method': method,
            ':path': path,
            ':authority': host,
            ...Object.fromEntries(headers),
            ...(body !== undefined && { [wholeBodyHeader]: 'false' }),
          },
          path,
          host,
          scheme: certificate === undefined ? 'http' : 'https',
          size: body?.length ?? Number(headers.get('content-length') ?? -1),
          protocol: 'HTTP/1.1',
          ...(body !== undefined && { body: body.toString() }),
        },
      },
      context_extensions: extensions,
    },
  };
}

/**
 * A caller that only the service authenticates has the name given by the service. Without a name, its credentials distinguish it,
 * so that callers with different credentials are different principals.
 */
function allowed(
  verified: Verified,
  shown: ReadonlyMap<string, string>,
  given: readonly HeaderValueOption[],
  { subjectHeader, headersToExtAuth }: GrpcExtAuth,
): Verified {
  const added = fieldsOf(given);
  const forwarded = [...(verified.forwarded ?? []), ...[...added].flat()];
  if (verified.principal !== 'anonymous') return { ...verified, forwarded };
  const subject = subjectHeader === undefined ? '' : (added.get(subjectHeader.toLowerCase()) ?? '');
  const proof = [...shown.keys()]
    .filter((name) => headersToExtAuth !== undefined || namesCredential(name))
    .toSorted()
    .map((name) => [name, shown.get(name)]);
  const sub = subject === '' && proof.length > 0 ? hash('sha256', JSON.stringify(proof), 'base64url') : subject;
  return { ...verified, forwarded, ...(sub !== '' && { principal: { iss: 'extauth', sub, bind: '' } }) };
}

/** Keyed by name in lower case. Headers that no request may have are removed. */
function fieldsOf(given: readonly HeaderValueOption[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const { header } of given.slice(0, maxAddedHeaders)) {
    if (header === null) continue;
    const name = header.key.toLowerCase();
    const value = header.raw_value.length > 0 ? header.raw_value.toString('latin1') : header.value;
    if (isField.test(name) && isFieldValue.test(value) && !isFraming.test(name)) fields.set(name, value);
  }
  return fields;
}

/** The service belongs to the operator, so its challenge is passed to clients. Its body is not. */
function refusal({ denied_response: answer }: CheckResponse, challenge: string): GatewayError {
  // The default of Envoy if the service gives no status.
  const status = answer?.status?.code ?? 403;
  if (status === 429 || status >= 500) return authorizationUnavailable(`status ${status}`);
  if (status !== 401) return denied(undefined, undefined);
  const own = fieldsOf(answer?.headers ?? []).get('www-authenticate');
  return tokenInvalid(
    own === undefined || !/^[\x20-\x7e]{1,1000}$/.test(own) ? challenge : own,
    'refused by the service',
  );
}
