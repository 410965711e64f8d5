/**
 * Which upstream a request is for. A prefixed name or URI says so itself; a bare one is looked up and must be unique; what
 * cannot be told from the parameters goes to the only upstream, if there is but one (protocol.md D3, D4; design.md §5).
 */
import { mayBeAlias, splitName } from '../aggregate/names.ts';
import type { Owner } from '../aggregate/owners.ts';
import type { InwardTarget } from '../aggregate/rewrite.ts';
import { decide } from '../aggregate/selectors.ts';
import { inwardUri } from '../aggregate/uris.ts';
import type { Naming, UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import { textOf, type Found } from '../protocol/scan.ts';
import { openTaskId } from '../session/request-id.ts';
import type { Client } from '../clients/client.ts';
import type { RawHeaders } from '../transport/upstream/credentials.ts';
import type { Lists } from '../lists/lists.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import { unixSeconds } from '../transport/http/clock.ts';

export interface Routed {
  readonly upstream: Upstream;
  /** What the request calls its object there; undefined members stay as they are. */
  readonly target: InwardTarget;
}

const asItStands: InwardTarget = {};

type List = 'tools' | 'prompts';

/** An upstream and its own name for what is asked for. */
interface Named {
  readonly upstream: Upstream;
  readonly name: string;
}

export class Router {
  readonly #upstreams: readonly Upstream[];
  readonly #configs: readonly UpstreamConfig[];
  readonly #naming: Naming;
  readonly #byId: ReadonlyMap<string, Upstream>;
  readonly #byScheme: ReadonlyMap<string, Upstream>;
  readonly #lists: Lists;

  constructor(upstreams: readonly Upstream[], lists: Lists) {
    this.#upstreams = upstreams;
    this.#configs = upstreams.map(({ config }) => config);
    this.#naming = this.#configs[0]!.naming;
    this.#byId = new Map(upstreams.map((upstream) => [upstream.config.id, upstream]));
    this.#byScheme = new Map(upstreams.map((upstream) => [upstream.config.scheme, upstream]));
    this.#lists = lists;
  }

  /** By `params.name`. Throws `tool_unknown` or `prompt_unknown`, alike for hidden, ambiguous and missing ones (T11). */
  named(client: Client, message: Message, list: List, rawHeaders: RawHeaders): Routed | Promise<Routed> {
    const name = text(message, message.params?.member('name'), 'name');
    const split = this.#split(name);
    if (split === undefined || !decide(split.upstream.config, list === 'tools' ? 'tool' : 'prompt', split.name))
      return this.#bareName(client, list, name, rawHeaders).then(byName);
    if (mayBeAlias(this.#naming, name)) return this.#aliasOr(split, client, list, name, rawHeaders).then(byName);
    return byName(split);
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
    const split = this.#split(name);
    if (split === undefined) return this.#bareName(client, 'prompts', name, rawHeaders).then(byRefName);
    if (mayBeAlias(this.#naming, name))
      return this.#aliasOr(split, client, 'prompts', name, rawHeaders).then(byRefName);
    return byRefName(split);
  }

  /** By `params.taskId`. Throws `task_unknown`, alike for ids that were never given out and for those of others. */
  task(client: Client, message: Message): Routed {
    const task = openTaskId(client.session, text(message, message.params?.member('taskId'), 'taskId'), unixSeconds());
    const upstream = this.#upstreams.find(({ hash }) => hash === task?.upstream);
    if (task === undefined || upstream === undefined) throw new GatewayError('task_unknown');
    return { upstream, target: { taskId: task.raw } };
  }

  /** A method the gateway knows nothing of. Throws `method_unknown` where no upstream can be told. */
  unknown(message: Message): Routed {
    const name = message.params?.member('name');
    const split = name?.kind === 'string' ? this.#split(textOf(message.bytes, name)) : undefined;
    // Of what it names nothing is known, so it must not be what is hidden under either kind (security.md T11).
    if (split !== undefined && isShown(split)) return byName(split);
    const uri = message.params?.member('uri');
    const known = uri?.kind === 'string' ? inwardUri(textOf(message.bytes, uri), this.#byScheme) : undefined;
    if (known !== undefined) return { upstream: known.upstream, target: { uri: known.uri } };
    const only = this.#upstreams.length === 1 ? this.#upstreams[0] : undefined;
    if (only === undefined) throw new GatewayError('method_unknown', message.method);
    return { upstream: only, target: asItStands };
  }

  #split(name: string): Named | undefined {
    const split = splitName(name, this.#byId, this.#naming);
    return split === undefined ? undefined : { upstream: this.#byId.get(split.id)!, name: split.name };
  }

  /** A name that reads as one with a prefix and was made shorter all the same has to be looked up. */
  async #aliasOr(split: Named, client: Client, list: List, name: string, rawHeaders: RawHeaders): Promise<Named> {
    const { owners } = await this.#lists.ownersOfName(client, list, name, rawHeaders);
    return owners.length === 1 ? this.#owned(owners[0]!) : split;
  }

  /**
   * Never to one upstream what another may own (security.md T22): one that is down owns what it listed last. Of one that this
   * replica has never seen nothing is known, which matters as far as the name could be meant for it.
   */
  async #bareName(client: Client, list: List, name: string, rawHeaders: RawHeaders): Promise<Named> {
    const { owners, unseen } = await this.#lists.ownersOfName(client, list, name, rawHeaders);
    const [first, second] = owners;
    if (first !== undefined && this.#isSure(first, second, unseen, name)) return this.#owned(first);
    const data = list === 'tools' ? { tool: name } : { prompt: name };
    const detail = `${owners.length} upstreams have it, ${unseen.length} could not be asked`;
    throw new GatewayError(list === 'tools' ? 'tool_unknown' : 'prompt_unknown', detail, { data });
  }

  #isSure(first: Owner, second: Owner | undefined, unseen: readonly UpstreamConfig[], name: string): boolean {
    // An alias names its upstream.
    if (first.key !== name) return second === undefined;
    switch (this.#naming.policy) {
      case 'always':
        // The name is no client's to know, and its own with the prefix is sure.
        return second === undefined && unseen.length === 0;
      case 'conflict':
        // Whoever saw it bare saw it where it had one owner.
        return second === undefined;
      case 'never': {
        const place = this.#configs.indexOf(first.upstream);
        return unseen.every((config) => this.#configs.indexOf(config) > place);
      }
    }
  }

  #owned({ upstream, key }: Owner): Named {
    return { upstream: this.#byId.get(upstream.id)!, name: key };
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

function isShown({ upstream, name }: Named): boolean {
  return decide(upstream.config, 'tool', name) && decide(upstream.config, 'prompt', name);
}

function byName({ upstream, name }: Named): Routed {
  return { upstream, target: { name } };
}

function byRefName({ upstream, name }: Named): Routed {
  return { upstream, target: { refName: name } };
}

function text(message: Message, found: Found | undefined, member: string): string {
  if (found?.kind !== 'string') throw new GatewayError('params_invalid', `${member} is not a string`);
  return textOf(message.bytes, found);
}
