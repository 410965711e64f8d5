/** Several gateways that share nothing but a key ring, as replicas of one deployment do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayOptions, GatewayProcess } from './gateway-process.ts';
import { startGateway } from './gateway-process.ts';
import { closedAtTheEnd } from './started.ts';

const key = { id: 'only', secret: 'Q4pQ3bDq1iX0Zt8m5Wk2yC7eR9aJ6sVuHfLgTnBxOdE=', kdf: 'none' };

/** Writes a key ring of one raw key and gives its path. */
export async function makeKeysFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'manifold-replicas-'));
  closedAtTheEnd(() => rm(folder, { recursive: true }));
  const file = join(folder, 'keys.json');
  await writeFile(file, JSON.stringify({ keys: [key] }), { mode: 0o600 });
  return file;
}

/** Starts `count` replicas of one configuration, without admin ports unless `options` says otherwise. */
export async function startReplicas(
  count: number,
  config: unknown,
  options: GatewayOptions = {},
): Promise<GatewayProcess[]> {
  const keysFile = await makeKeysFile();
  return await Promise.all(
    Array.from({ length: count }, () => startGateway({ config, keysFile, admin: false, ...options })),
  );
}
