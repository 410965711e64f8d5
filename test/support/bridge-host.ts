/**
 * A stand-in for the gateway, to be killed: runs a bridge with one stubborn server that has a stubborn child, and prints the
 * process ids of both and of the reaper. Ends as told on its input: `exit` or `throw`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startBridge } from '../../src/transport/bridge/bridge.ts';

const [, , server = ''] = process.argv;
const ignore = (): void => {};
const bridge = await startBridge(
  [
    {
      name: 'odd',
      transport: { kind: 'stdio', command: process.execPath, args: [server, 'stubborn'], env: {}, cwd: undefined },
    },
  ],
  { log: { debug: ignore, info: ignore, warn: ignore, error: ignore } },
);
const url = bridge.urlOf('odd');
const headers: Record<string, string> = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
const ask = async (method: string): Promise<Record<string, unknown>> => {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: method, method, params: {} }),
  });
  const session = response.headers.get('mcp-session-id');
  if (session !== null) headers['mcp-session-id'] = session;
  return ((await response.json()) as { result: Record<string, unknown> }).result;
};
// Asked again while the server is starting.
while (headers['mcp-session-id'] === undefined) await ask('initialize');
const pids = [(await ask('pid'))['pid'], (await ask('grandchild'))['pid'], ...reapers()];
process.stdout.write(`${JSON.stringify({ pids })}\n`);

createInterface({ input: process.stdin }).on('line', (word) => {
  if (word === 'exit') process.exit(0);
  setImmediate(() => {
    throw new Error('uncaught');
  });
});

/** Children of this process that run the reaper. */
function reapers(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1];
        return parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('reaper.ts');
      } catch {
        return false;
      }
    })
    .map(Number);
}
