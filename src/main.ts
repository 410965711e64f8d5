#!/usr/bin/env node
/** The command `manifold`: the only file that knows the process, its signals and its exit codes. */
import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { parseCommand, type Command } from './cli/arguments.ts';
import type { CommandIo } from './process/io.ts';
import type { Running } from './process/run.ts';
import { UsageError } from './process/usage.ts';
import { ConfigError } from './config/model.ts';
import { textOf } from './config/text-file.ts';
import { KeyringError } from './session/key-spec.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const io: CommandIo = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  readFile: async (path) => textOf(await readFile(path)),
  readDirectory: (path) => readdir(path),
  fileMode: async (path) => (process.platform === 'win32' ? undefined : (await stat(path)).mode),
  createFile: (path, text) => writeFile(path, text, { flag: 'wx', mode: 0o600 }),
  random: randomBytes,
  nowSeconds: () => Math.floor(Date.now() / 1000),
};

/*
 * V8 moves what one place in the code allocates into the old heap from the start, if all of it lived long so far. With 100 routes,
 * what their start has made decides so for places that calls use as well. From there a dead call keeps all it points to until the
 * next full collection: a scavenge took 38 ms in place of 3.
 */
setFlagsFromString('--no-allocation-site-pretenuring');

/** A signal that comes sooner than this after the first is its echo. */
const signalEchoMs = 500;
let stoppingSinceMs: number | undefined;

for (const stream of [process.stdout, process.stderr]) stream.on('error', readerIsGone);

/* What serves is loaded after this check: older versions of Node cannot even read some of it. */
if (isTooOld(process.versions.node)) {
  io.stderr.write(
    `manifold needs Node 22.19 or newer; this is ${process.versions.node}. In a checkout, "npx manifold" uses the one that npm ci brings.\n`,
  );
  process.exit(1);
}
if (cluster.isWorker) (await import('./process/worker.ts')).runWorker(io, version);
else await command();

/* `manifold … | head` is no fault, and whoever closes the output of a gateway does not mean to end it. */
function readerIsGone(fault: NodeJS.ErrnoException): void {
  if (fault.code !== 'EPIPE') process.exitCode ??= 1;
}

function isTooOld(node: string): boolean {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  return major < 22 || (major === 22 && minor < 19);
}

async function command(): Promise<void> {
  try {
    const code = await execute(parseCommand(process.argv.slice(2), process.env));
    if (code !== undefined) process.exitCode = code;
  } catch (fault) {
    process.exitCode = report(fault);
  }
}

/** The exit code, or undefined for a command that goes on. */
async function execute(command: Command): Promise<number | undefined> {
  switch (command.kind) {
    case 'help':
      io.stdout.write(command.text);
      return 0;
    case 'version':
      io.stdout.write(`${version}\n`);
      return 0;
    case 'completion':
      io.stdout.write((await import('./cli/completion.ts')).completionScript(command.shell));
      return 0;
    case 'check':
      return await (await import('./cli/check.ts')).check(command, io);
    case 'export':
      return await (await import('./cli/export.ts')).exportRoutes(command, io);
    case 'keygen':
      return await (await import('./cli/keygen.ts')).keygen(command, io);
    case 'tools':
      // Loaded when asked for: the SDK it brings is large, and `run` has no use for it.
      return await (await import('./cli/tools.ts')).tools(command.options, io);
    case 'token-inspect':
      return await (
        await import('./cli/token.ts')
      ).inspectToken(command.token === '-' ? await standardInput() : command.token, command.options, io);
    case 'run': {
      const running = await (await import('./process/run.ts')).run(command.options, io, version);
      process.on('SIGHUP', () => void running.reload());
      process.on('SIGTERM', () => stop(running, command.options.drainDelayMs));
      // On a terminal there is no load balancer to wait for.
      process.on('SIGINT', () => stop(running, 0));
      io.stdout.write(await running.greeting);
      running.greeted();
      return undefined;
    }
  }
}

/** The first signal drains; a second one, later than an echo of the first, means at once. */
function stop(running: Running, delayMs: number): void {
  const nowMs = performance.now();
  // Under npm a Ctrl-C arrives twice: from the terminal and from npm.
  if (stoppingSinceMs !== undefined) {
    if (nowMs - stoppingSinceMs > signalEchoMs) process.exit(1);
    return;
  }
  stoppingSinceMs = nowMs;
  running.drain(delayMs).then(
    () => process.exit(0),
    () => process.exit(1),
  );
}

async function standardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text.trim();
}

/** Faults of use exit with 2, all others with 1; only those that nobody foresaw come with a stack. */
function report(fault: unknown): number {
  if (fault instanceof UsageError) {
    io.stderr.write(`manifold: ${fault.message}\n${fault.hint}\n`);
    return 2;
  }
  const foreseen = fault instanceof ConfigError || fault instanceof KeyringError;
  io.stderr.write(`manifold: ${foreseen ? fault.message : String(fault instanceof Error ? fault.stack : fault)}\n`);
  return 1;
}
