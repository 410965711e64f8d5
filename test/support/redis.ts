/** A real Redis, where this machine has one. */
import { spawn, spawnSync } from 'node:child_process';
import { freePort } from './free-port.ts';
import { closedAtTheEnd } from './started.ts';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** Starts one that keeps nothing on the disk; gives its URL, at once: clients wait until it listens. */
export async function startRedis(): Promise<string> {
  const port = await freePort();
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: 'ignore' },
  );
  closedAtTheEnd(async () => void server.kill());
  return `redis://127.0.0.1:${port}`;
}
