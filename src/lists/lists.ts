/**
 * Lists for one client: which upstreams take part, how their pages are requested, and the cursors between pages.
 * 2025-11-25 server/utilities/pagination; 2026-07-28 server/utilities/caching.
 */
import { assemble, type Position } from '../aggregate/assemble.ts';
import type { Catalogue, View } from '../aggregate/catalogue.ts';
import { listOrLast, ownersOf, ownersOfUri, type Owners } from '../aggregate/owners.ts';
import type { CacheHints } from '../aggregate/hints.ts';
import { toolHeaderSteps } from '../aggregate/tool-headers.ts';
import { listedName } from '../aggregate/names.ts';
import { taskToolSteps } from '../aggregate/task-forms.ts';
import { emptyPage, methodOf, renderSteps, type ListKind, type Page } from '../aggregate/page.ts';
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import type { Message } from '../protocol/envelope.ts';
import { hasTasks } from '../protocol/revisions.ts';
import { textOf } from '../protocol/scan.ts';
import { openCursor, sealCursor } from '../session/cursor.ts';
import { withMissing } from '../aggregate/missing.ts';
import { modernRevision } from '../protocol/revisions.ts';
import type { Log } from '../telemetry/log.ts';
import { noteListed } from '../telemetry/listed-tools.ts';
import { hiddenItems, mendedItems } from '../telemetry/metrics.ts';
import { randomBytes } from 'node:crypto';
import { askHealing } from '../clients/ask.ts';
import type { Client } from '../clients/client.ts';
import type { Gate } from '../clients/gate.ts';
import { nobody, type Caller } from '../transport/http/caller.ts';
import { credentialsKey } from '../transport/upstream/credentials.ts';
import { blackoutMs } from '../transport/http/limits.ts';
import { inTurns } from '../transport/http/turns.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import { mayBePublic, tellsOfHealth } from '../transport/upstream/sharing.ts';
import { takesTasks } from '../transport/upstream/tasks-across.ts';
import { withDeadline } from '../transport/http/deadline.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';
import { unixSeconds } from '../transport/http/clock.ts';

/** How long a list is cached, in ms: longer where the upstream announces changes. */
const announcedTtlMs = 30_000;
const silentTtlMs = 5_000;
/** Maximum wait for one page of one upstream inside a list, in ms. */
const pageDeadlineMs = 10_000;
/** Maximum wait of a call for a list with the headers that it needs, in ms. */
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
  readonly #upstreams: Upstreams;
  readonly #catalogue: Catalogue;
  readonly #adapter: UpstreamAdapter;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #gate: () => Gate;
  /** Lists being fetched; further calls wait for the same one. */
  readonly #relearning = new Map<Upstream, Promise<unknown>>();
  /** Lists whose long names have already been logged. */
  readonly #noted = new Set<string>();

  /** `gate` returns the gate in force. */
  constructor(
    upstreams: Upstreams,
    catalogue: Catalogue,
    adapter: UpstreamAdapter,
    log: Log,
    now: () => number,
    gate: () => Gate,
  ) {
    this.#gate = gate;
    this.#upstreams = upstreams;
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
    caller: Caller,
  ): Promise<{ readonly body: Buffer; readonly hints: CacheHints }> {
    const from = this.#position(client, kind, message);
    const taking = this.#taking(client, kind, caller);
    const { body, hints, failed, cut, shadowed } = await assemble(
      this.#catalogue,
      this.#shown(client, kind, caller),
      taking,
      from,
      (next) =>
        sealCursor(
          client.session,
          kind,
          { upstream: this.#upstreams.of(next.upstream).hash, cursor: next.cursor },
          randomBytes,
        ),
    );
    for (const { upstream, fault } of failed)
      this.#log.warn({ upstream: upstream.id, list: kind, fault: String(fault) }, 'list is without this upstream');
    for (const { upstream, fault } of cut)
      this.#log.warn({ upstream: upstream.id, list: kind, fault: String(fault) }, 'list is cut short');
    if (shadowed > 0) this.#log.warn({ list: kind, shadowed }, 'names that an earlier upstream has are not shown');
    // `_meta` is added later to the answer of a modern client.
    const missing = client.revision === modernRevision ? [] : failed.map(({ upstream }) => upstream.id);
    return { body: withMissing(body, missing), hints };
  }

  /**
   * Requests an upstream's tools again, because it needs other arguments in headers than its list says. `known`: the headers that
   * it has refused; if they have changed meanwhile, nothing is requested. Throws `upstream_*` faults.
   */
  async relearn(client: Client, upstream: Upstream, caller: Caller, known: Upstream['paramHeaders']): Promise<void> {
    let relearning = this.#relearning.get(upstream);
    if (relearning === undefined) {
      if (upstream.paramHeaders !== known) return;
      this.#catalogue.invalidate(upstream.config.id, 'tools');
      const pages = this.#catalogue.pages(this.#view(client, 'tools', caller), upstream.config);
      relearning = withDeadline(pages, relearnMs).finally(() => this.#relearning.delete(upstream));
      this.#relearning.set(upstream, relearning);
    }
    await relearning;
  }

  /** The number of visible items of one kind of one upstream. Throws `upstream_*` faults. */
  async count(client: Client, upstream: Upstream, kind: ListKind): Promise<number> {
    const pages = await this.#catalogue.pages(this.#view(client, kind, nobody), upstream.config);
    return pages.reduce((sum, held) => sum + held.page.count, 0);
  }

  /** Upstreams that show a bare name or have an alias (tools, prompts), in the order of the configuration. */
  async ownersOfName(client: Client, kind: 'tools' | 'prompts', name: string, caller: Caller): Promise<Owners> {
    return await ownersOf(this.#catalogue, this.#view(client, kind, caller), this.#taking(client, kind, caller), name);
  }

  /** Whether an upstream lists an item, by its own name for it; undefined if that is unknown. */
  async offers(
    client: Client,
    kind: 'tools' | 'prompts',
    upstream: Upstream,
    name: string,
    caller: Caller,
  ): Promise<boolean | undefined> {
    const list = await listOrLast(this.#catalogue, this.#view(client, kind, caller), upstream.config);
    return list?.keys.has(name);
  }

  /** Upstreams that list a bare URI; if there are none, those with a template that matches it. */
  async ownersOfUri(client: Client, uri: string, caller: Caller): Promise<Upstream[]> {
    const { owners } = await ownersOfUri(
      this.#catalogue,
      this.#view(client, 'resources', caller),
      this.#taking(client, 'resources', caller),
      uri,
    );
    return owners.map(({ upstream }) => this.#upstreams.of(upstream));
  }

  /** Upstreams that list exactly this URI template, or a resource with this URI: completion may name either. */
  async ownersOfTemplate(client: Client, uri: string, caller: Caller): Promise<Upstream[]> {
    const kind = 'resourceTemplates';
    const view = this.#view(client, kind, caller);
    const { owners } = await ownersOf(this.#catalogue, view, this.#taking(client, kind, caller), uri);
    return owners.length > 0
      ? owners.map(({ upstream }) => this.#upstreams.of(upstream))
      : await this.ownersOfUri(client, uri, caller);
  }

  #view(client: Client, kind: ListKind, caller: Caller): View {
    // Forwarded headers may change what is listed, so they are part of the cache key.
    const forwarded = credentialsKey(this.#upstreams.configs, caller);
    return {
      kind,
      principal: client.audienceOfAll(this.#upstreams) + forwarded,
      audienceOf: (config) => client.audienceOf(this.#upstreams.of(config)) + forwarded,
      // A list that depends on one caller's headers is not shared, even if marked public. Which items are dropped depends on the
      // revision.
      publicAudienceOf: (config) => (mayBePublic(config, caller.principalId) ? `public ${client.revision}` : undefined),
      nowMs: this.#now(),
      ttlMsOf: (config) => {
        const known = this.#known(client, this.#upstreams.of(config)) ?? 0;
        return (known & announced[kind]) === 0 ? silentTtlMs : announcedTtlMs;
      },
      onRepeated: (config) => this.#upstreams.of(config).tolerated.note('list_pages', kind),
      load: (config, list, cursor) => this.#load(client, this.#upstreams.of(config), list, cursor, caller),
    };
  }

  /** The view with the caller's permitted items: each item is checked, after the cache. */
  #shown(client: Client, kind: ListKind, caller: Caller): View {
    const view = this.#view(client, kind, caller);
    const gate = this.#gate();
    if (!gate.dependsOnCaller) return view;
    return { ...view, shows: (config, key) => gate.shows(caller, kind, this.#upstreams.of(config), key) };
  }

  /** Upstreams with the capability, and upstreams not yet known, of those that the caller may use. */
  #taking(client: Client, kind: ListKind, caller: Caller): UpstreamConfig[] {
    const gate = this.#gate();
    const taking: UpstreamConfig[] = [];
    for (const upstream of this.#upstreams)
      if (((this.#known(client, upstream) ?? ~0) & needed[kind]) !== 0 && gate.reaches(caller, upstream))
        taking.push(upstream.config);
    return taking;
  }

  #known(client: Client, upstream: Upstream): number | undefined {
    return client.sessions.peek(upstream)?.capabilities ?? upstream.capabilities;
  }

  async #load(
    client: Client,
    upstream: Upstream,
    kind: ListKind,
    cursor: string | undefined,
    caller: Caller,
  ): Promise<Page> {
    // A list waits for all upstreams, so one that was too slow for the last list is skipped for a while.
    if (upstream.blackoutUntil > this.#now()) throw new GatewayError('upstream_unreachable', 'no answer a moment ago');
    const params = cursor === undefined ? '{}' : JSON.stringify({ cursor });
    const session = await client.sessions.ensure(upstream, caller);
    if (!session.has(needed[kind])) return emptyPage;
    const reply = await this.#ask(client, session, methodOf(kind), params, caller);
    // A server of the session era gets no such headers, so its tools are shown. Headers of modern clients are checked nevertheless.
    const isAnnotated = session.repeatsInHeaders || upstream.paramHeaders.size > 0 || reply.includes('"x-mcp-header"');
    const broken = kind === 'tools' && isAnnotated ? await learnHeaders(upstream, reply, cursor === undefined) : none;
    const page = await inTurns(
      renderSteps(reply, kind, upstream.config, {
        illegal: session.repeatsInHeaders ? broken : none,
        hinted: session.givesHints,
        anySchema: client.wording.anySchema,
        tasks: hasTasks(client.revision) && session.has(serverCapability.tasksToolCall),
      }),
    );
    if (kind === 'tools' && takesTasks(session) && page !== emptyPage)
      await learnTaskTools(upstream, reply, cursor === undefined);
    if (kind === 'tools') noteListed(upstream.config.id, page.keys);
    this.#noteLong(upstream, kind, page);
    if (page.hidden + page.mended + page.left > 0) {
      const { id } = upstream.config;
      if (page.hidden > 0) hiddenItems.inc({ upstream: id }, page.hidden);
      if (page.mended > 0) mendedItems.inc({ upstream: id }, page.mended);
      const ways = Object.entries({ ...page.hiddenBy, ...page.mendedBy, left: page.left });
      const counted = ways.filter(([, count]) => count > 0).map(([how, count]) => `${how} ${count}`);
      upstream.tolerated.note('list_items', `${kind}: ${counted.join(', ')}`);
    }
    return page;
  }

  /** Logged once: many clients reject such a name, and some the whole list. */
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

  async #ask(
    client: Client,
    session: UpstreamSession,
    method: string,
    params: string,
    caller: Caller,
  ): Promise<Buffer> {
    try {
      return await askHealing(this.#adapter, client, session, { method, params, deadlineMs: pageDeadlineMs }, caller);
    } catch (fault) {
      const isHealth = tellsOfHealth(session.upstream.config, caller === nobody);
      if (isHealth && fault instanceof GatewayError && fault.code === 'upstream_timeout')
        session.upstream.blackoutUntil = this.#now() + blackoutMs;
      throw fault;
    }
  }

  #position(client: Client, kind: ListKind, message: Message): Position | undefined {
    const found = message.params?.member('cursor');
    if (found === undefined || found.kind === 'null') return undefined;
    if (found.kind !== 'string') throw new GatewayError('params_invalid', 'cursor is not a string');
    const opened = openCursor(client.session, kind, textOf(message.bytes, found), unixSeconds());
    const upstream = this.#upstreams.byHash(opened?.upstream);
    if (opened === undefined || upstream === undefined) throw new GatewayError('cursor_invalid');
    return { upstream: upstream.config, cursor: opened.cursor };
  }
}

const none: ReadonlySet<string> = new Set();

/** Remembers which arguments go into headers, again with each first page. Returns the tools whose annotations are invalid. */
async function learnHeaders(upstream: Upstream, reply: Buffer, isFirst: boolean): Promise<ReadonlySet<string>> {
  const { wanted, illegal } = await inTurns(toolHeaderSteps(reply));
  upstream.paramHeaders = isFirst ? wanted : new Map([...upstream.paramHeaders, ...wanted]);
  return illegal;
}

async function learnTaskTools(upstream: Upstream, reply: Buffer, isFirst: boolean): Promise<void> {
  const { names } = await inTurns(taskToolSteps(reply));
  upstream.taskTools = isFirst ? names : new Set([...(upstream.taskTools ?? []), ...names]);
}
