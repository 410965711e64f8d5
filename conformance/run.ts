/**
 * Runs the official conformance suite straight at our everything-server and again through the real gateway in front of it,
 * and fails on whatever the gateway loses. A second, unrelated upstream stands beside it, so that every list is merged and
 * every call routed.
 *
 *     npm run conformance -- [--requirements 2025-11-25] [--upstream-era both|legacy|modern]
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Program } from '../test/support/program.ts';
import { loopbackUrls, startProgram } from '../test/support/program.ts';
import { reportOf } from './report.ts';
import { requirementsOf, runSuite } from './suite.ts';
import type { Expected } from './verdict.ts';
import { judge } from './verdict.ts';

const { values: flags } = parseArgs({
  options: {
    requirements: { type: 'string', default: '2025-11-25' },
    'upstream-era': { type: 'string', default: 'both' },
  },
});
const revision = flags.requirements;
const root = fileURLToPath(new URL('..', import.meta.url));
const everythingServer = join(root, 'conformance/everything-server.ts');
const otherServer = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
const gatewayCommand = join(root, 'dist/main.js');
const results = join(root, 'out/conformance', revision, flags['upstream-era']);

if (!existsSync(gatewayCommand)) throw new Error('dist is missing: npm run build');
const requirements = await requirementsOf(revision);
const baselines = JSON.parse(readFileSync(join(root, 'conformance/baseline.json'), 'utf8')) as Record<
  string,
  Expected[]
>;

const programs: Program<string>[] = [];
// An exit by signal alone would leave the programs behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  const direct = await start([everythingServer, '--port', '0']);
  const upstream =
    flags['upstream-era'] === 'both'
      ? direct
      : await start([everythingServer, '--port', '0', '--era', flags['upstream-era']]);
  const other = await startOther();
  const mcpServers = { everything: { url: upstream }, other: { url: other } };
  const gateway = await start([
    gatewayCommand,
    'run',
    '--mcp-json',
    JSON.stringify({ mcpServers }),
    '--port',
    '0',
    '--admin-port',
    'off',
  ]);
  // One after the other: two at once would share the cores, and some scenarios wait no longer than half a second.
  const before = await runSuite(direct, revision, join(results, 'direct'));
  const after = await runSuite(gateway, revision, join(results, 'gateway'));
  const verdict = judge(requirements, before, after, baselines[revision] ?? []);
  console.log(reportOf(revision, verdict).join('\n'));
  if (!verdict.isGood) process.exitCode = 1;
} finally {
  for (const program of programs.toReversed()) await program.stop();
}

/** Starts a program that prints its endpoint, and gives the endpoint. */
async function start(nodeArguments: readonly string[]): Promise<string> {
  const program = await startProgram(nodeArguments, {
    ready: (stdout) => loopbackUrls(stdout).find(({ pathname }) => pathname === '/mcp')?.href,
  });
  programs.push(program);
  return program.ready;
}

/* It prints the port that it was given, so 0 would tell nothing: a port that was free a moment ago is given. */
async function startOther(): Promise<string> {
  const port = await freePort();
  const program = await startProgram([otherServer, 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    ready: (stdout, stderr) => [...stdout, ...stderr].find((line) => line.includes('listening')),
  });
  programs.push(program);
  return `http://localhost:${port}/mcp`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
