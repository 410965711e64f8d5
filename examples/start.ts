/**
 * The program of `npm start`: the notes server on a free port, then the real command in this process, in front of it and of a
 * server that the command starts itself:
 *
 *   node dist/main.js run --mcp-json '{"mcpServers": {"everything": {…}, "notes": {"type": "http", "url": …}}}'
 *
 * So signals and exit code are those of the gateway, and no process outlives it: the notes server ends when its stdin closes, and
 * the system closes it however this process ends. Further arguments go to `manifold run`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const command = here('../dist/main.js');
if (!existsSync(command)) {
  process.stderr.write('The gateway is not built yet: run `npm run build` (or `npm ci`) first.\n');
  process.exit(1);
}

const notes = spawn(process.execPath, [here('notes-server.ts'), '--port', '0', '--until-stdin-ends'], {
  stdio: ['pipe', 'pipe', 'inherit'],
  // Ctrl-C is only for the gateway, which may still need the notes server while it drains.
  detached: true,
});
const exited = once(notes, 'exit');
const first = await Promise.race([
  once(createInterface({ input: notes.stdout }), 'line'),
  exited.then(() => undefined),
]);
if (first === undefined) {
  process.stderr.write('The notes server did not start.\n');
  process.exit(1);
}

// If the notes server ends, the gateway ends too; it drains as on any SIGTERM.
notes.once('exit', () => process.kill(process.pid, 'SIGTERM'));
notes.unref();
notes.stdout.destroy();

const servers = {
  everything: { command: 'mcp-server-everything', args: ['stdio'] },
  notes: { type: 'http', url: String(first[0]) },
};
// The PATH of an npm script, so that the everything server is found when this file is started directly.
process.env['PATH'] = `${here('../node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
process.argv.splice(
  1,
  process.argv.length,
  command,
  'run',
  '--mcp-json',
  JSON.stringify({ mcpServers: servers }),
  ...process.argv.slice(2),
);
await import(pathToFileURL(command).href);
