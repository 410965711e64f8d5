/**
 * Changes of lists that upstreams announce, or that their answers reveal. Cached lists are dropped here and at the other replicas
 * (2026-07-28 server/utilities/caching), since a client that hears of a change may ask any of them next.
 */
import type { Catalogue } from '../aggregate/catalogue.ts';
import { contradicted } from '../aggregate/contradicted.ts';
import type { ListKind } from '../aggregate/kinds.ts';
import { serverCapability } from '../protocol/capabilities.ts';
import { readClientMessage, type Message } from '../protocol/envelope.ts';
import { textOf } from '../protocol/scan.ts';
import type { Client } from '../clients/client.ts';
import { changeToldMs } from '../transport/http/limits.ts';
import type { Notice, Tell } from '../transport/peers/notice.ts';
import { settledWithin } from '../transport/http/deadline.ts';
import { isPersonal } from '../transport/upstream/sharing.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';

export type ChangeNotice = Extract<Notice, { kind: 'changed' }>;

const changed: ReadonlyMap<string, ChangeNotice['list']> = new Map([
  ['notifications/tools/list_changed', 'tools'],
  ['notifications/prompts/list_changed', 'prompts'],
  ['notifications/resources/list_changed', 'resources'],
]);
const declared: Readonly<Record<ChangeNotice['list'], number>> = {
  tools: serverCapability.toolsListChanged,
  prompts: serverCapability.promptsListChanged,
  resources: serverCapability.resourcesListChanged,
};
const kindsOf: Readonly<Record<ChangeNotice['list'], readonly ListKind[]>> = {
  tools: ['tools'],
  prompts: ['prompts'],
  resources: ['resources', 'resourceTemplates'],
};

export class ListChanges {
  readonly #catalogue: Catalogue;
  readonly #upstreams: Upstreams;
  readonly #tell: Tell;
  readonly #onChanged: (session: UpstreamSession, method: string, by: object | undefined) => void;
  /** Keyed by the text of the notice: the one being sent, and the one that follows it. */
  readonly #underWay = new Map<string, { readonly first: Promise<void>; next: Promise<void> | undefined }>();

  /** `onChanged` is called for each changed list, once the other replicas know. */
  constructor(
    catalogue: Catalogue,
    upstreams: Upstreams,
    tell: Tell,
    onChanged: (session: UpstreamSession, method: string, by: object | undefined) => void,
  ) {
    this.#onChanged = onChanged;
    this.#catalogue = catalogue;
    this.#upstreams = upstreams;
    this.#tell = tell;
  }

  /** Where upstreams get data of the caller, one audience has several copies (lists.ts). */
  get #forwards(): boolean {
    return this.#upstreams.configs.some(isPersonal);
  }

  /**
   * Handles any notification of an upstream; returns undefined if it is not about a list. Resolves when the other replicas have
   * dropped the list too, or after `changeToldMs`. Never rejects.
   */
  told(session: UpstreamSession, client: Client, method: string, by?: object): Promise<void> | undefined {
    const list = changed.get(method);
    if (list === undefined) return undefined;
    const { upstream } = session;
    if (!session.has(declared[list])) upstream.tolerated.note('list_changed', method);
    const audience = this.#forwards ? {} : { audience: client.audienceOf(upstream) };
    const notice: ChangeNotice = { kind: 'changed', upstream: upstream.hash, list, ...audience };
    this.heard(notice);
    return settledWithin(this.#toldOnce(notice), changeToldMs).then(() => this.#onChanged(session, method, by));
  }

  /** Handles the notice of another replica. */
  heard({ upstream: hash, list, audience }: ChangeNotice): void {
    const upstream = this.#upstreams.byHash(hash);
    if (upstream === undefined) return;
    for (const kind of kindsOf[list]) this.#catalogue.invalidate(upstream.config.id, kind, audience);
  }

  /**
   * Handles an error of an upstream. The list is out of date if it contains the item that `request`, as sent to the upstream,
   * asks for. So a client that invents names changes nothing.
   */
  refused({ upstream }: UpstreamSession, client: Client, request: Buffer, answer: Message): void {
    const { method, params, bytes } = readClientMessage(request);
    const kind = contradicted(method, answer);
    const name = params?.member('name');
    if (kind === undefined || name?.kind !== 'string') return;
    const audience = this.#forwards ? undefined : client.audienceOf(upstream);
    if (this.#catalogue.offers(upstream.config.id, kind, textOf(bytes, name), audience))
      this.#catalogue.invalidate(upstream.config.id, kind, audience);
  }

  /**
   * An upstream announces one change on every stream. While a notice is being sent, further changes may come: one more notice
   * follows.
   */
  #toldOnce(notice: ChangeNotice): Promise<void> {
    const key = JSON.stringify(notice);
    const known = this.#underWay.get(key);
    if (known !== undefined) return (known.next ??= known.first.then(() => this.#toldOnce(notice)));
    const first = this.#tell(notice).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, { first, next: undefined });
    return first;
  }
}
