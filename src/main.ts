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
 * If all objects from one allocation site lived long, V8 allocates later objects of that site directly in its old space
 * (pretenuring). The start of 100 routes triggers this for sites that calls use too. A finished call in old space keeps everything
 * it references alive until the next full collection: a scavenge took 38 ms instead of 3 ms.
 */
setFlagsFromString('--no-allocation-site-pretenuring');

/** A signal within this time after the first is a duplicate and is ignored. */
const signalEchoMs = 500;
let stoppingSinceMs: number | undefined;

for (const stream of [process.stdout, process.stderr]) stream.on('error', readerIsGone);

/* The server code is imported after this check, because older versions of Node cannot parse all of it. */
if (isTooOld(process.versions.node)) {
  io.stderr.write(
    `manifold needs Node 22.19 or newer; this is ${process.versions.node}. In a checkout, "npx manifold" uses the one that npm ci brings.\n`,
  );
  process.exit(1);
}
if (cluster.isWorker) (await import('./process/worker.ts')).runWorker(io, version);
else await command();

/* A closed output pipe is not an error: `manifold … | head` closes it, and a gateway continues without its output. */
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

/** Returns the exit code; undefined for a command that keeps running. */
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
      // Imported only here: it loads the large SDK, which `run` does not need.
      return await (await import('./cli/tools.ts')).tools(command.options, io);
    case 'token-inspect':
      return await (
        await import('./cli/token.ts')
      ).inspectToken(command.token === '-' ? await standardInput() : command.token, command.options, io);
    case 'run': {
      const running = await (await import('./process/run.ts')).run(command.options, io, version);
      process.on('SIGHUP', () => void running.reload());
      process.on('SIGTERM', () => stop(running, command.options.drainDelayMs));
      // Ctrl-C on a terminal: there is no load balancer to wait for.
      process.on('SIGINT', () => stop(running, 0));
      io.stdout.write(await running.greeting);
      running.greeted();
      return undefined;
    }
  }
}

/** The first signal drains the gateway. A second one ends the process at once, unless it is a duplicate of the first. */
function stop(running: Running, delayMs: number): void {
  const nowMs = performance.now();
  // Under npm, one Ctrl-C sends two signals: one from the terminal and one from npm.
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

/** Prints the fault and returns the exit code: 2 for wrong usage, else 1. Only unexpected faults are printed with their stack. */
function report(fault: unknown): number {
  if (fault instanceof UsageError) {
    io.stderr.write(`manifold: ${fault.message}\n${fault.hint}\n`);
    return 2;
  }
  const foreseen = fault instanceof ConfigError || fault instanceof KeyringError;
  io.stderr.write(`manifold: ${foreseen ? fault.message : String(fault instanceof Error ? fault.stack : fault)}\n`);
  return 1;
}
