/** The layers of design: main,cli → gateway → transport → {session|aggregate|oauth} → protocol → errors. */
const core = ['session', 'aggregate', 'oauth'];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'errors-at-the-bottom', severity: 'error', from: { path: '^src/errors\\.ts$' }, to: { path: '^src/' } },
    {
      name: 'protocol-knows-errors-only',
      severity: 'error',
      from: { path: '^src/protocol/' },
      to: { path: '^src/(?!protocol/|errors\\.ts$)' },
    },
    ...core.map((layer) => ({
      name: `${layer}-stands-alone`,
      comment: 'siblings never import one another; they may read the vocabulary, and the configuration model',
      severity: 'error',
      from: { path: `^src/${layer}/` },
      to: { path: `^src/(?!${layer}/|protocol/|errors\\.ts$|config/model\\.ts$)` },
    })),
    {
      name: 'core-does-no-io',
      comment: 'sockets, files, processes and timers belong to the edge',
      severity: 'error',
      from: { path: `^src/(protocol|${core.join('|')})/` },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(fs|net|http|https|dgram|dns|tls|child_process|cluster|timers|worker_threads)',
      },
    },
    {
      name: 'config-reads-nothing-above',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/(?!config/|protocol/|errors\\.ts$)' },
    },
    {
      name: 'telemetry-knows-nobody',
      severity: 'error',
      from: { path: '^src/telemetry/' },
      to: { path: '^src/(?!telemetry/)' },
    },
    {
      name: 'transport-below-gateway',
      severity: 'error',
      from: { path: '^src/transport/' },
      to: { path: '^src/(gateway\\.ts$|main\\.ts$|cli/)' },
    },
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
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
      extensions: ['.ts', '.js'],
    },
  },
};
