/** What a request is about, as far as rules ask. */

export type SubjectKind = 'tool' | 'prompt' | 'resource' | 'template' | 'completion' | 'task' | 'subscription' | 'list';

export interface Subject {
  readonly kind: SubjectKind;
  /** The configured name of the upstream. */
  readonly upstream: string;
  /**
   * As the upstream calls it: a tool's or prompt's name, a resource's URI, a template. Of a completion: the prompt or template;
   * of a subscription: the URI; of a task: the tool that it runs.
   */
  readonly name: string;
  /** Further names by which rules may mean it: templates that a resource's URI is of. */
  readonly alsoNamed?: readonly string[] | undefined;
  /** The JSON-RPC method. */
  readonly method: string;
  /**
   * The parameters of the request, read only where a rule asks. Undefined for an entry of a list: then a rule that depends on
   * them counts as one that could go either way, so that the list holds what the caller could call with some parameters.
   */
  readonly params?: (() => unknown) | undefined;
}

/** Who asks, as far as rules ask. */
export interface Asking {
  readonly scopes: ReadonlySet<string>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** Of the HTTP request. */
  readonly http?: { readonly method: string; readonly path: string } | undefined;
}
