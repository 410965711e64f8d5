/**
 * Starts a Keycloak once, by the program of the shared folder beside the repository (`MANIFOLD_SHARED` names another), and stops it
 * at the end; `KEYCLOAK_ISSUER` names a realm that runs.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { shared } from '../kubernetes/kube.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the realm; empty where there is no Keycloak. */
    issuer: string;
  }
}

/** Its first start fetches it. */
const startMs = 600_000;

export default function setup(project: TestProject): (() => void) | undefined {
  const given = process.env['KEYCLOAK_ISSUER'];
  if (given !== undefined) {
    project.provide('issuer', given);
    return undefined;
  }
  const command = join(shared, 'tools/keycloak-up');
  const folder = mkdtempSync(join(tmpdir(), 'manifold-keycloak-'));
  const started = spawnSync(command, ['--dir', folder], { encoding: 'utf8', timeout: startMs });
  const issuer = started.status === 0 ? started.stdout.trim() : '';
  if (issuer === '') {
    const reason = started.error === undefined ? started.stderr.trim().split('\n').at(-1) : `${command} does not start`;
    process.stderr.write(`test:keycloak skips all: ${reason}\n`);
  }
  project.provide('issuer', issuer);
  return () => {
    if (issuer !== '') spawnSync(join(dirname(command), 'kube-down'), [join(folder, 'pids')]);
    rmSync(folder, { recursive: true, force: true });
  };
}
