/** The data that reading one route needs at every step, and how faults are reported. */
import type { Findings } from '../findings.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { Environment } from '../variables.ts';
import type { SourceDocument } from './documents.ts';
import type { Objects, Referrer } from './objects.ts';

export interface RouteContext {
  readonly objects: Objects;
  readonly env: Environment;
  readonly from: Referrer;
  /** The document that contains the route. */
  readonly document: SourceDocument;
  readonly findings: Findings;
}

export function fault({ findings, document }: RouteContext, path: JsonPath, problem: string, remedy: string): void {
  findings.fault(path, problem, remedy, document.place(path));
}

export function warn({ findings, document }: RouteContext, path: JsonPath, text: string): void {
  findings.warn(path, text, document.place(path));
}

/** The namespace of a reference; undefined if no ReferenceGrant allows it, which is reported as a fault. */
export function grantedNamespace(
  context: RouteContext,
  path: JsonPath,
  to: { readonly group: string; readonly kind: string; readonly name: string; readonly namespace?: string | undefined },
): string | undefined {
  const { objects, from } = context;
  const namespace = to.namespace ?? from.namespace;
  if (objects.mayRefer(from, to, namespace)) return namespace;
  fault(
    context,
    [...path, 'namespace'],
    `leads into the namespace "${namespace}", which has no ReferenceGrant for it`,
    `Add a ReferenceGrant in "${namespace}" from ${from.kind} in "${from.namespace}" to ${to.kind}`,
  );
  return undefined;
}

/** Adds positions to the findings of a reader that knows only paths. */
export function placed({ findings, document }: Pick<RouteContext, 'findings' | 'document'>): Findings {
  return {
    faults: findings.faults,
    warnings: findings.warnings,
    fault: (path, problem, remedy) => findings.fault(path, problem, remedy, document.place(path)),
    warn: (path, text) => findings.warn(path, text, document.place(path)),
  };
}

/** The findings for a text inside a field: paths continue from `prefix`, and the position is that of the field. */
export function within(findings: Findings, prefix: JsonPath, place: string): Findings {
  return {
    faults: findings.faults,
    warnings: findings.warnings,
    fault: (path, problem, remedy) => findings.fault([...prefix, ...path], problem, remedy, place),
    warn: (path, text) => findings.warn([...prefix, ...path], text, place),
  };
}
