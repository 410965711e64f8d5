/**
 * One running server and the sessions that use it together, until one has it for itself (its heir). Nobody's ids meet: each
 * request gets an id and a progress token of its own. What the server says reaches a session only when it is provably that
 * session's; what cannot be told is dropped and counted.
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

/** A session as the server's other users see it. Ids are raw JSON text. */
export interface Guest {
  /** The answer to its request, under the id that it gave. */
  answered(id: string, answer: Buffer | string): void;
  /** Something that belongs to its request. */
  about(id: string, message: Buffer): void;
  /** Something about the whole server. */
  told(message: Buffer): void;
  ended(fault: GatewayError): void;
}

interface Pending {
  readonly guest: Guest;
  readonly id: string;
  /** The request's own progress token, where it has one. */
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
  /** The server has asked its client something while it had none: it is not as it began, and nobody inherits it. */
  hasAsked = false;
  heir: ServerUser | undefined;

  readonly #onDropped: (method: string) => void;
  /** By the id that the server knows; no client can guess the first half of it. */
  readonly #pending = new Map<string, Pending>();
  /** URIs as raw JSON text, and who is told of them. */
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

  /** Calls under way of sessions that share it. */
  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /** A request of one of several. Rejects as `RunningServer.send`. The server has greeted. */
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

  /** A request of the bridge's own, whose answer interests nobody. */
  say(method: string, params: string): void {
    const text = `{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)},"params":${params}}`;
    this.call(nobody, readClientMessage(Buffer.from(text))).catch(() => {});
  }

  /** The guest waits no longer for one of its requests; the server is told. */
  cancel(guest: Guest, id: string): void {
    for (const [own, pending] of this.#pending) if (pending.guest === guest && pending.id === id) this.#cancel(own);
  }

  /** The guest is gone, and with it what it waits for and watches. */
  leave(guest: Guest): void {
    this.guests.delete(guest);
    for (const [own, pending] of this.#pending) if (pending.guest === guest) this.#cancel(own);
    for (const [uri, watchers] of this.#watchers) {
      if (!watchers.delete(guest) || watchers.size > 0) continue;
      this.#watchers.delete(uri);
      this.say('resources/unsubscribe', `{"uri":${uri}}`);
    }
  }

  /** Whether another guest still watches what this one has had enough of: then the server must not hear of it. */
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

  /** Whether it is the progress of one of the requests here. */
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
    // Progress with another token is nobody's, whoever is the only one here.
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
