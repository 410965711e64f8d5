/**
 * Images without a daemon and without a registry of images: `buildah` of this machine, and base images of what the machine has. The
 * packages of npm come from where npm of this machine gets them.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './kube.ts';

/** Runs buildah; gives its standard output. Throws with the end of all that it said. */
export type Buildah = (...args: readonly string[]) => string;

const tailChars = 2_000;
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** With a storage of its own, which `remove` deletes. */
export function buildahIn(directory: string): Buildah {
  const storage = [
    '--root',
    path.join(directory, 'root'),
    '--runroot',
    path.join(directory, 'run'),
    '--storage-driver',
    'vfs',
  ];
  // Of the kernel only chroot is needed: no namespaces of a container runtime.
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot' };
  return (...args) => {
    try {
      return execFileSync('buildah', [...storage, ...args], {
        encoding: 'utf8',
        stdio: 'pipe',
        env,
        maxBuffer: 1e8,
      }).trim();
    } catch (fault) {
      const { stdout = '', stderr = '' } = fault as { stdout?: string; stderr?: string };
      throw new Error(`buildah ${args[0]}: ${`${stdout}${stderr}`.slice(-tailChars)}`, { cause: fault });
    }
  };
}

export function newStorage(): { readonly directory: string; remove(): void } {
  const directory = mkdtempSync(path.join(tmpdir(), 'manifold-image-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** `localhost/base` has what Node needs to run, `localhost/node` Node, npm and a shell besides. */
export function makeBases(buildah: Buildah, directory: string): void {
  const base = path.join(directory, 'base');
  const node = path.join(directory, 'node');
  const binary = realpathSync(process.execPath);
  for (const tree of [base, node]) {
    for (const folder of ['etc/ssl/certs', 'tmp', 'usr/local/bin', 'bin', 'usr/bin'])
      mkdirSync(path.join(tree, folder), { recursive: true });
    copyLibraries(binary, tree);
    cpSync(certificates, path.join(tree, certificates));
    writeFileSync(path.join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  }
  cpSync(binary, path.join(node, 'usr/local/bin/node'));
  for (const [program, place] of [
    ['sh', 'bin/sh'],
    ['env', 'usr/bin/env'],
  ] as const) {
    const found = realpathSync(execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim());
    copyLibraries(found, node);
    cpSync(found, path.join(node, place));
  }
  const npm = path.resolve(
    realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim()),
    '../..',
  );
  cpSync(npm, path.join(node, 'usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', path.join(node, 'usr/local/bin/npm'));
  // Where this machine gets packages from.
  const settings = execFileSync('npm', ['config', 'get', 'globalconfig'], { encoding: 'utf8', cwd: tmpdir() }).trim();
  mkdirSync(path.join(node, 'usr/local/etc'), { recursive: true });
  if (existsSync(settings)) writeFileSync(path.join(node, 'usr/local/etc/npmrc'), readFileSync(settings));
  for (const [name, tree] of [
    ['base', base],
    ['node', node],
  ] as const) {
    const container = buildah('from', 'scratch');
    buildah('copy', '--quiet', container, tree, '/');
    buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', container);
    buildah('commit', '--quiet', container, `localhost/${name}`);
    buildah('rm', container);
    rmSync(tree, { recursive: true });
  }
}

/** Builds the Dockerfile of the repository on them. */
export function buildImage(buildah: Buildah, name: string): void {
  buildah(
    'build',
    '--network',
    'host',
    '--build-arg',
    'NODE_IMAGE=localhost/node',
    '--build-arg',
    'BASE_IMAGE=localhost/base',
    '--ignorefile',
    path.join(root, '.dockerignore'),
    '--tag',
    name,
    root,
  );
}

/** Shared libraries that a program names, with the loader. */
function copyLibraries(program: string, tree: string): void {
  const said = execFileSync('ldd', [program], { encoding: 'utf8' });
  for (const [, file] of said.matchAll(/(?:=> |^\s+)(\/\S+)/gm)) {
    if (file === undefined) continue;
    const target = path.join(tree, file);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(file, target, { dereference: true });
  }
}
