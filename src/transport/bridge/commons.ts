/**
 * One running server and the sessions that share it, until one session gets it alone (the heir). Each request gets an id and a
 * progress token of its own, so ids of different sessions never collide. A message of the server reaches a session only if it
 * provably belongs to it. A message whose recipient is unknown is dropped and counted.
 */
import { randomBytes } from 'node:crypto';
import { errorBody, GatewayError } from '../../errors.ts';
import { readClientMessage, type Message } from '../../protocol/envelope.ts';
import type { Found } from '../../protocol/scan.ts';
import { rawOf } from '../../protocol/scan.ts';
import { splice, type Edit } from '../../protocol/splice.ts';
import type { Offer } from './greetings.ts';
import { answeredTooLarge } from './oversized.ts';
import type { RunningServer, ServerOwner } from './running-server.ts';
import { oneLine, StartedServer, type ServerUser, type StartDeps } from './started-server.ts';

/** A session that uses the server, as this class sees it. Ids are raw JSON text. */
export interface Guest {
  /** The answer to its request, under the id that the session used. */
  answered(id: string, answer: Buffer | string): void;
  /** A message that belongs to one of its requests. */
  about(id: string, message: Buffer): void;
  /** A message about the whole server. */
  told(message: Buffer): void;
  ended(fault: GatewayError): void;
}

interface Pending {
  readonly guest: Guest;
  readonly id: string;
  /** The progress token of the original request, if it has one. */
  readonly token: string | undefined;
}

const listChanges: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
]);

const nobody: Guest = { answered: () => {}, about: () => {}, told: () => {}, ended: () => {} };

export class Commons implements ServerUser {
  readonly server: StartedServer;
  readonly guests = new Set<Guest>();
  /** The server has sent a request when it had no client. Its state has changed, so no session can inherit it. */
  hasAsked = false;
  heir: ServerUser | undefined;

  readonly #onDropped: (method: string) => void;
  /** Keyed by the id that the server sees. No client can guess the random prefix of that id. */
  readonly #pending = new Map<string, Pending>();
  /** Watched resources: URI as raw JSON text, and the guests that are notified. */
  readonly #watchers = new Map<string, Set<Guest>>();
  readonly #prefix = randomBytes(8).toString('hex');
  #count = 0;

  constructor(
    open: (owner: ServerOwner) => RunningServer,
    offer: Offer,
    deps: StartDeps & { readonly onDropped: (method: string) => void },
  ) {
    this.#onDropped = deps.onDropped;
    this.server = new StartedServer(open, offer, this, deps);
  }

  /** The number of calls in progress of the sessions that share it. */
  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /**
   * Sends a request of one of the sessions. Rejects like `RunningServer.send`. Requires that the server has answered
   * `initialize`.
   */
  async call(guest: Guest, message: Message): Promise<void> {
    this.#count += 1;
    const id = `"${this.#prefix}-${this.#count}"`;
    const token = message.params?.member('_meta')?.member('progressToken');
    const raw = token === undefined ? undefined : rawOf(message.bytes, token);
    const edits = [edit(message.root.member('id'), id), edit(token, id)];
    this.#pending.set(id, { guest, id: message.id ?? 'null', token: raw });
    if (guest !== nobody) this.guests.add(guest);
    this.#watch(guest, message);
    try {
      await this.server.send(oneLine(spliced(message.bytes, edits)));
    } catch (fault) {
      this.#pending.delete(id);
      throw fault;
    }
  }

  /** Sends a request of the bridge itself, whose answer is ignored. */
  say(method: string, params: string): void {
    const text = `{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)},"params":${params}}`;
    this.call(nobody, readClientMessage(Buffer.from(text))).catch(() => {});
  }

  /** The guest no longer waits for one of its requests. The server is notified. */
  cancel(guest: Guest, id: string): void {
    for (const [own, pending] of this.#pending) if (pending.guest === guest && pending.id === id) this.#cancel(own);
  }

  /** Removes the guest with its pending requests and its watched resources. */
  leave(guest: Guest): void {
    this.guests.delete(guest);
    for (const [own, pending] of this.#pending) if (pending.guest === guest) this.#cancel(own);
    for (const [uri, watchers] of this.#watchers) {
      if (!watchers.delete(guest) || watchers.size > 0) continue;
      this.#watchers.delete(uri);
      this.say('resources/unsubscribe', `{"uri":${uri}}`);
    }
  }

  /**
   * Whether another guest still watches the resource that this guest unsubscribes from. If so, the server must not see the
   * request.
   */
  unwatch(guest: Guest, message: Message): boolean {
    const uri = message.params?.member('uri');
    const watchers = uri === undefined ? undefined : this.#watchers.get(rawOf(message.bytes, uri));
    if (watchers === undefined) return false;
    watchers.delete(guest);
    return watchers.size > 0;
  }

  receive(message: Message): void {
    const own = message.kind === 'response' && message.id !== undefined ? this.#pending.get(message.id) : undefined;
    if (own !== undefined) {
      this.#pending.delete(message.id!);
      own.guest.answered(own.id, spliced(message.bytes, [edit(message.root.member('id'), own.id)]));
    } else if (this.#progress(message)) return;
    else if (this.heir !== undefined) this.heir.receive(message);
    else if (message.kind === 'request') this.#asked(message);
    else if (message.kind === 'notification') this.#notify(message);
    else this.#onDropped('response');
  }

  oversized(head: Buffer, tail: Buffer): void {
    const id = answeredTooLarge(this.#pending.keys(), head, tail);
    const own = id === undefined ? undefined : this.#pending.get(id);
    if (own === undefined) {
      this.heir?.oversized(head, tail);
      return;
    }
    this.#pending.delete(id!);
    own.guest.answered(own.id, errorBody(new GatewayError('upstream_malformed', 'too large'), own.id));
  }

  ended(fault: GatewayError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { guest, id } of pending) guest.answered(id, errorBody(fault, id));
    const guests = [...this.guests];
    this.guests.clear();
    for (const guest of guests) guest.ended(fault);
    this.heir?.ended(fault);
  }

  /** Whether the message is progress of one of the requests here. If so, it is delivered. */
  #progress(message: Message): boolean {
    if (message.method !== 'notifications/progress') return false;
    const token = message.params?.member('progressToken');
    const own = token === undefined ? undefined : this.#pending.get(rawOf(message.bytes, token));
    if (own?.token === undefined) return false;
    own.guest.about(own.id, spliced(message.bytes, [edit(token, own.token)]));
    return true;
  }

  #asked(request: Message): void {
    if (request.method !== 'ping') this.hasAsked = true;
    this.server.answerForNobody(request);
  }

  #notify(message: Message): void {
    const { method, bytes } = message;
    if (listChanges.has(method)) {
      for (const guest of this.guests) guest.told(bytes);
      return;
    }
    if (method === 'notifications/resources/updated') {
      const uri = message.params?.member('uri');
      for (const guest of this.#watchers.get(uri === undefined ? '' : rawOf(bytes, uri)) ?? []) guest.told(bytes);
      return;
    }
    const [only] = this.#pending.values();
    // Progress with an unknown token is never delivered, even when there is only one guest.
    if (only === undefined || this.#pending.size > 1 || method === 'notifications/progress') this.#onDropped(method);
    else only.guest.about(only.id, bytes);
  }

  #watch(guest: Guest, message: Message): void {
    const uri = message.method === 'resources/subscribe' ? message.params?.member('uri') : undefined;
    if (uri === undefined) return;
    const raw = rawOf(message.bytes, uri);
    this.#watchers.set(raw, (this.#watchers.get(raw) ?? new Set()).add(guest));
  }

  #cancel(own: string): void {
    this.#pending.delete(own);
    const text = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${own}}}`;
    this.server.send(Buffer.from(text)).catch(() => {});
  }
}

function edit(found: Found | undefined, text: string): Edit | undefined {
  return found === undefined ? undefined : { start: found.start, end: found.end, text };
}

function spliced(bytes: Buffer, edits: readonly (Edit | undefined)[]): Buffer {
  return splice(
    bytes,
    edits.filter((each) => each !== undefined).sort((one, other) => one.start - other.start),
  );
}
