/**
 * Which upstream a request is for. A prefixed name or URI says so itself; a bare one is looked up and must be unique; what
 * cannot be told from the parameters goes to the only upstream, if there is but one (protocol.md D3, D4; design.md §5).
 */
import { splitName } from '../aggregate/names.ts';
import type { InwardTarget } from '../aggregate/rewrite.ts';
import { decide } from '../aggregate/selectors.ts';
import { inwardUri } from '../aggregate/uris.ts';
import { GatewayError } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import { textOf, type Found } from '../protocol/scan.ts';
import { openTaskId } from '../session/request-id.ts';
import type { Client } from './client.ts';
import type { RawHeaders } from './forward.ts';
import type { Lists } from './lists.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface Routed {
  readonly upstream: Upstream;
  /** What the request calls its object there; undefined members stay as they are. */
  readonly target: InwardTarget;
}

const asItStands: InwardTarget = {};

export class Router {
  readonly #upstreams: readonly Upstream[];
  readonly #byId: ReadonlyMap<string, Upstream>;
  readonly #byScheme: ReadonlyMap<string, Upstream>;
  readonly #lists: Lists;

  constructor(upstreams: readonly Upstream[], lists: Lists) {
    this.#upstreams = upstreams;
    this.#byId = new Map(upstreams.map((upstream) => [upstream.config.id, upstream]));
    this.#byScheme = new Map(upstreams.map((upstream) => [upstream.config.scheme, upstream]));
    this.#lists = lists;
  }

  /** By `params.name`. Throws `tool_unknown` or `prompt_unknown`, alike for hidden, ambiguous and missing ones (T11). */
  named(client: Client, message: Message, list: 'tools' | 'prompts', rawHeaders: RawHeaders): Routed | Promise<Routed> {
    const name = text(message, message.params?.member('name'), 'name');
    const split = splitName(name, this.#byId);
    if (split !== undefined) {
      const upstream = this.#byId.get(split.id)!;
      if (decide(upstream.config, list === 'tools' ? 'tool' : 'prompt', split.name))
        return { upstream, target: { name: split.name } };
    }
    return this.#bareName(client, list, name, rawHeaders).then((upstream) => ({ upstream, target: asItStands }));
  }

  /** By `params.uri`. Throws `resource_unknown`. */
  resource(client: Client, message: Message, rawHeaders: RawHeaders): Routed | Promise<Routed> {
    const uri = text(message, message.params?.member('uri'), 'uri');
    const known = inwardUri(uri, this.#byScheme);
    if (known !== undefined) return { upstream: known.upstream, target: { uri: known.uri } };
    return this.#bareUri(client, uri, rawHeaders).then((upstream) => ({ upstream, target: asItStands }));
  }

  /** By `params.ref`. Throws `prompt_unknown` or `resource_unknown`. */
  completion(client: Client, message: Message, rawHeaders: RawHeaders): Routed | Promise<Routed> {
    const ref = message.params?.member('ref');
    const uri = ref?.member('uri');
    if (uri !== undefined) {
      const value = text(message, uri, 'ref.uri');
      const known = inwardUri(value, this.#byScheme);
      if (known !== undefined) return { upstream: known.upstream, target: { refUri: known.uri } };
      return this.#bareUri(client, value, rawHeaders, true).then((upstream) => ({ upstream, target: asItStands }));
    }
    const name = text(message, ref?.member('name'), 'ref.name');
    const split = splitName(name, this.#byId);
    if (split !== undefined) return { upstream: this.#byId.get(split.id)!, target: { refName: split.name } };
    return this.#bareName(client, 'prompts', name, rawHeaders).then((upstream) => ({ upstream, target: asItStands }));
  }

  /** By `params.taskId`. Throws `task_unknown`, alike for ids that were never given out and for those of others. */
  task(client: Client, message: Message): Routed {
    const task = openTaskId(client.session, text(message, message.params?.member('taskId'), 'taskId'));
    const upstream = this.#upstreams.find(({ hash }) => hash === task?.upstream);
    if (task === undefined || upstream === undefined) throw new GatewayError('task_unknown');
    return { upstream, target: { taskId: task.raw } };
  }

  /** A method the gateway knows nothing of. Throws `method_unknown` where no upstream can be told. */
  unknown(message: Message): Routed {
    const name = message.params?.member('name');
    const split = name?.kind === 'string' ? splitName(textOf(message.bytes, name), this.#byId) : undefined;
    if (split !== undefined) return { upstream: this.#byId.get(split.id)!, target: { name: split.name } };
    const uri = message.params?.member('uri');
    const known = uri?.kind === 'string' ? inwardUri(textOf(message.bytes, uri), this.#byScheme) : undefined;
    if (known !== undefined) return { upstream: known.upstream, target: { uri: known.uri } };
    const only = this.#upstreams.length === 1 ? this.#upstreams[0] : undefined;
    if (only === undefined) throw new GatewayError('method_unknown', message.method);
    return { upstream: only, target: asItStands };
  }

  async #bareName(client: Client, list: 'tools' | 'prompts', name: string, rawHeaders: RawHeaders): Promise<Upstream> {
    const owners = await this.#lists.ownersOfName(client, list, name, rawHeaders);
    if (owners.length === 1) return owners[0]!;
    const data = list === 'tools' ? { tool: name } : { prompt: name };
    throw new GatewayError(list === 'tools' ? 'tool_unknown' : 'prompt_unknown', `${owners.length} upstreams have it`, {
      data,
    });
  }

  /** A web URI is never prefixed, so the first that lists it serves it; every other bare URI must be unique. */
  async #bareUri(client: Client, uri: string, rawHeaders: RawHeaders, isTemplate = false): Promise<Upstream> {
    const owners = isTemplate
      ? await this.#lists.ownersOfTemplate(client, uri, rawHeaders)
      : await this.#lists.ownersOfUri(client, uri, rawHeaders);
    if (owners.length === 1 || (owners.length > 1 && /^https?:/i.test(uri))) return owners[0]!;
    throw new GatewayError('resource_unknown', `${owners.length} upstreams have it`, { data: { uri } });
  }
}

function text(message: Message, found: Found | undefined, member: string): string {
  if (found?.kind !== 'string') throw new GatewayError('params_invalid', `${member} is not a string`);
  return textOf(message.bytes, found);
}
