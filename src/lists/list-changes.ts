/**
 * What upstreams say, or show by their answers, of changes in what they list: cached lists are dropped (2026-07-28
 * server/utilities/caching), at the other replicas as well, since a client that hears of a change may ask any of them next.
 */
import type { Catalogue } from '../aggregate/catalogue.ts';
import { contradicted } from '../aggregate/contradicted.ts';
import type { ListKind } from '../aggregate/kinds.ts';
import { readClientMessage, type Message } from '../protocol/envelope.ts';
import { textOf } from '../protocol/scan.ts';
import type { Client } from '../clients/client.ts';
import { changeToldMs } from '../transport/http/limits.ts';
import type { Notice, Tell } from '../transport/peers/notice.ts';
import { settledWithin } from '../transport/http/deadline.ts';
import type { UpstreamSession } from '../transport/upstream/session.ts';
import type { Upstreams } from '../transport/upstream/upstreams.ts';

export type ChangeNotice = Extract<Notice, { kind: 'changed' }>;

const changed: ReadonlyMap<string, ChangeNotice['list']> = new Map([
  ['notifications/tools/list_changed', 'tools'],
  ['notifications/prompts/list_changed', 'prompts'],
  ['notifications/resources/list_changed', 'resources'],
]);
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
  /** Where headers are forwarded, one audience has several copies (lists.ts). */
  readonly #forwards: boolean;
  /** By what they say: the notice on its way, and the one that follows it. */
  readonly #underWay = new Map<string, { readonly first: Promise<void>; next: Promise<void> | undefined }>();

  /** `onChanged` is told of each changed list, whichever stream brought the news, once the other replicas know. */
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
    this.#forwards = upstreams.configs.some(({ forwardHeaders }) => forwardHeaders.length > 0);
  }

  /**
   * A notification of an upstream, of whatever method; undefined when it is of no list. Resolves when the others have forgotten the list
   * too, or after `changeToldMs`; never rejects.
   */
  told(session: UpstreamSession, client: Client, method: string, by?: object): Promise<void> | undefined {
    const list = changed.get(method);
    if (list === undefined) return undefined;
    const { upstream } = session;
    const audience = this.#forwards ? {} : { audience: client.audienceOf(upstream) };
    const notice: ChangeNotice = { kind: 'changed', upstream: upstream.hash, list, ...audience };
    this.heard(notice);
    return settledWithin(this.#toldOnce(notice), changeToldMs).then(() => this.#onChanged(session, method, by));
  }

  /** Of another replica. */
  heard({ upstream: hash, list, audience }: ChangeNotice): void {
    const upstream = this.#upstreams.byHash(hash);
    if (upstream === undefined) return;
    for (const kind of kindsOf[list]) this.#catalogue.invalidate(upstream.config.id, kind, audience);
  }

  /**
   * An error of an upstream that may say that a list is out of date: one that offers what `request`, as the upstream got it, is
   * about. A client that makes up names changes nothing.
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
   * An upstream says a change on the streams of all who listen to it. What comes while a notice is on its way may be news: one more
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
