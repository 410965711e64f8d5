/** What a process was told, for whoever asks it: no secret is in it. */
import { expect, test } from 'vitest';
import { parseCommand } from '../../src/cli/arguments.ts';
import { shownOptions } from '../../src/process/shown-options.ts';

const options = (argv: readonly string[], env: Record<string, string> = {}): Readonly<Record<string, unknown>> => {
  const command = parseCommand(['run', ...argv], env);
  if (command.kind !== 'run') throw new Error('no run');
  return shownOptions(command.options);
};

test('secrets are told to be there, and what may hold one is counted or cut', () => {
  const shown = options(['--mcp-json', '{"key":"hush"}', '--token-store', 'rediss://ada:hush@cache:6380/1?k=hush'], {
    MANIFOLD_SESSION_SECRET: 'hush-hush-hush-hush-hush',
  });
  expect(shown).toMatchObject({ sessionSecret: 'set', mcpJson: 1, tokenStore: 'rediss://cache:6380/1', port: 1975 });
  expect(JSON.stringify(shown)).not.toContain('hush');
});

test('what is not set is left out', () => {
  const shown = options(['servers.json', '--token-store', '/var/lib/tokens']);
  expect(shown).toMatchObject({ files: ['servers.json'], tokenStore: '/var/lib/tokens' });
  for (const name of ['sessionSecret', 'tls', 'adminTls', 'peers']) expect(shown).not.toHaveProperty(name);
});
