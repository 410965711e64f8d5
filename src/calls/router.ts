/**
 * Which upstream a request is for. A prefixed name or URI names it; a bare one is looked up and must be unique. A request without
 * either goes to the only upstream, if there is only one (docs/configuration.md §Names).
 */
import { mayBeAlias, shownName, splitName } from '../aggregate/names.ts';
import { argumentsOf, ownToolName } from '../aggregate/overrides.ts';
import type { Owner } from '../aggregate/owners.ts';
import type { InwardTarget } from '../aggregate/rewrite.ts';
import { isSelective } from '../aggregate/selectors.ts';
import { inwardUri, outwardUri } from '../aggregate/uris.ts';
import type { Naming, UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { Message } from '../protocol/envelope.ts';
import { maxParsedPartBytes } from '../protocol/limits.ts';
import { textOf, type Found } from '../protocol/scan.ts';
import { openTaskId } from '../session/request-id.ts';
import type { Call } from '../clients/call.ts';
import type { Client } from '../clients/client.ts';
import { unknownFault, type Subject } from '../clients/gate.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { Lists } from '../lists/lists.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import { unixSeconds } from '../transport/http/clock.ts';

export interface Routed {
  readonly subject: Subject;
  /** The upstream's own name for the object of the request; undefined members stay unchanged. */
  readonly target: InwardTarget;
}

const asItStands: InwardTarget = {};

type List = 'tools' | 'prompts';
/** The look-ups that routing needs for a bare name or URI. */
type ListsToRoute = Pick<Lists, 'offers' | 'ownersOfName' | 'ownersOfTemplate' | 'ownersOfUri'>;

/** An upstream and its own name for the requested object. */
interface Named {
  readonly upstream: Upstream;
  readonly name: string;
}

export class Router {
  readonly #upstreams: Upstreams;
  readonly #naming: Naming;
  readonly #lists: ListsToRoute;

  constructor(upstreams: Upstreams, naming: Naming, lists: ListsToRoute) {
    this.#upstreams = upstreams;
    this.#naming = naming;
    this.#lists = lists;
  }

  /** By `params.name`. Throws `tool_unknown` or `prompt_unknown`, identical for hidden, ambiguous and missing ones. */
  named({ client, message, caller }: Call, list: List): Routed | Promise<Routed> {
    const name = text(message, message.params?.member('name'), 'name');
    const kind = kinds[list];
    const split = this.#split(name, kind);
    const routed = ({ upstream, name }: Named): Routed => {
      const changed = kind === 'tool' ? argumentsOf(upstream.config, name) : undefined;
      return {
        subject: { kind, upstream, name, method: message.method },
        target: changed === undefined ? { name } : { name, changed },
      };
    };
    if (split === undefined) return this.#bareName(client, list, message, name, caller).then(routed);
    if (this.#mayBeShown(name)) return this.#shownOr(split, client, list, name, caller).then(routed);
    if (isSelective(split.upstream.config, kind))
      return this.#listed(split, client, list, message, name, caller).then(routed);
    return routed(split);
  }

  /** By `params.uri`. Throws `resource_unknown`. */
  resource({ client, message, caller }: Call): Routed | Promise<Routed> {
    const uri = text(message, message.params?.member('uri'), 'uri');
    const known = inwardUri(uri, this.#upstreams.byScheme);
    const about = (upstream: Upstream, name: string): Subject => ({
      kind: 'resource',
      upstream,
      name,
      method: message.method,
    });
    const subscribed = ({ hash, config }: Upstream, own: string): void => {
      if (message.method === 'resources/subscribe' && !client.isShared)
        client.watchedAs.note(hash, own, uri === outwardUri(config, own) ? undefined : uri);
    };
    if (known !== undefined) {
      subscribed(known.upstream, known.uri);
      return { subject: about(known.upstream, known.uri), target: { uri: known.uri } };
    }
    return this.#bareUri(client, message, uri, caller).then((upstream) => {
      subscribed(upstream, uri);
      return { subject: about(upstream, uri), target: asItStands };
    });
  }

  /** By `params.ref`. Throws `prompt_unknown` or `resource_unknown`. */
  completion({ client, message, caller }: Call): Routed | Promise<Routed> {
    const { method } = message;
    const ref = message.params?.member('ref');
    const uri = ref?.member('uri');
    if (uri !== undefined) {
      const value = text(message, uri, 'ref.uri');
      const known = inwardUri(value, this.#upstreams.byScheme);
      if (known !== undefined)
        return {
          subject: { kind: 'resource', upstream: known.upstream, name: known.uri, method },
          target: { refUri: known.uri },
        };
      return this.#bareUri(client, message, value, caller, true).then((upstream) => ({
        subject: { kind: 'resource', upstream, name: value, method },
        target: asItStands,
      }));
    }
    const name = text(message, ref?.member('name'), 'ref.name');
    const split = this.#split(name, 'prompt');
    const routed = ({ upstream, name: own }: Named): Routed => ({
      subject: { kind: 'prompt', upstream, name: own, method },
      target: { refName: own },
    });
    if (split === undefined) return this.#bareName(client, 'prompts', message, name, caller).then(routed);
    if (this.#mayBeShown(name)) return this.#shownOr(split, client, 'prompts', name, caller).then(routed);
    return routed(split);
  }

  /** By `params.taskId`. Throws `task_unknown`, identical for ids that were never issued and for those of other clients. */
  task({ client, message }: Call): Routed {
    const task = openTaskId(client.session, text(message, message.params?.member('taskId'), 'taskId'), unixSeconds());
    const upstream = this.#upstreams.byHash(task?.upstream);
    if (task === undefined || upstream === undefined) throw new GatewayError('task_unknown');
    return {
      subject: { kind: 'task', upstream, name: task.raw, method: message.method },
      target: { taskId: task.raw },
    };
  }

  /** For a method that the gateway does not know. Throws `method_unknown` where the upstream is unclear. */
  unknown({ message }: Call): Routed {
    const { method } = message;
    const name = message.params?.member('name');
    const split = name?.kind === 'string' ? this.#split(text(message, name, 'name'), 'tool') : undefined;
    if (split !== undefined) return { subject: { kind: 'method', ...split, method }, target: { name: split.name } };
    const uri = message.params?.member('uri');
    const known = uri?.kind === 'string' ? inwardUri(text(message, uri, 'uri'), this.#upstreams.byScheme) : undefined;
    if (known !== undefined)
      return {
        subject: { kind: 'resource', upstream: known.upstream, name: known.uri, method },
        target: { uri: known.uri },
      };
    const { only } = this.#upstreams;
    if (only === undefined) throw new GatewayError('method_unknown', method);
    if (name?.kind !== 'string')
      return { subject: { kind: 'method', upstream: only, name: method, method }, target: asItStands };
    const own = ownToolName(only.config, text(message, name, 'name'));
    if (own === undefined) throw new GatewayError('method_unknown', method);
    return { subject: { kind: 'method', upstream: only, name: own, method }, target: { name: own } };
  }

  /** The parts of a prefixed name; undefined for other names, and for the former name of a renamed tool. */
  #split(text: string, kind: 'tool' | 'prompt'): Named | undefined {
    const split = splitName(text, this.#upstreams.byId, this.#naming);
    if (split === undefined) return undefined;
    const upstream = this.#upstreams.byId.get(split.id)!;
    const name = kind === 'tool' ? ownToolName(upstream.config, split.name) : split.name;
    return name === undefined ? undefined : { upstream, name };
  }

  /**
   * Where some of an upstream's names are hidden, the gateway answers for names that the upstream does not list: the upstream's own
   * answer would show which names are hidden. An upstream whose list is not available answers itself.
   */
  async #listed(
    split: Named,
    client: Client,
    list: List,
    message: Message,
    name: string,
    caller: Caller,
  ): Promise<Named> {
    if ((await this.#lists.offers(client, list, split.upstream, split.name, caller)) !== false) return split;
    throw unknownFault({ kind: kinds[list] }, message, `${name} is not listed`);
  }

  /** A name that looks prefixed may be an alias, or the full name of a tool where names have no prefix. */
  #mayBeShown(name: string): boolean {
    return this.#naming.policy !== 'always' || mayBeAlias(this.#naming, name);
  }

  /** Finds the item that a list shows under exactly this name, else the upstream in the prefix. */
  async #shownOr(split: Named, client: Client, list: List, name: string, caller: Caller): Promise<Named> {
    const { owners } = await this.#lists.ownersOfName(client, list, name, caller);
    return owners.length === 1 ? this.#owned(owners[0]!) : split;
  }

  /**
   * A name never goes to one upstream when another may own it (tool shadowing, SECURITY.md). An upstream that is down owns the names
   * it listed last. One that this replica has never seen may own any name that could be meant for it.
   */
  async #bareName(client: Client, list: List, message: Message, name: string, caller: Caller): Promise<Named> {
    const { owners, unseen } = await this.#lists.ownersOfName(client, list, name, caller);
    const [first, second] = owners;
    if (first !== undefined && this.#isSure(first, second, unseen, name, kinds[list])) return this.#owned(first);
    const { only } = this.#upstreams;
    // With one upstream the answer is clear, unless the name may be hidden.
    if (only !== undefined && owners.length === 0 && !isSelective(only.config, kinds[list]))
      return { upstream: only, name };
    const detail = `${owners.length} upstreams have it, ${unseen.length} could not be asked`;
    throw unknownFault({ kind: kinds[list] }, message, detail);
  }

  #isSure(
    first: Owner,
    second: Owner | undefined,
    unseen: readonly UpstreamConfig[],
    name: string,
    kind: 'tool' | 'prompt',
  ): boolean {
    // An alias names its upstream.
    if (shownName(first.upstream, first.key, kind) !== name) return second === undefined;
    switch (this.#naming.policy) {
      case 'always':
        // Lists show only the prefixed name, which is always unique.
        return second === undefined && unseen.length === 0;
      case 'conflict':
        // A client saw the bare name only where it had one owner.
        return second === undefined;
      case 'never': {
        const place = this.#upstreams.configs.indexOf(first.upstream);
        return unseen.every((config) => this.#upstreams.configs.indexOf(config) > place);
      }
    }
  }

  #owned({ upstream, key }: Owner): Named {
    return { upstream: this.#upstreams.byId.get(upstream.id)!, name: key };
  }

  /** A web URI is never prefixed, so the first that lists it serves it; every other bare URI must be unique. */
  async #bareUri(client: Client, message: Message, uri: string, caller: Caller, isTemplate = false): Promise<Upstream> {
    const owners = isTemplate
      ? await this.#lists.ownersOfTemplate(client, uri, caller)
      : await this.#lists.ownersOfUri(client, uri, caller);
    const { only } = this.#upstreams;
    // With one upstream every bare URI goes there, listed or not.
    if (owners.length === 0 && only !== undefined) return only;
    const isFirst = this.#naming.policy === 'never' || /^https?:/i.test(uri);
    if (owners.length === 1 || (owners.length > 1 && isFirst)) return owners[0]!;
    throw unknownFault({ kind: 'resource' }, message, `${owners.length} upstreams have it`);
  }
}

const kinds = { tools: 'tool', prompts: 'prompt' } as const;

/** Throws `params_invalid`, also for a text that is longer than any that could be meant. */
function text(message: Message, found: Found | undefined, member: string): string {
  if (found?.kind !== 'string') throw new GatewayError('params_invalid', `${member} is not a string`);
  if (found.end - found.start > maxParsedPartBytes) throw new GatewayError('params_invalid', `${member} is too long`);
  return textOf(message.bytes, found);
}
