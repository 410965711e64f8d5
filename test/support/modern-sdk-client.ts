/** A real client of 2026-07-28 and nothing older: the SDK's `Client`, which answers what it is asked and sends the next round itself. */
import type {
  ClientCapabilities,
  CreateMessageRequest,
  CreateMessageResult,
  ElicitRequest,
  ElicitResult,
  FetchLike,
  Root,
} from '@modelcontextprotocol/client';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { closedAtTheEnd } from './started.ts';

export interface ModernClientOptions {
  /** Answers elicitation; the capability is declared when given. */
  readonly elicit?: (params: ElicitRequest['params']) => ElicitResult | Promise<ElicitResult>;
  /** Answers sampling; the capability is declared when given. */
  readonly sample?: (params: CreateMessageRequest['params']) => CreateMessageResult | Promise<CreateMessageResult>;
  /** The capability is declared when given. */
  readonly roots?: readonly Root[];
  /** Further capabilities, such as `extensions`. */
  readonly capabilities?: ClientCapabilities;
  readonly headers?: Readonly<Record<string, string>>;
  /** Such as that of rotating.ts. */
  readonly fetch?: FetchLike;
}

/** Connects, which is a `server/discover`. Throws what the SDK throws when that offers no 2026-07-28. */
export async function modernSdkClient(url: string, options: ModernClientOptions = {}): Promise<Client> {
  const { elicit, sample, roots, fetch } = options;
  const capabilities: ClientCapabilities = {
    ...(elicit === undefined ? {} : { elicitation: { form: {}, url: {} } }),
    ...(sample === undefined ? {} : { sampling: {} }),
    ...(roots === undefined ? {} : { roots: {} }),
    ...options.capabilities,
  };
  const client = new Client(
    { name: 'kit-client', version: '2.0.0' },
    { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  if (elicit !== undefined) client.setRequestHandler('elicitation/create', ({ params }) => elicit(params));
  if (sample !== undefined) client.setRequestHandler('sampling/createMessage', ({ params }) => sample(params));
  if (roots !== undefined) client.setRequestHandler('roots/list', () => ({ roots: [...roots] }));
  closedAtTheEnd(() => client.close());
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { ...options.headers } },
    ...(fetch === undefined ? {} : { fetch }),
  });
  await client.connect(transport);
  return client;
}
