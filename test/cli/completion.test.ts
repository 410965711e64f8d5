/** Completion scripts: bash runs its own; those of zsh and fish are parsed where the shell is there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { completionScript } from '../../src/cli/completion.ts';
import { commandLines, type Flag } from '../../src/cli/flags.ts';

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const script = `${completionScript('bash')}\nCOMP_WORDS=(manifold ${line}); COMP_CWORD=${words.length}; _manifold; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

test('bash offers commands, flags and the values of flags', () => {
  expect(offered('')).toEqual(expect.arrayContaining(['run', 'check', 'keygen', 'tools', 'token', 'completion']));
  expect(offered('to')).toEqual(['tools', 'token']);
  expect(offered('run', '--log-')).toEqual(['--log-level', '--log-format', '--log-principals']);
  expect(offered('run', '--log-format', '')).toEqual(['auto', 'json', 'pretty']);
  expect(offered('run', '--names', 'c')).toEqual(['conflict']);
  expect(offered('keygen', '-')).toEqual(['--out', '-o', '--help']);
  expect(offered('token', '')).toEqual(['inspect']);
  expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
});

test('bash is left to offer files where a file is wanted', () => {
  expect(offered('run', '--session-keys', '')).toEqual([]);
  expect(offered('run', 'exa')).toEqual([]);
});

for (const shell of ['zsh', 'fish'] as const) {
  test(`${shell} knows every flag of every command`, () => {
    const script = completionScript(shell);
    for (const { flags } of Object.values<{ readonly flags: readonly Flag[] }>(commandLines))
      for (const flag of flags) expect(script).toContain(shell === 'fish' ? `-l ${flag.name} ` : `--${flag.name}[`);
  });

  test.skipIf(spawnSync(shell, ['--version']).error !== undefined)(`${shell} can read its script`, () => {
    const { stderr, status } = spawnSync(shell, ['-n'], { input: completionScript(shell), encoding: 'utf8' });
    expect([stderr, status]).toEqual(['', 0]);
  });
}
