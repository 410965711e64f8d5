/** A real client of the session era: the SDK's `Client` on its Streamable HTTP transport. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { StreamableHTTPClientTransportOptions } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type {
  ClientCapabilities,
  CreateMessageRequest,
  CreateMessageResult,
  ElicitRequest,
  ElicitResult,
  Root,
} from '@modelcontextprotocol/sdk/types.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { closedAtTheEnd } from './started.ts';

export interface ClientOptions {
  readonly name?: string;
  /** Answers elicitation; the capability is declared when given. */
  readonly elicit?: (params: ElicitRequest['params']) => ElicitResult | Promise<ElicitResult>;
  /** Answers sampling; the capability is declared when given. */
  readonly sample?: (params: CreateMessageRequest['params']) => CreateMessageResult | Promise<CreateMessageResult>;
  /** The capability is declared when given. */
  readonly roots?: readonly Root[];
  /** Further capabilities, such as `experimental`. */
  readonly capabilities?: ClientCapabilities;
  /** Headers of every request, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further options of the transport, such as `sessionId` or `reconnectionOptions`. */
  readonly transport?: StreamableHTTPClientTransportOptions;
}

export interface ConnectedClient {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** Faults that the transport reported and carried on from. */
  readonly faults: readonly Error[];
  /** Closes the connection; the session stays, unless `transport.terminateSession()` ended it before. */
  readonly close: () => Promise<void>;
}

/** Connects, with the whole `initialize` handshake. Throws what the SDK throws when that fails. */
export async function sdkClient(url: string, options: ClientOptions = {}): Promise<ConnectedClient> {
  const { elicit, sample, roots } = options;
  const capabilities: ClientCapabilities = {
    ...(elicit === undefined ? {} : { elicitation: { form: {}, url: {} } }),
    ...(sample === undefined ? {} : { sampling: {} }),
    ...(roots === undefined ? {} : { roots: { listChanged: true } }),
    ...options.capabilities,
  };
  const client = new Client({ name: options.name ?? 'kit-client', version: '1.0.0' }, { capabilities });
  if (elicit !== undefined) client.setRequestHandler(ElicitRequestSchema, ({ params }) => elicit(params));
  if (sample !== undefined) client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => sample(params));
  if (roots !== undefined) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [...roots] }));
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    ...options.transport,
    requestInit: { ...options.transport?.requestInit, headers: { ...options.headers } },
  });
  const faults: Error[] = [];
  client.onerror = (fault) => void faults.push(fault);
  const close = closedAtTheEnd(() => client.close());
  await client.connect(transport);
  return { client, transport, faults, close };
}
