/**
 * Reads the routes of the MCPRoutes among Kubernetes documents. For files, the documents come from `documentsOf`; for a cluster,
 * from `documentOf`. Nothing here reads a file, and only the routes themselves contain values of Secrets.
 */
import type { Findings } from '../findings.ts';
import type { Naming, RouteConfig } from '../model.ts';
import { defaultNaming } from '../naming.ts';
import type { Environment } from '../variables.ts';
import type { SourceDocument } from './documents.ts';
import { objectsOf } from './objects.ts';
import { routeOf } from './route.ts';

/**
 * Faults and warnings of all documents go to `findings`; an invalid route is left out. `env` is for the variables in
 * `substitution.aigw.run/env/…` annotations of Secrets. Routes are in the order of the documents.
 */
export function readMcpRouteDocuments(
  documents: readonly SourceDocument[],
  env: Environment,
  findings: Findings,
  naming: Naming = defaultNaming,
): readonly RouteConfig[] {
  const objects = objectsOf(documents, findings);
  return objects.all('MCPRoute').flatMap((located) => {
    const { document, object } = located;
    const from = { group: 'aigateway.envoyproxy.io', kind: 'MCPRoute', namespace: object.metadata.namespace };
    const route = routeOf(located, { objects, env, from, document, findings }, naming);
    return route === undefined ? [] : [route];
  });
}
