/** The Dockerfile, built by buildah from what this machine has: small, without rights and tools, and it runs. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildahIn, buildImage, makeBases, newStorage, type Buildah } from './image.ts';
import { root } from './kube.ts';

const minutes = 60_000;
const storage = newStorage();
let buildah: Buildah;
let whyNot: string | undefined;

beforeAll(() => {
  buildah = buildahIn(storage.directory);
  whyNot = reasonAgainst();
  if (whyNot !== undefined) process.stderr.write(`test:kubernetes skips the image: ${whyNot}\n`);
}, 5 * minutes);
afterAll(() => storage.remove());

/** Why no image can be built here: no buildah, no right to run a container, or no packages. */
function reasonAgainst(): string | undefined {
  try {
    execFileSync('buildah', ['--version'], { stdio: 'pipe' });
  } catch {
    return 'buildah is not installed';
  }
  try {
    makeBases(buildah, storage.directory);
    const container = buildah('from', 'localhost/node');
    buildah('run', '--network', 'host', container, '--', 'node', '--version');
    buildah('run', '--network', 'host', container, '--', 'npm', 'view', 'zod', 'name');
    buildah('rm', container);
    return undefined;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

describe('the image', () => {
  test('is small, has no tools, runs without rights, and is the gateway', { timeout: 15 * minutes }, ({ skip }) => {
    if (whyNot !== undefined) skip(whyNot);
    buildImage(buildah, 'localhost/manifold');
    const { config } = (
      JSON.parse(buildah('inspect', '--type', 'image', 'localhost/manifold')) as {
        OCIv1: { config: Record<string, unknown> };
      }
    ).OCIv1;
    expect(config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['node', '/app/dist/main.js'],
      StopSignal: 'SIGTERM',
      WorkingDir: '/tmp',
    });
    const container = buildah('from', 'localhost/manifold');
    const tree = buildah('mount', container);
    for (const absent of [
      'usr/local/bin/npm',
      'bin/sh',
      'app/src',
      'app/node_modules/vitest',
      'app/node_modules/typescript',
    ])
      expect([absent, exists(path.join(tree, absent))]).toEqual([absent, false]);
    expect(execFileSync('find', [path.join(tree, 'app'), '!', '-user', 'root'], { encoding: 'utf8' })).toBe('');
    expect(execFileSync('find', [path.join(tree, 'app'), '-perm', '/6000'], { encoding: 'utf8' })).toBe('');
    const run = (...args: readonly string[]): string =>
      buildah('run', '--user', '65532:65532', container, '--', 'node', ...args);
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    expect(run('/app/dist/main.js', 'version')).toBe(version);
    expect(run('-e', 'console.log(process.getuid())')).toBe('65532');
    // All that is loaded when it is asked for is there.
    const text = '{"mcpServers":{"docs":{"url":"http://127.0.0.1:9/mcp"}}}';
    expect(run('/app/dist/main.js', 'check', '--mcp-json', text)).toContain('docs');
    expect(run('-e', "import('/app/dist/process/cluster.js').then(() => console.log('loaded'))")).toBe('loaded');
    expect(run('-e', "import('/app/dist/telemetry/spans.js').then(() => console.log('loaded'))")).toBe('loaded');
  });
});

function exists(file: string): boolean {
  try {
    execFileSync('test', ['-e', file]);
    return true;
  } catch {
    return false;
  }
}
