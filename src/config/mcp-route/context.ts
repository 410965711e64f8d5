/** What the reading of one route needs at every step, and how it tells what it finds. */
import type { Findings } from '../findings.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { Environment } from '../variables.ts';
import type { SourceDocument } from './documents.ts';
import type { Objects, Referrer } from './objects.ts';

export interface RouteContext {
  readonly objects: Objects;
  readonly env: Environment;
  readonly from: Referrer;
  /** The document that holds the route. */
  readonly document: SourceDocument;
  readonly findings: Findings;
}

export function fault({ findings, document }: RouteContext, path: JsonPath, problem: string, remedy: string): void {
  findings.fault(path, problem, remedy, document.place(path));
}

export function warn({ findings, document }: RouteContext, path: JsonPath, text: string): void {
  findings.warn(path, text, document.place(path));
}

/** The namespace that a reference leads to, or undefined when no ReferenceGrant allows it, which is a fault. */
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

/** The findings for a reader that knows paths but no places. */
export function placed({ findings, document }: Pick<RouteContext, 'findings' | 'document'>): Findings {
  return {
    faults: findings.faults,
    warnings: findings.warnings,
    fault: (path, problem, remedy) => findings.fault(path, problem, remedy, document.place(path)),
    warn: (path, text) => findings.warn(path, text, document.place(path)),
  };
}

/** The findings for what stands in a text of its own within a field: paths go on from `prefix`, and the place is that of the field. */
export function within(findings: Findings, prefix: JsonPath, place: string): Findings {
  return {
    faults: findings.faults,
    warnings: findings.warnings,
    fault: (path, problem, remedy) => findings.fault([...prefix, ...path], problem, remedy, place),
    warn: (path, text) => findings.warn([...prefix, ...path], text, place),
  };
}
