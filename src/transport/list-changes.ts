/** What upstreams say, or show by their answers, of changes in what they list: kept lists are forgotten (protocol.md D11). */
import type { Catalogue } from '../aggregate/catalogue.ts';
import { contradicted } from '../aggregate/contradicted.ts';
import type { ListKind } from '../aggregate/kinds.ts';
import type { Message } from '../protocol/envelope.ts';
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

  /** An error of an upstream that may say that a list is out of date. */
  refused({ link, client }: { readonly link: Link; readonly client: Client }, method: string, answer: Message): void {
    const kind = contradicted(method, answer);
    if (kind !== undefined) this.#forget(link, client, kind);
  }

  #forget({ upstream }: Link, client: Client, kind: ListKind): void {
    this.#catalogue.invalidate(upstream.config.id, kind, this.#forwards ? undefined : client.audienceOf(upstream));
  }
}
