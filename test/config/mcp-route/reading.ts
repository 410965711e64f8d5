/** Reads YAML as `manifold check` does and keeps what is found, for tests of single rules. */
import { Findings } from '../../../src/config/findings.ts';
import { documentsOf } from '../../../src/config/mcp-route/documents.ts';
import { readMcpRouteDocuments } from '../../../src/config/mcp-route/read.ts';
import type { RouteConfig } from '../../../src/config/model.ts';

export interface Reading {
  readonly routes: readonly RouteConfig[];
  /** `line:column path: problem` */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

export function reading(text: string, env: Readonly<Record<string, string>> = {}): Reading {
  const findings = new Findings();
  const routes = readMcpRouteDocuments(documentsOf(text, 'f', env, findings), env, findings);
  return {
    routes,
    faults: findings.faults.map(({ place, path, problem }) => `${place?.replace(/^f:/, '')} ${path}: ${problem}`),
    warnings: findings.warnings,
  };
}

/** An MCPRoute `r` in `default` with one Service `s`, whose spec goes on with `more` (indented by two spaces). */
export function aRoute(more = '', backendMore = ''): string {
  return [
    'apiVersion: aigateway.envoyproxy.io/v1beta1',
    'kind: MCPRoute',
    'metadata: { name: r }',
    'spec:',
    '  parentRefs: [{ name: gw }]',
    '  backendRefs:',
    '    - name: s',
    '      port: 80',
    ...(backendMore === '' ? [] : [backendMore]),
    ...(more === '' ? [] : [more]),
    '',
  ].join('\n');
}
