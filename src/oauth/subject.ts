/** The facts about a request that rules use. */

export type RuleSubjectKind =
  | 'tool'
  | 'prompt'
  | 'resource'
  | 'template'
  | 'completion'
  | 'task'
  | 'subscription'
  | 'list';

export interface RuleSubject {
  readonly kind: RuleSubjectKind;
  /** The configured name of the upstream. */
  readonly upstream: string;
  /**
   * The upstream's own name: of a tool or prompt, the URI of a resource, a template. For a completion: the prompt or template;
   * for a subscription: the URI; for a task: the tool that it runs.
   */
  readonly name: string;
  /** Further names by which rules may mean it: templates that a resource's URI is of. */
  readonly alsoNamed?: readonly string[] | undefined;
  /** The JSON-RPC method. */
  readonly method: string;
  /**
   * The parameters of the request, read only if a rule needs them. Undefined for an entry of a list: a rule that depends on them
   * is then undecided, so that the list contains what the caller could call with some parameters.
   */
  readonly params?: (() => unknown) | undefined;
}

/** The facts about the caller that rules use. */
export interface CallerFacts {
  readonly scopes: ReadonlySet<string>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Names and values alternate. */
  readonly rawHeaders: readonly string[];
  /** Method and path of the HTTP request. */
  readonly http?: { readonly method: string; readonly path: string } | undefined;
}
