/**
 * `subscriptions/listen` of 2026-07-28: the notifications that a client asked for, from all upstreams, on the stream of its
 * request. Each carries the request's id (2026-07-28 basic/patterns/subscriptions). After any loss the client asks again.
 */
import { inwardUri } from '../aggregate/uris.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { readServerMessage } from '../protocol/envelope.ts';
import { metaKey } from '../protocol/modern.ts';
import { textOf } from '../protocol/scan.ts';
import { readFilter } from '../protocol/subscription-filter.ts';
import { setMember, splice } from '../protocol/splice.ts';
import { encodeEvent } from '../protocol/sse.ts';
import type { Call } from '../clients/call.ts';
import type { Client } from '../clients/client.ts';
import type { StreamOwner } from '../transport/http/event-stream.ts';
import { acknowledgingMs, maxEarlyMessages, maxSubscribedTasks, maxSubscribedUris } from '../transport/http/limits.ts';
import { settledWithin } from '../transport/http/deadline.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { SessionOpener } from '../transport/upstream/opener.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import type { StreamHost } from './host.ts';
import { UpstreamListener, type Listened } from './upstream-listener.ts';
import { WatchedSession, type Resource, type WatchingOwner } from './watched-session.ts';
import { watchedTasks, type WatchedTasks } from './watched-tasks.ts';

/** What a client may ask for besides resources → the notification that it gets. */
const lists = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
} as const;
const listNames = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'] as const;
const updated = 'notifications/resources/updated';

const listsChanged =
  serverCapability.toolsListChanged | serverCapability.promptsListChanged | serverCapability.resourcesListChanged;

export interface SubscriptionHost extends StreamHost {
  readonly opener: SessionOpener;
  unsubscribed(subscription: Subscription): void;
  /** Whether the caller gets this upstream at all. */
  reaches(caller: Caller, upstream: Upstream): boolean;
  /** Whether the caller may read this resource, by the upstream's own URI. */
  mayWatch(caller: Caller, upstream: Upstream, uri: string): boolean;
}

/** The parts of the filter that the gateway supports, as far as the upstreams do. */
interface Filter {
  readonly methods: ReadonlySet<string>;
  readonly resources: ReadonlyMap<Upstream, readonly Resource[]>;
  readonly asked: Readonly<Record<string, true>>;
  readonly tasks: WatchedTasks;
}

export class Subscription implements Listened, StreamOwner, WatchingOwner {
  readonly client: Client;
  readonly host: SubscriptionHost;
  readonly caller: Caller;
  isFull = false;
  readonly #call: Call;
  readonly #filter: Filter;
  readonly #upstreams: Upstreams;
  /** Listeners at upstreams without sessions, each with its own subscription there. */
  readonly #watches = new Map<Upstream, readonly Resource[]>();
  readonly #sessions = new Map<Upstream, WatchedSession>();
  readonly #listeners = new Map<Upstream, UpstreamListener>();
  #acknowledged = false;
  /** Notifications that came before the acknowledgement was sent. They wait, as it must be first. */
  #early: Buffer[] = [];
  #started: Promise<void> | undefined;
  #over = false;

  /** Throws `params_invalid` for an invalid filter. */
  constructor(host: SubscriptionHost, call: Call, upstreams: Upstreams) {
    this.host = host;
    this.client = call.client;
    this.caller = call.caller;
    this.#call = call;
    this.#filter = filterOf(call, upstreams, host);
    this.#upstreams = upstreams;
    call.outlet.owner = this;
  }

  start(): void {
    this.#started = this.#start();
  }

  /** The acknowledgement comes before anything else, and names what the upstreams have agreed to. */
  async #start(): Promise<void> {
    this.#call.outlet.stream();
    const agreed = await Promise.all(this.#upstreams.all.map((upstream) => this.#watch(upstream)));
    if (this.#over) return;
    // Every change after the acknowledgement is reported, so it waits for the upstreams, up to a limit.
    for (const upstream of this.#upstreams) this.#join(upstream);
    await settledWithin(
      Promise.all(Array.from(this.#listeners.values(), (listener) => listener.opened())),
      acknowledgingMs,
    );
    if (this.#over) return;
    const { asked, tasks } = this.#filter;
    const uris = agreed.flat().map(({ outward }) => outward);
    const notifications = {
      ...asked,
      ...(uris.length === 0 ? {} : { resourceSubscriptions: uris }),
      ...(tasks.ids.size === 0 ? {} : { taskIds: [...tasks.ids] }),
    };
    const acknowledged = {
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications },
    };
    this.#acknowledged = true;
    this.#send(Buffer.from(JSON.stringify(acknowledged)));
    for (const body of this.#early.splice(0)) this.#send(body);
  }

  /** An upstream that was down or unknown is available: its changes are reported from now on. */
  async returned(upstream: Upstream): Promise<void> {
    if (!this.host.reaches(this.caller, upstream)) return;
    try {
      await this.client.sessions.ensure(upstream, this.caller);
    } catch {
      // Down again; the probe looks for it.
      return;
    }
    await this.#started;
    await this.#watch(upstream);
    this.#join(upstream);
  }

  /** The upstream is no longer part of the route. */
  part(upstream: Upstream): void {
    for (const listening of [this.#listeners.get(upstream), this.#sessions.get(upstream)]) listening?.stop();
    this.#listeners.delete(upstream);
    this.#sessions.delete(upstream);
    this.#watches.delete(upstream);
  }

  /** The resources of an upstream that are reported from now on. */
  async #watch(upstream: Upstream): Promise<readonly Resource[]> {
    const resources = this.#filter.resources.get(upstream);
    const session = this.client.sessions.peek(upstream);
    if (this.#over || resources === undefined || session === undefined) return [];
    if (!session.has(serverCapability.resourcesSubscribe)) return [];
    if (session.streamKind === 'subscription') {
      this.#watches.set(upstream, resources);
      return resources;
    }
    if (!session.keepsSession || !upstream.mayStream(session) || this.#sessions.has(upstream)) return [];
    const watched = new WatchedSession(this, upstream, resources);
    this.#sessions.set(upstream, watched);
    const agreed = await watched.begin();
    if (agreed.length === 0) this.#sessions.delete(upstream);
    return agreed;
  }

  #join(upstream: Upstream): void {
    if (this.#over || this.#listeners.has(upstream) || !this.host.reaches(this.caller, upstream)) return;
    const session = this.client.sessions.peek(upstream);
    const uris = (this.#watches.get(upstream) ?? []).map(({ inward }) => inward);
    const tasks = this.#filter.tasks.byUpstream.get(upstream);
    // Servers with sessions send changes that they never declared (Python SDK 1.x). If one refuses the stream, that is remembered.
    const mayTell = session?.streamKind === 'get' || session?.has(listsChanged) === true;
    const tells = mayTell || uris.length > 0 || tasks !== undefined;
    if (session === undefined || !upstream.mayStream(session) || !tells) return;
    const listener = new UpstreamListener(this, session, { uris, tasks }, undefined);
    this.#listeners.set(upstream, listener);
    listener.connect();
  }

  /** A change in the gateway itself. */
  announce(method: string): void {
    if (this.#filter.methods.has(method)) this.#send(Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`));
  }

  /** An upstream session sends each change once, on any of its streams, and several subscriptions may listen to that session. */
  overheard(session: UpstreamSession, method: string, by: object | undefined): void {
    if (this.#listeners.get(session.upstream)?.isBeside(session, by) === true) this.announce(method);
  }

  write(body: Buffer, upstream: Upstream): void {
    const { method, params } = readServerMessage(body);
    const { methods, tasks } = this.#filter;
    const task = method === 'notifications/tasks' ? params?.member('taskId') : undefined;
    const isTask = task?.kind === 'string' && tasks.ids.has(textOf(body, task));
    if (isTask || methods.has(method) || (method === updated && this.#watches.has(upstream))) this.#send(body);
  }

  updated(body: Buffer): void {
    this.#send(body);
  }

  renew(lost: UpstreamSession): Promise<UpstreamSession> {
    return this.client.sessions.renew(lost, this.caller);
  }

  prime(): void {}
  forget(): void {}

  leave(upstream: Upstream, listener: UpstreamListener): void {
    if (this.#listeners.get(upstream) === listener) this.#listeners.delete(upstream);
  }

  onDrain(): void {
    this.isFull = false;
    for (const listener of [...this.#listeners.values(), ...this.#sessions.values()]) listener.resume();
  }

  onGone(): void {
    this.#close();
  }

  /** Ends it from this side with a result: the client asks again, at any replica. */
  end(): void {
    if (this.#over) return;
    const id = this.#call.message.id!;
    const meta = stamp(id);
    this.#call.outlet.finish(
      encodeEvent(`{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","_meta":${meta}}}`),
    );
    this.#close();
  }

  #send(body: Buffer): void {
    if (this.#over) return;
    if (!this.#acknowledged) {
      // Before the acknowledgement nothing is promised, so what exceeds the limit may be dropped.
      if (this.#early.length < maxEarlyMessages) this.#early.push(body);
      return;
    }
    if (this.#call.outlet.events(encodeEvent(stamped(body, this.#call.message.id!)))) return;
    this.isFull = true;
    for (const listener of [...this.#listeners.values(), ...this.#sessions.values()]) listener.pause();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    for (const listener of [...this.#listeners.values(), ...this.#sessions.values()]) listener.stop();
    this.#listeners.clear();
    this.#sessions.clear();
    this.host.unsubscribed(this);
  }
}

/** Every notification says which subscription it belongs to: the id of the listen request, its JSON type kept. */
function stamped(body: Buffer, id: string): Buffer {
  const { bytes, root, params } = readServerMessage(body);
  const member = stamp(id);
  const meta = params?.member('_meta');
  if (meta?.kind === 'object') return splice(bytes, [setMember(bytes, meta, metaKey.subscriptionId, id)]);
  if (params !== undefined) return splice(bytes, [setMember(bytes, params, '_meta', member)]);
  return splice(bytes, [setMember(bytes, root, 'params', `{"_meta":${member}}`)]);
}

/** `id` is raw JSON. */
function stamp(id: string): string {
  return `{"${metaKey.subscriptionId}":${id}}`;
}

function filterOf(
  { message, client, caller, said }: Call,
  upstreams: Upstreams,
  host: Pick<SubscriptionHost, 'mayWatch'>,
): Filter {
  const filter = readFilter(message, { uris: maxSubscribedUris, tasks: maxSubscribedTasks });
  const methods = new Set<string>();
  const asked: Record<string, true> = {};
  for (const name of listNames) {
    if (!filter[name]) continue;
    methods.add(lists[name]);
    asked[name] = true;
  }
  const resources = new Map<Upstream, Resource[]>();
  for (const outward of filter.resourceSubscriptions) {
    // With one upstream every URI is that upstream's.
    const bare = upstreams.only === undefined ? undefined : { upstream: upstreams.only, uri: outward };
    const known = inwardUri(outward, upstreams.byScheme) ?? bare;
    // A resource that the caller must not read is left out, like an unknown one.
    if (known === undefined || !host.mayWatch(caller, known.upstream, known.uri)) continue;
    const { upstream, uri: inward } = known;
    resources.set(upstream, [...(resources.get(upstream) ?? []), { outward, inward }]);
  }
  const tasks = watchedTasks(client, said?.capabilities ?? 0, filter.taskIds, upstreams);
  return { methods, resources, asked, tasks };
}
