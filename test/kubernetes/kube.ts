/**
 * A real API server for tests, by the programs of the shared folder beside the repository (`MANIFOLD_SHARED` names another). It is
 * started once for all files, and can be killed and started again with its state.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isInstalled } from '../support/installed.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const shared = process.env['MANIFOLD_SHARED'] ?? path.resolve(root, '../shared');

/** Why there can be no API server here; undefined where there can. */
export function whyNot(): string | undefined {
  const tool = path.join(shared, 'tools/kube-up');
  if (!existsSync(tool)) return `${tool} is missing`;
  for (const program of ['go', 'kubectl', 'curl', 'openssl'])
    if (!isInstalled(program)) return `${program} is not installed`;
  return undefined;
}

/** Starts it with the definitions of MCPRoute, Backend and Gateway API. Returns the path of the kubeconfig. */
export function startKube(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'manifold-kube-'));
  const said = execFileSync(
    path.join(shared, 'tools/kube-up'),
    ['--dir', dir, '--crds', path.join(shared, 'crds'), '--', '--min-request-timeout=5', '--goaway-chance=0.02'],
    {
      encoding: 'utf8',
      env: { ...process.env, KUBE_TIMEOUT: '300', KUBE_NICE: '10' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  return said.trim();
}

export function stopKube(kubeconfig: string): void {
  execFileSync(path.join(shared, 'tools/kube-down'), [path.join(path.dirname(kubeconfig), 'pids')], {
    stdio: 'inherit',
  });
}

/** The API server as a process, apart from its store. */
export interface ApiServer {
  /** Ends it at once; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it on the same port; resolves when it answers. */
  start(): Promise<void>;
}

export function apiServer(kubeconfig: string): ApiServer {
  const dir = path.dirname(kubeconfig);
  const pids = path.join(dir, 'pids');
  const lines = readFileSync(pids, 'utf8').trim().split('\n');
  let pid = Number(lines.at(-1)?.split(' ')[0]);
  // The arguments are told by the system, so that the next one is the same.
  const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  if (program?.endsWith('kube-apiserver') !== true) throw new Error('the last process is no API server');
  const port = Number(args[args.indexOf('--secure-port') + 1]);
  return {
    kill: async () => {
      process.kill(pid, 'SIGKILL');
      // The port is free when the last of its threads is gone.
      while (await answers(port)) await sleep(50);
    },
    start: async () => {
      for (let attempt = 0; attempt < 120; attempt++) {
        const log = openSync(path.join(dir, 'apiserver.log'), 'a');
        const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
        closeSync(log);
        child.unref();
        if (child.pid === undefined) throw new Error('the API server did not start');
        pid = child.pid;
        writeFileSync(pids, `${[...lines.slice(0, -1), `${pid} ${startOf(pid)}`].join('\n')}\n`);
        while (child.exitCode === null) {
          if (await isReady(kubeconfig)) return;
          await sleep(250);
        }
        await sleep(500);
      }
      throw new Error('the API server does not start');
    },
  };
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

async function isReady(kubeconfig: string): Promise<boolean> {
  try {
    // Not waited for synchronously: the exit of the server has to be heard.
    await promisify(execFile)('kubectl', [
      '--kubeconfig',
      kubeconfig,
      'get',
      '--raw',
      '/readyz',
      '--request-timeout=5s',
    ]);
    return true;
  } catch {
    return false;
  }
}

/** As kube-down compares it. */
function startOf(pid: number): string {
  return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
}

/** Throws with what kubectl wrote to standard error. */
export function kubectl(kubeconfig: string, args: readonly string[], input?: string): string {
  return execFileSync('kubectl', ['--kubeconfig', kubeconfig, ...args], {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
  });
}

/** Applies objects; YAML takes JSON. */
export function apply(kubeconfig: string, ...objects: readonly unknown[]): void {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  kubectl(kubeconfig, ['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(list));
}

/** Helm where it is: on the path, or beside the cached API server, where `go install helm.sh/helm/v3/cmd/helm@latest` may put it. */
export function helmProgram(): string | undefined {
  const cached = path.join(homedir(), '.cache/kube-for-tests/bin/helm');
  if (isInstalled('helm')) return 'helm';
  return existsSync(cached) ? cached : undefined;
}
