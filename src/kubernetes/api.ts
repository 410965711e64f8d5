/**
 * Requests to the API server, with address, credentials and trust from `@kubernetes/client-node`. Answers stay parsed JSON: the
 * typed clients turn times into `Date`, and their watch has no limits of its own.
 *
 * The configuration is read again after a failure, since a token, a kubeconfig or a certificate authority may have been rotated. The
 * library itself reads the token of a ServiceAccount once a minute.
 *
 * HTTP/1.1 is always used: each watch has its own connection, so a half-open one affects no other and can be closed
 * separately.
 */
import type { RequestOptions } from 'node:https';
import { HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { Agent, type Dispatcher, fetch, ProxyAgent } from 'undici';
import { isRecord, textOf } from './objects.ts';

/** The API server refused the request, or could not be reached (`status` 0). The message contains no credential. */
export class ApiFault extends Error {
  override readonly name = 'ApiFault';
  readonly status: number;
  readonly reason: string;
  /** The pause that the server requested, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export type Query = Readonly<Record<string, string>>;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** Content type of the body; default JSON. */
  readonly contentType?: string;
}

interface StreamRequest {
  readonly path: string;
  readonly query: Query;
  readonly signal: AbortSignal;
  /** Maximum silence; a stream that is silent for longer counts as half open and is closed. */
  readonly idleMs: number;
  /** Called when the server has accepted the request. */
  readonly onOpen: () => void;
  readonly onEvent: (event: unknown) => void;
}

export interface Api {
  /** Namespace of the kubeconfig's context or of the pod; `default` if neither is known. */
  readonly namespace: string;
  /** Throws `ApiFault`. */
  request(request: ApiRequest): Promise<unknown>;
  /** Resolves when the server ends the stream or `signal` aborts. Throws `ApiFault` otherwise. */
  stream(request: StreamRequest): Promise<void>;
}

export interface ApiOptions {
  /** A kubeconfig file. By default: `KUBECONFIG`, `~/.kube/config`, or the ServiceAccount of the pod, like kubectl. */
  readonly kubeconfig?: string;
  readonly requestTimeoutMs?: number;
}

const defaultRequestTimeoutMs = 15_000;
const connectTimeoutMs = 10_000;
/** Maximum length of a watch event, in characters: an object in etcd has at most 1.5 MiB. */
const maxEventChars = 8 * 1024 * 1024;
/** Maximum length of an answer that is read to explain a failure. */
const maxFaultChars = 4096;
/** Minimum time between two reads of the configuration. */
const reloadPauseMs = 1000;

interface Loaded {
  readonly config: KubeConfig;
  readonly server: string;
  readonly atMs: number;
  dispatcher: Dispatcher | undefined;
}

/** Throws `Error` if there is no configuration, or if it names no cluster. */
export function openApi(options: ApiOptions = {}): Api {
  const timeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs;
  let loaded = load(options.kubeconfig);

  /** Keeps the old configuration if the new one cannot be read: it may be incomplete. */
  const reload = (): void => {
    if (performance.now() - loaded.atMs < reloadPauseMs) return;
    try {
      const next = load(options.kubeconfig);
      const old = loaded.dispatcher;
      loaded = next;
      // Open streams continue until they end by themselves.
      void old?.close();
    } catch {
      loaded = { ...loaded, atMs: performance.now() };
    }
  };

  const open = async (url: URL, init: { method: string; body?: string; contentType?: string }, signal: AbortSignal) => {
    const current = loaded;
    const context = new RequestContext(url.href, HttpMethod.GET);
    await current.config.applySecurityAuthentication(context);
    // The library creates an agent for each call; a shared agent reuses its connections.
    current.dispatcher ??= (await ownDispatcher(current.config)) ?? context.getDispatcher();
    return await fetch(url, {
      method: init.method,
      headers: {
        ...context.getHeaders(),
        accept: 'application/json',
        ...(init.body === undefined ? {} : { 'content-type': init.contentType ?? 'application/json' }),
      },
      ...(init.body === undefined ? {} : { body: init.body }),
      ...(current.dispatcher === undefined ? {} : { dispatcher: current.dispatcher }),
      signal,
      redirect: 'error',
    });
  };

  return {
    namespace: namespaceOf(loaded.config),

    async request({ method, path, query, body, contentType }) {
      try {
        const init = {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          ...(contentType === undefined ? {} : { contentType }),
        };
        const response = await open(addressOf(loaded.server, path, query), init, AbortSignal.timeout(timeoutMs));
        if (!response.ok) throw await faultOf(response);
        const answer: unknown = await response.json();
        return answer;
      } catch (fault) {
        throw toFault(fault, reload);
      }
    },

    async stream({ path, query, signal, idleMs, onOpen, onEvent }) {
      const silence = new AbortController();
      const timer = setTimeout(() => silence.abort(), idleMs);
      timer.unref();
      try {
        const address = addressOf(loaded.server, path, { ...query, watch: 'true' });
        const response = await open(address, { method: 'GET' }, AbortSignal.any([signal, silence.signal]));
        if (!response.ok) throw await faultOf(response);
        onOpen();
        await eachLine(
          response.body,
          (line) => onEvent(JSON.parse(line)),
          () => void timer.refresh(),
        );
      } catch (fault) {
        if (signal.aborted) return;
        if (silence.signal.aborted) throw new ApiFault(0, 'Silent', `the watch was silent for ${idleMs} ms`);
        throw toFault(fault, reload);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function load(file: string | undefined): Loaded {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the Kubernetes configuration names no cluster');
  return { config, server, atMs: performance.now(), dispatcher: undefined };
}

/** The library's agent without HTTP/2; undefined if the library uses its own connector (SOCKS). */
async function ownDispatcher(config: KubeConfig): Promise<Dispatcher | undefined> {
  const cluster = config.getCurrentCluster();
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, passphrase, rejectUnauthorized, servername } = options;
  const trust = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  };
  const made = config.createDispatcherOptions(cluster, trust);
  switch (made.type) {
    case 'proxy':
      return new ProxyAgent({ allowH2: false, uri: made.uri, requestTls: trust });
    case 'socks':
      return undefined;
    default:
      return new Agent({ allowH2: false, connect: { ...trust, keepAlive: true, timeout: connectTimeoutMs } });
  }
}

function namespaceOf(config: KubeConfig): string {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace?.trim();
  return namespace === undefined || namespace === '' ? 'default' : namespace;
}

function addressOf(server: string, path: string, query: Query = {}): URL {
  const url = new URL(server.replace(/\/$/, '') + path);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

async function faultOf(response: {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}): Promise<ApiFault> {
  const text = (await response.text()).slice(0, maxFaultChars);
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  return statusFault(response.status, parsed(text), retryAfterMs);
}

/** A fault from a `Status` object, which a refused request and an ERROR event of a watch contain. */
export function statusFault(status: number, said: unknown, retryAfterMs?: number): ApiFault {
  const record = isRecord(said) ? said : {};
  const reason = textOf(record['reason']) ?? 'Unknown';
  const message = textOf(record['message']) ?? `the API server answered ${status}`;
  return new ApiFault(status, reason, message, retryAfterMs);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The failure as `ApiFault`. If a rotation may have caused it, the configuration is read again. */
function toFault(fault: unknown, reload: () => void): ApiFault {
  if (fault instanceof ApiFault) {
    if (fault.status === 401) reload();
    return fault;
  }
  reload();
  if (!(fault instanceof Error)) return new ApiFault(0, 'Unreachable', 'the API server cannot be reached');
  const cause = fault.cause instanceof Error ? `${fault.message}: ${fault.cause.message}` : fault.message;
  return new ApiFault(0, 'Unreachable', `the API server cannot be reached (${cause})`);
}

async function eachLine(
  body: AsyncIterable<Uint8Array> | null,
  onLine: (line: string) => void,
  onBytes: () => void,
): Promise<void> {
  if (body === null) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    onBytes();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxEventChars)
      throw new ApiFault(0, 'TooLong', `an event has more than ${maxEventChars} characters`);
    for (const line of lines) if (line !== '') onLine(line);
  }
}
