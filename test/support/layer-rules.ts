/** The layers of src as rules for dependency-cruiser: what may import what. ARCHITECTURE.md draws them. */
import type { IForbiddenRuleType } from 'dependency-cruiser';

const core = ['session', 'aggregate', 'oauth'];

/** Modules at `from` import nothing of src but what `allowed` matches. */
function onlyImports(name: string, from: string, allowed: string): IForbiddenRuleType {
  return { name, severity: 'error', from: { path: from }, to: { path: `^src/(?!${allowed})` } };
}

export const forbidden: IForbiddenRuleType[] = [
  { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
  { name: 'errors-at-the-bottom', severity: 'error', from: { path: '^src/errors\\.ts$' }, to: { path: '^src/' } },
  onlyImports('protocol-knows-errors-only', '^src/protocol/', 'protocol/|errors\\.ts$'),
  // Siblings never import one another; they may read the vocabulary, and the model of the configuration.
  ...core.map((layer) =>
    onlyImports(`${layer}-stands-alone`, `^src/${layer}/`, `${layer}/|protocol/|errors\\.ts$|config/model\\.ts$`),
  ),
  {
    // Sockets, files, processes and timers belong to the edge.
    name: 'core-does-no-io',
    severity: 'error',
    from: { path: `^src/(protocol|${core.join('|')})/` },
    to: {
      dependencyTypes: ['core'],
      path: '^(node:)?(fs|net|http|https|dgram|dns|tls|child_process|cluster|timers|worker_threads)',
    },
  },
  onlyImports('config-reads-nothing-above', '^src/config/', 'config/|protocol/|errors\\.ts$'),
  onlyImports('telemetry-knows-nobody', '^src/telemetry/', 'telemetry/'),
  onlyImports(
    'transport-below-gateway',
    '^src/transport/',
    'transport/|session/|aggregate/|oauth/|protocol/|telemetry/|config/model\\.ts$|errors\\.ts$',
  ),
  {
    name: 'downstream-knows-no-upstream',
    severity: 'error',
    from: { path: '^src/transport/downstream/' },
    to: { path: '^src/transport/upstream/' },
  },
  {
    name: 'gateway-below-cli',
    severity: 'error',
    from: { path: '^src/gateway\\.ts$' },
    to: { path: '^src/(main\\.ts$|cli/)' },
  },
];

export const options = {
  doNotFollow: { path: 'node_modules' },
  tsPreCompilationDeps: true,
  tsConfig: { fileName: 'tsconfig.json' },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'node', 'types'],
    extensions: ['.ts', '.js'],
  },
};
