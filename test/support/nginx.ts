/** nginx as the balancer of a proof, where it is on PATH. What it retries is what docs/operating.md tells users to let it retry. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Balancer } from './balancer.ts';
import { freePort } from './free-port.ts';

const startTries = 100;
const stopWithinMs = 5_000;

export function hasNginx(): boolean {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** As `startBalancer`. Throws with its log when it does not listen within 10 s. */
export async function startNginx(ports: readonly number[], failTimeoutMs: number): Promise<Balancer> {
  const directory = mkdtempSync(join(tmpdir(), 'manifold-nginx-'));
  const port = await freePort();
  writeFileSync(join(directory, 'nginx.conf'), configuration(port, ports, failTimeoutMs));
  // Faults of the configuration go to stderr only.
  const said = openSync(join(directory, 'stderr.log'), 'w');
  const child = spawn('nginx', ['-p', directory, '-c', 'nginx.conf'], { stdio: ['ignore', 'ignore', said] });
  closeSync(said);
  const exited = once(child, 'exit');
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  const log = (name: string): string => {
    try {
      return readFileSync(join(directory, name), 'utf8');
    } catch {
      return '';
    }
  };
  const close = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(orphaned, stopWithinMs);
    await exited;
    clearTimeout(timer);
    process.off('exit', orphaned);
    rmSync(directory, { recursive: true, force: true });
  };
  for (let tries = startTries; !(await isListening(port)); tries -= 1) {
    if (tries === 0 || child.exitCode !== null) {
      const fault = new Error(`nginx does not listen; it said:\n${log('stderr.log')}${log('error.log')}`);
      await close();
      throw fault;
    }
    await sleep(100);
  }
  return {
    kind: 'nginx',
    origin: `http://localhost:${port}`,
    get statuses() {
      return statusesIn(log('access.log'));
    },
    close,
  };
}

/** One process, in the foreground, all its files in its own directory. */
function configuration(port: number, ports: readonly number[], failTimeoutMs: number): string {
  const memory = failTimeoutMs === 0 ? 'max_fails=0' : `max_fails=1 fail_timeout=${failTimeoutMs / 1_000}s`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${of};`);
  return `daemon off; master_process off; pid nginx.pid; error_log error.log;
events { worker_connections 4096; }
http {
  log_format outcome '$status $request_method $upstream_status'; access_log access.log outcome;
  ${temporary.join(' ')}
  upstream replicas { ${ports.map((each) => `server 127.0.0.1:${each} ${memory};`).join(' ')} }
  server {
    listen 127.0.0.1:${port};
    large_client_header_buffers 4 16k; client_max_body_size 4m;
    location / {
      proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_buffering off; proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_read_timeout 1h; gzip off;
      proxy_next_upstream error timeout http_503;
    }
  }
}
`;
}

/** 502 is what nginx makes of an answer that broke before its head; 499 is a client that did not wait for one. */
function statusesIn(log: string): Map<number | 'cut', number> {
  const statuses = new Map<number | 'cut', number>();
  for (const line of log.split('\n')) {
    const [status = ''] = line.split(' ');
    if (status === '' || status === '499') continue;
    const outcome = status === '502' ? 'cut' : Number(status);
    statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
  }
  return statuses;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
