/** The layers of src as rules for dependency-cruiser: what may import what. ARCHITECTURE.md draws them. */
import type { IForbiddenRuleType } from 'dependency-cruiser';

/**
 * Every room, from the top down: the file or folder below src, and what of the rooms below it may be imported. A room may always
 * import itself. What stands in no list is forbidden, so that an import upwards, and a circle between rooms, cannot be.
 */
const pureCore = ['session', 'aggregate', 'oauth'] as const;
const everyoneReads = ['protocol', 'errors.ts', 'config/model.ts', 'config/security.ts'] as const;
const edge = ['transport/http', ...everyoneReads, ...pureCore, 'telemetry'] as const;
const transport = ['transport/upstream', 'transport/downstream', 'transport/peers', ...edge] as const;
const clients = ['clients', ...transport] as const;
const streams = ['streams', ...clients] as const;
const lists = ['lists', ...streams] as const;
const calls = ['calls', ...lists] as const;
const gateway = ['gateway.ts', ...calls] as const;

export const rooms: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  protocol: ['errors.ts'],
  session: everyoneReads,
  aggregate: everyoneReads,
  oauth: everyoneReads,
  config: ['protocol', 'errors.ts'],
  telemetry: ['protocol', 'errors.ts'],
  'transport/http': [...everyoneReads, ...pureCore, 'telemetry'],
  'transport/egress': edge,
  'transport/authorization': ['transport/egress', ...edge],
  'transport/upstream': edge,
  'transport/bridge': edge,
  'transport/downstream': edge,
  'transport/peers': ['transport/downstream', ...edge],
  clients: transport,
  streams: clients,
  lists: streams,
  calls: lists,
  'gateway.ts': calls,
  route: ['config/naming.ts', 'transport/authorization', 'transport/egress', ...gateway],
  kubernetes: ['config', 'session', ...everyoneReads, 'telemetry'],
  process: ['route', 'kubernetes', 'config', 'transport/bridge', 'transport/authorization', ...gateway],
  cli: ['process', 'config', 'session', 'telemetry', ...everyoneReads],
  'main.ts': ['cli', 'process', 'config', 'session'],
};

function patternOf(room: string): string {
  return room.endsWith('.ts') ? `${room.replace('.', '\\.')}$` : `${room}/`;
}

const forbiddenImports = Object.entries(rooms).map(([room, below]): IForbiddenRuleType => ({
  name: `${room} imports only what is below it`,
  severity: 'error',
  from: { path: `^src/${patternOf(room)}` },
  to: {
    path: `^src/(?!${[room, ...below].map(patternOf).join('|')})`,
  },
}));

export const forbidden: IForbiddenRuleType[] = [
  { name: 'no circle of files', severity: 'error', from: {}, to: { circular: true } },
  ...forbiddenImports,
  {
    name: 'every file is in a room',
    severity: 'error',
    from: { path: `^src/(?!${Object.keys(rooms).map(patternOf).join('|')})` },
    to: {},
  },
  {
    // Sockets, files, processes and timers belong to the edge.
    name: 'the pure core does no input or output',
    severity: 'error',
    from: { path: `^src/(protocol|${pureCore.join('|')})/` },
    to: {
      dependencyTypes: ['core'],
      path: '^(node:)?(fs|net|http|https|dgram|dns|tls|child_process|cluster|timers|worker_threads)',
    },
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
