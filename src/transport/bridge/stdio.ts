/**
 * One process of a stdio server (2025-11-25 basic/transports §stdio): messages are lines on its stdin and stdout, its stderr goes
 * to the log, and its whole process group is ended. It is spawned without a shell, and its environment holds only what the config
 * gives.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { UpstreamTransport } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import { maxMessageBytes } from '../../protocol/limits.ts';
import type { BridgeLimits } from './limits.ts';
import { LineLog } from './line-log.ts';
import { LineSplitter } from './lines.ts';
import { LogEntries } from './log-entries.ts';
import { PacedOutput } from './paced-output.ts';
import type { BridgeLog, RunningServer, ServerOwner } from './running-server.ts';
import { groupIsAlive, signalGroup } from './process-group.ts';
import type { Reaping } from './reaping.ts';
import { serverEnvironment, spawnCommand } from './spawn-command.ts';

type StdioTransport = Extract<UpstreamTransport, { kind: 'stdio' }>;

const newline = Buffer.from('\n');
const pollMs = 20;

export interface StdioDeps {
  readonly log: BridgeLog;
  readonly limits: BridgeLimits;
  readonly reaping: Reaping;
}

/** Starts the process. If the command cannot be started, one log line names it and the server ends (`ended`). */
export function openProcess(
  upstream: string,
  transport: StdioTransport,
  owner: ServerOwner,
  deps: StdioDeps,
): RunningServer {
  return new StdioServer(upstream, transport, owner, deps);
}

class StdioServer implements RunningServer {
  label: Readonly<Record<string, string | number | undefined>>;
  readonly #transport: StdioTransport;
  readonly #owner: ServerOwner;
  readonly #deps: StdioDeps;
  readonly #child: ChildProcessWithoutNullStreams | undefined;
  readonly #gone = Promise.withResolvers<void>();
  #stdout: PacedOutput | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #over = false;
  #exited = false;
  #ending = false;
  #timers: NodeJS.Timeout[] = [];

  constructor(upstream: string, transport: StdioTransport, owner: ServerOwner, deps: StdioDeps) {
    this.#transport = transport;
    this.#owner = owner;
    this.#deps = deps;
    this.label = { upstream };
    try {
      this.#child = start(transport);
    } catch (cause) {
      process.nextTick(() => this.#failed(cause));
      return;
    }
    const child = this.#child;
    this.label = { upstream, pid: child.pid };
    if (child.pid !== undefined) {
      deps.reaping.watch(child.pid);
      deps.log.info(this.label, 'stdio server started');
    }
    child.once('error', (cause) => {
      // `error` is also emitted when a signal could not be sent. Only a process that never started has no pid.
      if (child.pid === undefined) this.#failed(cause);
    });
    child.once('exit', (code, signal) => this.#onExit(signal ?? `exit code ${code ?? 'unknown'}`));
    child.stdin.on('error', () => {});
    child.stdin.on('drain', () => this.#roomAgain());
    this.#read(child);
  }

  async send(message: Buffer): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) throw new GatewayError('upstream_interrupted', 'stdin is closed');
    if (stdin.writableLength + message.length > this.#deps.limits.maxInputBacklogBytes)
      throw new GatewayError('upstream_refused', 'the server does not read its input');
    const taken = Promise.withResolvers<void>();
    stdin.cork();
    stdin.write(message);
    stdin.write(newline, (fault) => {
      if (fault) taken.reject(new GatewayError('upstream_interrupted', fault.message));
      else taken.resolve();
    });
    stdin.uncork();
    await taken.promise;
  }

  room(): Promise<void> | undefined {
    if (this.#over || this.#child?.stdin.writableNeedDrain !== true) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  pause(): void {
    this.#stdout?.pause();
  }

  resume(): void {
    this.#stdout?.resume();
  }

  stray(): void {
    this.#stdout?.spend(this.#deps.limits.strayLineCost, 0);
  }

  end(): Promise<void> {
    const group = this.#child?.pid;
    if (!this.#ending && !this.#exited && group !== undefined) {
      this.#ending = true;
      const { termAfterMs, killAfterMs } = this.#deps.limits;
      this.#child?.stdin.end();
      // A server that blocks on writing unread output would never see the end of its input.
      this.#drain();
      this.#timers.push(
        setTimeout(() => signalGroup(group, 'SIGTERM'), termAfterMs),
        setTimeout(() => signalGroup(group, 'SIGKILL'), killAfterMs),
      );
    }
    return this.#gone.promise;
  }

  #read(child: ChildProcessWithoutNullStreams): void {
    const { log, limits } = this.#deps;
    const stderrLog = new LineLog(log, limits);
    const entries = new LogEntries(limits, (entry) => {
      stderrLog.write('info', this.label, 'stderr', entry, performance.now());
      this.#owner.said(entry);
    });
    const onErrorLine = (line: Buffer): void => entries.add(line);
    const out = new LineSplitter(
      maxMessageBytes,
      (line) => this.#owner.message(line),
      (head, tail) => this.#owner.oversized(head, tail),
      () => this.#owner.marked(),
    );
    const err = new LineSplitter(limits.maxLoggedBytes, onErrorLine, onErrorLine);
    const stdout = (this.#stdout = new PacedOutput(child.stdout, limits));
    const stderr = new PacedOutput(child.stderr, limits);
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.#over) stdout.spend(out.push(chunk), chunk.length);
    });
    child.stdout.on('end', () => {
      if (!this.#over) out.end();
    });
    child.stderr.on('data', (chunk: Buffer) => stderr.spend(err.push(chunk), chunk.length));
    child.stderr.on('end', () => {
      err.end();
      entries.flush();
    });
    // If the process exits during a pause, its last output would stay unread.
    child.once('exit', () => stderr.over());
    for (const pipe of [child.stdout, child.stderr]) pipe.on('error', () => {});
  }

  /** Reads all output without pauses from now on. */
  #drain(): void {
    this.#stdout?.over();
  }

  /** The process could not be started. */
  #failed(cause: unknown): void {
    const { command, cwd } = this.#transport;
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const folderMissing = cwd !== undefined && !existsSync(cwd);
    // Node reports a missing working directory as a missing command.
    const problem = folderMissing
      ? `folder not found: ${cwd}`
      : code === 'ENOENT'
        ? `command not found: ${command}`
        : `command cannot be started: ${command}`;
    this.#deps.log.error({ ...this.label, code }, problem);
    this.#roomAgain();
    this.#finish(new GatewayError('upstream_unreachable', problem));
    this.#gone.resolve();
  }

  #onExit(how: string): void {
    this.#exited = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const { log, limits } = this.#deps;
    log[this.#ending ? 'debug' : 'error'](
      { ...this.label, how },
      this.#ending ? 'stdio server ended' : 'stdio server ended by itself',
    );
    const child = this.#child;
    const finish = (): void => {
      clearTimeout(patience);
      child?.stdout.destroy();
      child?.stderr.destroy();
      this.#roomAgain();
      this.#finish(new GatewayError('upstream_interrupted', `stdio server ended: ${how}`));
    };
    // The last answers may still be in the pipe; `close` is emitted when the pipes are empty.
    const patience = setTimeout(finish, limits.drainAfterExitMs);
    child?.once('close', finish);
    this.#drain();
    if (child?.pid !== undefined) this.#sweep(child.pid);
  }

  /** Ends the processes left in the group. */
  #sweep(group: number): void {
    const done = (): void => {
      this.#deps.reaping.forget(group);
      this.#gone.resolve();
    };
    if (!groupIsAlive(group)) {
      done();
      return;
    }
    signalGroup(group, 'SIGTERM');
    const { leftoverKillMs } = this.#deps.limits;
    const started = performance.now();
    let killed = false;
    const poll = setInterval(() => {
      const waited = performance.now() - started;
      if (waited >= leftoverKillMs && !killed) {
        killed = true;
        signalGroup(group, 'SIGKILL');
      }
      // A zombie that no parent reaps stays in its group for ever, and no signal removes it.
      if (groupIsAlive(group) && waited < leftoverKillMs * 2) return;
      clearInterval(poll);
      done();
    }, pollMs);
  }

  #roomAgain(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #finish(fault: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.ended(fault);
  }
}

function start(transport: StdioTransport): ChildProcessWithoutNullStreams {
  const env = serverEnvironment(process.env, transport.env);
  const { file, args, verbatim } = spawnCommand(transport.command, transport.args, env);
  return spawn(file, args, {
    env,
    ...(transport.cwd === undefined ? {} : { cwd: transport.cwd }),
    stdio: 'pipe',
    shell: false,
    // A process group of its own. On Windows this would open a console window and is not needed: taskkill finds the tree.
    detached: process.platform !== 'win32',
    windowsHide: true,
    windowsVerbatimArguments: verbatim,
  });
}
