/** `server-everything` over the deprecated HTTP+SSE transport. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { everythingServer } from './bridge-client.ts';
import { closedAtTheEnd } from './started.ts';

/** The real server, which answers a POST to `/sse` with 404. Gives its URL. */
export async function startEverythingSse(port: number): Promise<string> {
  const server = spawn(process.execPath, [everythingServer, 'sse'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  closedAtTheEnd(async () => {
    server.kill();
    await once(server, 'exit');
  });
  await new Promise<void>((resolve) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      if (line.includes('running on port')) resolve();
    });
  });
  return `http://127.0.0.1:${port}/sse`;
}
