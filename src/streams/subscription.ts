/**
 * `subscriptions/listen` of 2026-07-28: the changes a client asked to be told of, from all upstreams, on the stream of its
 * request, stamped with the request's id (patterns/subscriptions; protocol.md B8). After any loss the client asks anew.
 */
import { inwardUri } from '../aggregate/uris.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { readServerMessage } from '../protocol/envelope.ts';
import { metaKey } from '../protocol/modern.ts';
import { readFilter } from '../protocol/subscription-filter.ts';
import { textOf } from '../protocol/scan.ts';
import { setMember, splice } from '../protocol/splice.ts';
import { encodeEvent } from '../protocol/sse.ts';
import type { Call } from '../clients/call.ts';
import type { Client } from '../clients/client.ts';
import type { OutletOwner } from '../transport/downstream/outlet.ts';
import type { RawHeaders } from '../transport/upstream/credentials.ts';
import { maxSubscribedTasks, maxSubscribedUris } from '../transport/http/limits.ts';
import { Listener, type Listened, type ListenerHost } from './upstream-listener.ts';
import type { Link } from '../transport/upstream/adapter.ts';
import type { LinkOpener } from '../transport/upstream/opener.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { WatchedSession, type Resource, type WatchingOwner } from './watched-session.ts';
import { watchedTasks, type WatchedTasks } from './watched-tasks.ts';

/** What a client may ask for beside resources → the notification it gets. */
const lists = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
} as const;
const listNames = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'] as const;
const updated = 'notifications/resources/updated';

const listsChanged =
  serverCapability.toolsListChanged | serverCapability.promptsListChanged | serverCapability.resourcesListChanged;

export interface SubscriptionHost extends ListenerHost {
  readonly opener: LinkOpener;
  unsubscribed(subscription: Subscription): void;
}

/** What was asked for and can be told, if the upstreams can tell it. */
interface Filter {
  readonly methods: ReadonlySet<string>;
  readonly resources: ReadonlyMap<Upstream, readonly Resource[]>;
  readonly asked: Readonly<Record<string, true>>;
  readonly tasks: WatchedTasks;
}

export class Subscription implements Listened, OutletOwner, WatchingOwner {
  readonly client: Client;
  readonly host: SubscriptionHost;
  readonly rawHeaders: RawHeaders;
  isFull = false;
  readonly #call: Call;
  readonly #filter: Filter;
  readonly #upstreams: readonly Upstream[];
  /** What is told of by upstreams without sessions, in the listener's own subscription there. */
  readonly #watches = new Map<Upstream, readonly Resource[]>();
  readonly #sessions = new Map<Upstream, WatchedSession>();
  readonly #listeners = new Map<Upstream, Listener>();
  #acknowledged = false;
  #started: Promise<void> | undefined;
  #over = false;

  /** Throws `params_invalid` for what is no filter. */
  constructor(host: SubscriptionHost, call: Call, upstreams: readonly Upstream[]) {
    this.host = host;
    this.client = call.client;
    this.rawHeaders = call.rawHeaders;
    this.#call = call;
    this.#filter = filterOf(call, upstreams);
    this.#upstreams = upstreams;
    call.outlet.owner = this;
  }

  start(): void {
    this.#started = this.#start();
  }

  /** The acknowledgement comes before anything else, and names what the upstreams have agreed to. */
  async #start(): Promise<void> {
    this.#call.outlet.stream();
    const agreed = await Promise.all(this.#upstreams.map((upstream) => this.#watch(upstream)));
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
    for (const upstream of this.#upstreams) this.#join(upstream);
  }

  /** An upstream that was down or unknown is there: what was asked of it is told from now on. */
  async returned(upstream: Upstream): Promise<void> {
    try {
      await this.client.links.ensure(upstream, this.rawHeaders);
    } catch {
      // Gone again; it is looked for.
      return;
    }
    await this.#started;
    await this.#watch(upstream);
    this.#join(upstream);
  }

  /** What of the resources of an upstream is told from now on. */
  async #watch(upstream: Upstream): Promise<readonly Resource[]> {
    const resources = this.#filter.resources.get(upstream);
    const link = this.client.links.peek(upstream);
    if (this.#over || resources === undefined || link === undefined) return [];
    if ((link.capabilities & serverCapability.resourcesSubscribe) === 0) return [];
    if (link.mirrors) {
      this.#watches.set(upstream, resources);
      return resources;
    }
    if (link.sessionId === undefined || !upstream.mayStream(link) || this.#sessions.has(upstream)) return [];
    const session = new WatchedSession(this, upstream, resources);
    this.#sessions.set(upstream, session);
    const agreed = await session.begin();
    if (agreed.length === 0) this.#sessions.delete(upstream);
    return agreed;
  }

  #join(upstream: Upstream): void {
    if (this.#over || this.#listeners.has(upstream)) return;
    const link = this.client.links.peek(upstream);
    const watches = (this.#watches.get(upstream) ?? []).map(({ inward }) => inward);
    const tasks = this.#filter.tasks.byUpstream.get(upstream);
    const tells = ((link?.capabilities ?? 0) & listsChanged) !== 0 || watches.length > 0 || tasks !== undefined;
    if (link === undefined || !upstream.mayStream(link) || !tells) return;
    const listener = new Listener(this, { ...link, watches, ...(tasks === undefined ? {} : { tasks }) }, undefined);
    this.#listeners.set(upstream, listener);
    listener.connect();
  }

  /** A change of the gateway's own. */
  announce(method: string): void {
    if (this.#filter.methods.has(method)) this.#send(Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`));
  }

  /** A session tells each change once, on whichever of its streams, and this subscription is not the only one who listens to it. */
  overheard(link: Link, method: string): void {
    if (this.#listeners.get(link.upstream)?.isBeside(link) === true) this.announce(method);
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

  renew(lost: Link): Promise<Link> {
    return this.client.links.renew(lost.upstream, lost, this.rawHeaders);
  }

  prime(): void {}
  forget(): void {}

  leave(upstream: Upstream, listener: Listener): void {
    if (this.#listeners.get(upstream) === listener) this.#listeners.delete(upstream);
  }

  onDrain(): void {
    this.isFull = false;
    for (const listener of [...this.#listeners.values(), ...this.#sessions.values()]) listener.resume();
  }

  onGone(): void {
    this.#close();
  }

  /** Ends it from this side, in good order: the client asks anew, wherever it likes. */
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
    // What changes before the acknowledgement is none of what it promises.
    if (this.#over || !this.#acknowledged) return;
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

function filterOf({ message, client, said }: Call, upstreams: readonly Upstream[]): Filter {
  const filter = readFilter(message, { uris: maxSubscribedUris, tasks: maxSubscribedTasks });
  const methods = new Set<string>();
  const asked: Record<string, true> = {};
  for (const name of listNames) {
    if (!filter[name]) continue;
    methods.add(lists[name]);
    asked[name] = true;
  }
  const byScheme = new Map(upstreams.map((upstream) => [upstream.config.scheme, upstream]));
  const resources = new Map<Upstream, Resource[]>();
  for (const outward of filter.resourceSubscriptions) {
    const known = inwardUri(outward, byScheme);
    if (known === undefined) continue;
    const { upstream, uri: inward } = known;
    resources.set(upstream, [...(resources.get(upstream) ?? []), { outward, inward }]);
  }
  const tasks = watchedTasks(client, said?.capabilities ?? 0, filter.taskIds, upstreams);
  return { methods, resources, asked, tasks };
}
