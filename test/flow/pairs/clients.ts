/** The SDK's own client of each era, behind what the flows need of it: every request of it goes to the next replica. */
import type { LoggingLevel, Progress } from '@modelcontextprotocol/client';
import {
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { modernSdkClient } from '../../support/modern-sdk-client.ts';
import { answering } from '../../support/questions.ts';
import { rotating } from '../../support/rotating.ts';
import { sdkClient } from '../../support/sdk-client.ts';

export type Json = Readonly<Record<string, unknown>>;
export type ListMethod = 'tools/list' | 'prompts/list' | 'resources/list' | 'resources/templates/list';
type Ref = { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string };

interface CallOptions {
  readonly onprogress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** What has reached a client outside of results, in order. */
interface Heard {
  /** `notifications/message`. */
  readonly lines: unknown[];
  /** URIs of `notifications/resources/updated`. */
  readonly updated: string[];
  /** How often `notifications/tools/list_changed` came. */
  toolChanges: number;
}

export interface PairClient {
  readonly heard: Heard;
  /** Which replica got each request until now. */
  readonly turns: readonly string[];
  /** One page as it came, with cursor and hints. */
  page(method: ListMethod, cursor?: string): Promise<Json>;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Json>;
  prompt(name: string, args: Record<string, string>): Promise<Json>;
  read(uri: string): Promise<Json>;
  complete(ref: Ref, argument: { name: string; value: string }): Promise<Json>;
  /** Wants log messages of this level and graver ones from now on. */
  logFrom(level: LoggingLevel): Promise<void>;
  /** Wants to be told that lists of tools have changed: a session's client always is. */
  listenToTools(): Promise<void>;
  /** Wants to be told of the resource. Gives what takes that back. */
  watch(uri: string): Promise<() => Promise<unknown>>;
}

export type Connect = (urls: readonly string[]) => Promise<PairClient>;

/** A client of 2025-11-25, of the first SDK. */
export async function legacyClient(urls: readonly string[]): Promise<PairClient> {
  const { fetch, turns } = rotating(urls);
  const { client } = await sdkClient(urls[0]!, { ...answering, transport: { fetch } });
  const heard: Heard = { lines: [], updated: [], toolChanges: 0 };
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.lines.push(params));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.updated.push(params.uri));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (heard.toolChanges += 1));
  return {
    heard,
    turns,
    page: (method, cursor) => client.request({ method, params: cursor === undefined ? {} : { cursor } }, ResultSchema),
    call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
    read: (uri) => client.readResource({ uri }),
    complete: (ref, argument) => client.complete({ ref, argument }),
    logFrom: async (level) => void (await client.setLoggingLevel(level)),
    // Nothing is to be asked for, but the stream is opened behind the client's back.
    listenToTools: () => Promise.resolve(),
    watch: async (uri) => {
      await client.subscribeResource({ uri });
      return () => client.unsubscribeResource({ uri });
    },
  };
}

/** A client of 2026-07-28, of the second SDK. */
export async function modernClient(urls: readonly string[]): Promise<PairClient> {
  const { fetch, turns } = rotating(urls);
  const client = await modernSdkClient(urls[0]!, { ...answering, fetch });
  const heard: Heard = { lines: [], updated: [], toolChanges: 0 };
  client.setNotificationHandler('notifications/message', ({ params }) => void heard.lines.push(params));
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.updated.push(params.uri));
  client.setNotificationHandler('notifications/tools/list_changed', () => void (heard.toolChanges += 1));
  let meta = {};
  return {
    heard,
    turns,
    page: (method, cursor) => client.request({ method, params: cursor === undefined ? {} : { cursor } }),
    call: (name, args = {}, options = {}) => client.callTool({ name, arguments: args, _meta: meta }, options),
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
    read: (uri) => client.readResource({ uri }, { cacheMode: 'bypass' }),
    complete: (ref, argument) => client.complete({ ref, argument }),
    logFrom: (level) => {
      meta = { 'io.modelcontextprotocol/logLevel': level };
      return Promise.resolve();
    },
    listenToTools: async () => void (await client.listen({ toolsListChanged: true })),
    watch: async (uri) => {
      const subscription = await client.listen({ resourceSubscriptions: [uri] });
      return () => subscription.close();
    },
  };
}
