/**
 * `subscriptions/listen` of 2026-07-28: the changes a client asked to be told of, from all upstreams, on the stream of its
 * request, stamped with the request's id (patterns/subscriptions; protocol.md B8). After any loss the client asks anew.
 */
import { inwardUri } from '../aggregate/uris.ts';
import { GatewayError } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { readServerMessage } from '../protocol/envelope.ts';
import { metaKey } from '../protocol/modern.ts';
import { rawOf, textOf } from '../protocol/scan.ts';
import { setMember, splice } from '../protocol/splice.ts';
import { encodeEvent } from '../protocol/sse.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import type { OutletOwner } from './downstream/outlet.ts';
import type { RawHeaders } from './forward.ts';
import { maxSubscribedUris } from './limits.ts';
import { Listener, type Listened, type ListenerHost } from './listener.ts';
import type { Link } from './upstream/adapter.ts';
import type { Upstream } from './upstream/upstream.ts';
import { watchedTasks, type WatchedTasks } from './watched-tasks.ts';

/** What a client may ask for beside resources → the notification it gets. */
const lists = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
} as const;
const updated = 'notifications/resources/updated';

const listsChanged =
  serverCapability.toolsListChanged | serverCapability.promptsListChanged | serverCapability.resourcesListChanged;

export interface SubscriptionHost extends ListenerHost {
  unsubscribed(subscription: Subscription): void;
}

/** What was asked for and will be told. */
interface Honoured {
  readonly methods: ReadonlySet<string>;
  /** The URIs as the client wrote them, and as their upstreams know them. */
  readonly uris: readonly string[];
  readonly watched: ReadonlyMap<Upstream, readonly string[]>;
  readonly asked: Readonly<Record<string, true>>;
  readonly tasks: WatchedTasks;
}

export class Subscription implements Listened, OutletOwner {
  readonly client: Client;
  readonly host: SubscriptionHost;
  readonly rawHeaders: RawHeaders;
  isFull = false;
  readonly #call: Call;
  readonly #honoured: Honoured;
  readonly #listeners = new Map<Upstream, Listener>();
  #over = false;

  /** Throws `params_invalid` for what is no filter. */
  constructor(host: SubscriptionHost, call: Call, upstreams: readonly Upstream[]) {
    this.host = host;
    this.client = call.client;
    this.rawHeaders = call.rawHeaders;
    this.#call = call;
    this.#honoured = honouredOf(call, upstreams);
    call.outlet.owner = this;
  }

  /** The acknowledgement comes before anything else. */
  start(upstreams: readonly Upstream[]): void {
    const { asked, uris, tasks } = this.#honoured;
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
    this.#send(Buffer.from(JSON.stringify(acknowledged)));
    for (const upstream of upstreams) this.join(upstream);
  }

  join(upstream: Upstream): void {
    if (this.#over || upstream.noListening || this.#listeners.has(upstream)) return;
    const link = this.client.links.peek(upstream);
    const watches = this.#honoured.watched.get(upstream) ?? [];
    const tasks = this.#honoured.tasks.byUpstream.get(upstream);
    const tells = ((link?.capabilities ?? 0) & listsChanged) !== 0 || watches.length > 0 || tasks !== undefined;
    if (link === undefined || !tells) return;
    const listener = new Listener(this, { ...link, watches, ...(tasks === undefined ? {} : { tasks }) }, undefined);
    this.#listeners.set(upstream, listener);
    listener.connect();
  }

  /** A change of the gateway's own. */
  announce(method: string): void {
    if (this.#honoured.methods.has(method)) this.#send(Buffer.from(`{"jsonrpc":"2.0","method":"${method}"}`));
  }

  /** A session tells each change once, on whichever of its streams, and this subscription is not the only one who listens to it. */
  overheard(link: Link, method: string): void {
    if (this.#listeners.get(link.upstream)?.isBeside(link) === true) this.announce(method);
  }

  write(body: Buffer, upstream: Upstream): void {
    const { method, params } = readServerMessage(body);
    const { methods, watched, tasks } = this.#honoured;
    const task = method === 'notifications/tasks' ? params?.member('taskId') : undefined;
    const isTask = task?.kind === 'string' && tasks.ids.has(textOf(body, task));
    if (isTask || methods.has(method) || (method === updated && watched.has(upstream))) this.#send(body);
  }

  prime(): void {}
  forget(): void {}

  leave(upstream: Upstream): void {
    this.#listeners.delete(upstream);
  }

  onDrain(): void {
    this.isFull = false;
    for (const listener of this.#listeners.values()) listener.resume();
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
    if (this.#over) return;
    if (this.#call.outlet.events(encodeEvent(stamped(body, this.#call.message.id!)))) return;
    this.isFull = true;
    for (const listener of this.#listeners.values()) listener.pause();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    for (const listener of this.#listeners.values()) listener.stop();
    this.#listeners.clear();
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

function honouredOf({ message, client, said }: Call, upstreams: readonly Upstream[]): Honoured {
  const found = message.params?.member('notifications');
  if (found?.kind !== 'object') throw new GatewayError('params_invalid', 'notifications is no object');
  const filter = JSON.parse(rawOf(message.bytes, found)) as Readonly<Record<string, unknown>>;
  const methods = new Set<string>();
  const asked: Record<string, true> = {};
  for (const [name, method] of Object.entries(lists)) {
    if (filter[name] !== true) continue;
    methods.add(method);
    asked[name] = true;
  }
  const wanted: unknown = filter['resourceSubscriptions'] ?? [];
  if (!Array.isArray(wanted) || wanted.length > maxSubscribedUris)
    throw new GatewayError('params_invalid', 'resourceSubscriptions');
  const byScheme = new Map(upstreams.map((upstream) => [upstream.config.scheme, upstream]));
  const watched = new Map<Upstream, string[]>();
  const uris: string[] = [];
  for (const uri of wanted) {
    const known = typeof uri === 'string' ? inwardUri(uri, byScheme) : undefined;
    const link = known === undefined ? undefined : client.links.peek(known.upstream);
    // An upstream with sessions would have to be asked by a request of its own, which is not done yet.
    if (
      known === undefined ||
      link?.mirrors !== true ||
      (link.capabilities & serverCapability.resourcesSubscribe) === 0
    )
      continue;
    uris.push(String(uri));
    watched.set(known.upstream, [...(watched.get(known.upstream) ?? []), known.uri]);
  }
  const tasks = watchedTasks(client, said?.capabilities ?? 0, filter['taskIds'], upstreams);
  return { methods, uris, watched, asked, tasks };
}
