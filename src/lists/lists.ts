/**
 * Lists for one client: which upstreams take part, how their pages are asked for, and the cursors between pages.
 * 2025-11-25 server/utilities/pagination; protocol.md D4, D11.
 */
import { assemble, type Position } from '../aggregate/assemble.ts';
import type { Catalogue, View } from '../aggregate/catalogue.ts';
import { ownersOf, ownersOfUri, type Owners } from '../aggregate/owners.ts';
import type { CacheHints } from '../aggregate/hints.ts';
import { readToolHeaders } from '../aggregate/tool-headers.ts';
import { listedName } from '../aggregate/names.ts';
import { taskTools } from '../aggregate/task-forms.ts';
import { emptyPage, methodOf, renderPage, type ListKind, type Page } from '../aggregate/page.ts';
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { hasTasks } from '../protocol/revisions.ts';
import { textOf } from '../protocol/scan.ts';
import { openCursor, sealCursor } from '../session/cursor.ts';
import type { Log } from '../telemetry/log.ts';
import { hiddenItems } from '../telemetry/metrics.ts';
import { randomBytes } from 'node:crypto';
import { askHealing } from '../clients/ask.ts';
import type { Client } from '../clients/client.ts';
import { forwardedKey, noHeaders, type RawHeaders } from '../transport/upstream/credentials.ts';
import { blackoutMs } from '../transport/http/limits.ts';
import type { Link, UpstreamAdapter } from '../transport/upstream/adapter.ts';
import { takesTasks } from '../transport/upstream/tasks-across.ts';
import { withDeadline } from '../transport/http/deadline.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

/** How long a list is kept: longer where the upstream says when it changes. In ms. */
const announcedTtlMs = 30_000;
const silentTtlMs = 5_000;
/** Longest wait for one page of one upstream inside a list, in ms. */
const pageDeadlineMs = 10_000;
/** Longest wait of a call for a list with the headers it needs, in ms. */
const relearnMs = 10_000;

const needed: Readonly<Record<ListKind, number>> = {
  tools: serverCapability.tools,
  prompts: serverCapability.prompts,
  resources: serverCapability.resources,
  resourceTemplates: serverCapability.resources,
};
const announced: Readonly<Record<ListKind, number>> = {
  tools: serverCapability.toolsListChanged,
  prompts: serverCapability.promptsListChanged,
  resources: serverCapability.resourcesListChanged,
  resourceTemplates: serverCapability.resourcesListChanged,
};

export class Lists {
  readonly #upstreams: readonly Upstream[];
  readonly #configs: readonly UpstreamConfig[];
  readonly #byConfig: ReadonlyMap<UpstreamConfig, Upstream>;
  readonly #catalogue: Catalogue;
  readonly #adapter: UpstreamAdapter;
  readonly #log: Log;
  readonly #now: () => number;
  /** Calls that come meanwhile wait for the same list. */
  readonly #relearning = new Map<Upstream, Promise<unknown>>();
  /** Lists with long names that the log has been told of. */
  readonly #noted = new Set<string>();

  constructor(
    upstreams: readonly Upstream[],
    catalogue: Catalogue,
    adapter: UpstreamAdapter,
    log: Log,
    now: () => number,
  ) {
    this.#upstreams = upstreams;
    this.#configs = upstreams.map(({ config }) => config);
    this.#byConfig = new Map(upstreams.map((upstream) => [upstream.config, upstream]));
    this.#catalogue = catalogue;
    this.#adapter = adapter;
    this.#log = log;
    this.#now = now;
  }

  /** The result of a list request as JSON text. Throws `params_invalid`, `cursor_invalid`, `upstreams_all_down`. */
  async page(
    client: Client,
    kind: ListKind,
    message: Message,
    rawHeaders: RawHeaders,
  ): Promise<{ readonly body: Buffer; readonly hints: CacheHints }> {
    const from = this.#position(client, kind, message);
    const taking = this.#taking(client, kind);
    const { body, hints, failed, cut, shadowed } = await assemble(
      this.#catalogue,
      this.#view(client, kind, rawHeaders),
      taking,
      from,
      (next) =>
        sealCursor(
          client.session,
          kind,
          { upstream: this.#byConfig.get(next.upstream)!.hash, cursor: next.cursor },
          randomBytes,
        ),
    );
    for (const { upstream, fault } of failed)
      this.#log.warn({ upstream: upstream.id, list: kind, fault: String(fault) }, 'list is without this upstream');
    for (const { upstream, fault } of cut)
      this.#log.warn({ upstream: upstream.id, list: kind, fault: String(fault) }, 'list is cut short');
    if (shadowed > 0) this.#log.warn({ list: kind, shadowed }, 'names that an earlier upstream has are not shown');
    return { body, hints };
  }

  /** Asks for an upstream's tools again, as it wants other arguments in headers than it listed. Throws `upstream_*` faults. */
  async relearn(client: Client, upstream: Upstream, rawHeaders: RawHeaders): Promise<void> {
    let relearning = this.#relearning.get(upstream);
    if (relearning === undefined) {
      this.#catalogue.invalidate(upstream.config.id, 'tools');
      const pages = this.#catalogue.pages(this.#view(client, 'tools', rawHeaders), upstream.config);
      relearning = withDeadline(pages, relearnMs).finally(() => this.#relearning.delete(upstream));
      this.#relearning.set(upstream, relearning);
    }
    await relearning;
  }

  /** How many items of a kind one upstream shows. Throws `upstream_*` faults. */
  async count(client: Client, upstream: Upstream, kind: ListKind): Promise<number> {
    const pages = await this.#catalogue.pages(this.#view(client, kind, noHeaders), upstream.config);
    return pages.reduce((sum, held) => sum + held.page.count, 0);
  }

  /** Upstreams that show a bare name or have an alias (tools, prompts), in the order of the configuration. */
  async ownersOfName(client: Client, kind: 'tools' | 'prompts', name: string, rawHeaders: RawHeaders): Promise<Owners> {
    return await ownersOf(this.#catalogue, this.#view(client, kind, rawHeaders), this.#taking(client, kind), name);
  }

  /** Upstreams that list a bare URI, or without any, those with a template that it matches. */
  async ownersOfUri(client: Client, uri: string, rawHeaders: RawHeaders): Promise<Upstream[]> {
    const { owners } = await ownersOfUri(
      this.#catalogue,
      this.#view(client, 'resources', rawHeaders),
      this.#taking(client, 'resources'),
      uri,
    );
    return owners.map(({ upstream }) => this.#byConfig.get(upstream)!);
  }

  /** Upstreams that list a URI template as it stands, or a resource with this URI: completion names either. */
  async ownersOfTemplate(client: Client, uri: string, rawHeaders: RawHeaders): Promise<Upstream[]> {
    const kind = 'resourceTemplates';
    const view = this.#view(client, kind, rawHeaders);
    const { owners } = await ownersOf(this.#catalogue, view, this.#taking(client, kind), uri);
    return owners.length > 0
      ? owners.map(({ upstream }) => this.#byConfig.get(upstream)!)
      : await this.ownersOfUri(client, uri, rawHeaders);
  }

  #view(client: Client, kind: ListKind, rawHeaders: RawHeaders): View {
    // What is forwarded may decide what is listed, so it decides who may see the same copy.
    const forwarded = forwardedKey(this.#configs, rawHeaders);
    return {
      kind,
      principal: client.audienceOfAll(this.#upstreams) + forwarded,
      audienceOf: (config) => client.audienceOf(this.#byConfig.get(config)!) + forwarded,
      // What one caller's headers made an upstream list is not for others, whatever it says. What is dropped depends on the revision.
      publicAudienceOf: (config) => (config.forwardHeaders.length > 0 ? undefined : `public ${client.revision}`),
      nowMs: this.#now(),
      ttlMsOf: (config) => {
        const known = this.#known(client, this.#byConfig.get(config)!) ?? 0;
        return (known & announced[kind]) === 0 ? silentTtlMs : announcedTtlMs;
      },
      load: (config, list, cursor) => this.#load(client, this.#byConfig.get(config)!, list, cursor, rawHeaders),
    };
  }

  /** Those that have the capability, and those of which nothing is known yet. */
  #taking(client: Client, kind: ListKind): UpstreamConfig[] {
    const taking: UpstreamConfig[] = [];
    for (const upstream of this.#upstreams)
      if (((this.#known(client, upstream) ?? ~0) & needed[kind]) !== 0) taking.push(upstream.config);
    return taking;
  }

  #known(client: Client, upstream: Upstream): number | undefined {
    return client.links.peek(upstream)?.capabilities ?? upstream.capabilities;
  }

  async #load(
    client: Client,
    upstream: Upstream,
    kind: ListKind,
    cursor: string | undefined,
    rawHeaders: RawHeaders,
  ): Promise<Page> {
    // A list waits for all upstreams, so one that kept the last list waiting is left out for a while.
    if (upstream.blackoutUntil > this.#now()) throw new GatewayError('upstream_unreachable', 'no answer a moment ago');
    const params = cursor === undefined ? '{}' : JSON.stringify({ cursor });
    const link = await client.links.ensure(upstream, rawHeaders);
    if ((link.capabilities & needed[kind]) === 0) return emptyPage;
    const reply = await this.#ask(client, link, methodOf(kind), params, rawHeaders);
    // A server of the session era gets no such headers, and its tools are shown; what modern clients send is checked all the same.
    const isAnnotated = link.mirrors || upstream.paramHeaders.size > 0 || reply.includes('"x-mcp-header"');
    const broken = kind === 'tools' && isAnnotated ? learnHeaders(upstream, reply, cursor === undefined) : nobody;
    const page = renderPage(reply, kind, upstream.config, {
      illegal: link.mirrors ? broken : nobody,
      hinted: link.mirrors,
      anySchema: client.wording.anySchema,
      tasks: hasTasks(client.revision) && (link.capabilities & serverCapability.tasksToolCall) !== 0,
    });
    if (kind === 'tools' && takesTasks(link) && page !== emptyPage)
      learnTaskTools(upstream, reply, cursor === undefined);
    this.#noteLong(upstream, kind, page);
    if (page.hidden > 0) {
      hiddenItems.inc({ upstream: upstream.config.id }, page.hidden);
      this.#log.warn(
        { upstream: upstream.config.id, list: kind, hidden: page.hidden, by: page.hiddenBy },
        'list items hidden',
      );
    }
    if (page.mended > 0 || page.left > 0) {
      const fields = { upstream: upstream.config.id, list: kind, mended: page.mended, by: page.mendedBy, left: page.left };
      this.#log.warn(fields, 'list items mended, or left out beyond the limit');
    }
    return page;
  }

  /** Said once: many clients fail on such a name, and some on the whole list. */
  #noteLong(upstream: Upstream, kind: ListKind, { keys }: Page): void {
    const { naming, id } = upstream.config;
    const noted = `${kind} ${id}`;
    if ((kind !== 'tools' && kind !== 'prompts') || this.#noted.has(noted)) return;
    const long = keys.filter((key) => listedName(upstream.config, key).length > naming.maxChars).length;
    if (long === 0) return;
    this.#noted.add(noted);
    const fields = { upstream: id, list: kind, long, limit: naming.maxChars };
    this.#log.warn(fields, 'names longer than many clients take; --long-names shorten gives them aliases');
  }

  async #ask(client: Client, link: Link, method: string, params: string, rawHeaders: RawHeaders): Promise<Buffer> {
    try {
      return await askHealing(this.#adapter, client, link, { method, params, deadlineMs: pageDeadlineMs }, rawHeaders);
    } catch (fault) {
      if (fault instanceof GatewayError && fault.code === 'upstream_timeout')
        link.upstream.blackoutUntil = this.#now() + blackoutMs;
      throw fault;
    }
  }

  #position(client: Client, kind: ListKind, message: Message): Position | undefined {
    const found = message.params?.member('cursor');
    if (found === undefined || found.kind === 'null') return undefined;
    if (found.kind !== 'string') throw new GatewayError('params_invalid', 'cursor is not a string');
    const opened = openCursor(client.session, kind, textOf(message.bytes, found));
    const upstream = this.#upstreams.find((candidate) => candidate.hash === opened?.upstream);
    if (opened === undefined || upstream === undefined) throw new GatewayError('cursor_invalid');
    return { upstream: upstream.config, cursor: opened.cursor };
  }
}

const nobody: ReadonlySet<string> = new Set();

/** Remembers which arguments go into headers, anew with each first page. Gives the tools that ask in vain. */
function learnHeaders(upstream: Upstream, reply: Buffer, isFirst: boolean): ReadonlySet<string> {
  const { wanted, illegal } = readToolHeaders(reply);
  upstream.paramHeaders = isFirst ? wanted : new Map([...upstream.paramHeaders, ...wanted]);
  return illegal;
}

function learnTaskTools(upstream: Upstream, reply: Buffer, isFirst: boolean): void {
  const { names } = taskTools(reply);
  upstream.taskTools = isFirst ? names : new Set([...(upstream.taskTools ?? []), ...names]);
}
