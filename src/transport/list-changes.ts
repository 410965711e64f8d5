/** What upstreams say, or show by their answers, of changes in what they list: kept lists are forgotten (protocol.md D11). */
import type { Catalogue } from '../aggregate/catalogue.ts';
import { contradicted } from '../aggregate/contradicted.ts';
import type { ListKind } from '../aggregate/kinds.ts';
import { readClientMessage, type Message } from '../protocol/envelope.ts';
import { textOf } from '../protocol/scan.ts';
import type { Client } from './client.ts';
import type { Link } from './upstream/adapter.ts';
import type { Upstream } from './upstream/upstream.ts';

const changed: ReadonlyMap<string, readonly ListKind[]> = new Map<string, readonly ListKind[]>([
  ['notifications/tools/list_changed', ['tools']],
  ['notifications/prompts/list_changed', ['prompts']],
  ['notifications/resources/list_changed', ['resources', 'resourceTemplates']],
]);

export class ListChanges {
  readonly #catalogue: Catalogue;
  /** Where headers are forwarded, one audience has several copies (lists.ts). */
  readonly #forwards: boolean;

  constructor(catalogue: Catalogue, upstreams: readonly Upstream[]) {
    this.#catalogue = catalogue;
    this.#forwards = upstreams.some(({ config }) => config.forwardHeaders.length > 0);
  }

  /** A notification of an upstream, of whatever method. */
  told(link: Link, client: Client, method: string): void {
    for (const kind of changed.get(method) ?? []) this.#forget(link, client, kind);
  }

  /**
   * An error of an upstream that may say that a list is out of date: one that offers what `request`, as the upstream got it, is
   * about. A client that makes up names changes nothing.
   */
  refused(link: Link, client: Client, request: Buffer, answer: Message): void {
    const { method, params, bytes } = readClientMessage(request);
    const kind = contradicted(method, answer);
    const name = params?.member('name');
    if (kind === undefined || name?.kind !== 'string') return;
    const { id } = link.upstream.config;
    if (this.#catalogue.offers(id, kind, textOf(bytes, name), this.#audience(link, client)))
      this.#forget(link, client, kind);
  }

  #forget(link: Link, client: Client, kind: ListKind): void {
    this.#catalogue.invalidate(link.upstream.config.id, kind, this.#audience(link, client));
  }

  #audience({ upstream }: Link, client: Client): string | undefined {
    return this.#forwards ? undefined : client.audienceOf(upstream);
  }
}
