/**
 * A stdio server that takes as long to start as a test wants: `node gated-stdio-server.ts DIRECTORY [REVISION]`. It reads its
 * input once the file `gate` is in the directory, appends its process id to `starts` when it starts and to `greeted` when it
 * answers `initialize`, and speaks the revision that it was given, or the one it is offered.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface Incoming {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

const [, , directory = '.', revision] = process.argv;
const note = (file: string): void => appendFileSync(join(directory, file), `${process.pid}\n`);
const send = (message: object): boolean => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const levels: unknown[] = [];

const answers: Record<string, (params: Readonly<Record<string, unknown>>) => unknown> = {
  initialize: ({ protocolVersion }) => {
    note('greeted');
    return {
      protocolVersion: revision ?? protocolVersion,
      capabilities: { tools: { listChanged: true }, logging: {}, resources: { subscribe: true } },
      serverInfo: { name: 'gated', version: '1' },
    };
  },
  'tools/list': () => ({ tools: [{ name: `of-${process.pid}`, inputSchema: { type: 'object' } }] }),
  // Lists that make it speak up while it is nobody's.
  'resources/templates/list': () => {
    send({ method: 'notifications/tools/list_changed' });
    return { resourceTemplates: [] };
  },
  'prompts/list': () => {
    send({ id: 'q', method: 'roots/list' });
    return { prompts: [] };
  },
  'logging/setLevel': ({ level }) => {
    levels.push(level);
    return {};
  },
  'resources/subscribe': () => ({}),
  'resources/unsubscribe': ({ uri }) => {
    levels.push(uri);
    return {};
  },
  'tools/call': ({ name, _meta }) => {
    const { progressToken } = (_meta ?? {}) as { progressToken?: unknown };
    if (name === 'progress') {
      send({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      send({ method: 'notifications/progress', params: { progressToken: 'of nobody', progress: 2 } });
    }
    if (name === 'log') send({ method: 'notifications/message', params: { level: 'info', data: 'log' } });
    if (name === 'changed') send({ method: 'notifications/tools/list_changed' });
    if (name === 'updated') send({ method: 'notifications/resources/updated', params: { uri: 'x:1' } });
    if (name === 'ask') send({ id: 'q', method: 'roots/list' });
    if (name === 'never') return undefined;
    return { content: [{ type: 'text', text: JSON.stringify({ pid: process.pid, levels, refused }) }] };
  },
};

let refused = 0;
note('starts');
process.stderr.write('fetching packages\n');
const wait = setInterval(() => {
  if (!existsSync(join(directory, 'gate'))) return;
  clearInterval(wait);
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { id, method, params = {} } = JSON.parse(line) as Incoming;
      if (method === undefined) refused += 1;
      else if (id !== undefined) {
        const result = answers[method]?.(params);
        if (result !== undefined) send({ id, result });
      }
    })
    .on('close', () => process.exit(0));
}, 10);
