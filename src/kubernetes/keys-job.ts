/**
 * `node dist/kubernetes/keys-job.js NAME`, for a Job in the cluster: creates a Secret with a new key ring, `keys.json`, in the
 * namespace of the pod. An existing Secret of that name is not changed. The Job needs only the permission to create.
 */
import { randomBytes } from 'node:crypto';
import { generateKeyFile } from '../session/key-file.ts';
import { type Api, ApiFault, openApi } from './api.ts';

/** Returns whether it created one. Throws `ApiFault`. */
async function makeKeys(api: Api, name: string): Promise<boolean> {
  try {
    await api.request({
      method: 'POST',
      path: `/api/v1/namespaces/${encodeURIComponent(api.namespace)}/secrets`,
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: api.namespace },
        type: 'Opaque',
        stringData: { 'keys.json': generateKeyFile(randomBytes, Date.now() / 1000) },
      },
    });
    return true;
  } catch (fault) {
    if (fault instanceof ApiFault && fault.status === 409) return false;
    throw fault;
  }
}

const name = process.argv[2];
if (name === undefined) {
  process.stderr.write('usage: keys-job NAME\n');
  process.exitCode = 2;
} else {
  try {
    const isMade = await makeKeys(openApi(), name);
    process.stdout.write(isMade ? `Made Secret ${name}.\n` : `Secret ${name} is there already; left as it is.\n`);
  } catch (fault) {
    process.stderr.write(`Secret ${name} was not made: ${fault instanceof Error ? fault.message : String(fault)}\n`);
    process.exitCode = 1;
  }
}
