/** `--help`, of the program and of each command. */
import { expect, test } from 'vitest';
import { parseCommand } from '../../src/cli/arguments.ts';

function help(...argv: string[]): string {
  const command = parseCommand(argv, {});
  if (command.kind !== 'help') throw new Error(`got ${command.kind}`);
  return command.text;
}

test('the program names its commands', () => {
  for (const argv of [[], ['--help'], ['-h'], ['help']]) expect(help(...argv)).toBe(help());
  expect(help()).toMatch(/^manifold: .*\n\nUsage: manifold COMMAND/);
  for (const name of ['run [FILE…]', 'check FILE…', 'keygen', 'tools [URL]', 'token inspect TOKEN']) {
    expect(help()).toContain(`\n  ${name} `);
  }
  // Whoever is new has a file of a client.
  expect(help()).toContain('Start with: manifold run --mcp-config ');
});

test('each command has its own help, wherever the flag stands', () => {
  expect(help('run', 'x', '--help')).toBe(help('run', '-h'));
  expect(help('help', 'run')).toBe(help('run', '-h'));
  expect(help('check', '--help')).toMatch(/^Usage: manifold check FILE… \[FLAGS\]\n/);
  expect(help('token', '--help')).toBe(help('token', 'inspect', '--help'));
  expect(help('keygen', '--help')).toContain('  -o, --out FILE  write to FILE');
});

test('the help of run tells flags, defaults and variables', () => {
  const text = help('run', '--help');
  expect(text).toMatch(/^Usage: manifold run \[FILE…\] \[FLAGS\]\n/);
  expect(text.replace(/\s+/g, ' ')).toMatch(/ --port PORT port of the MCP endpoint[^-]* \(default: [^)]*1975\)? /);
  expect(text).toContain('--mcp-config from MANIFOLD_MCP_CONFIG');
  expect(text).toContain('MANIFOLD_SESSION_SECRET');
  expect(help('tools', '--help')).not.toContain('MANIFOLD_');
});

test('no line but an example is wider than 100 characters', () => {
  for (const command of [[], ['run'], ['check'], ['keygen'], ['tools'], ['token', 'inspect']]) {
    const lines = help(...command, '--help').split('\n');
    expect(lines.filter((line) => line.length > 100 && !line.startsWith('  manifold '))).toEqual([]);
  }
});
