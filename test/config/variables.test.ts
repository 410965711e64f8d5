/** Variables in configuration text, as Claude, Cursor and VS Code write them. */
import { describe, expect, test } from 'vitest';
import { expand } from '../../src/config/variables.ts';

const env = { TOKEN: 's3cret', EMPTY: '', HOME: '/home/ada', GITHUB_TOKEN: 'x' };

describe('variables', () => {
  test('a variable is replaced by its value, however often and wherever it stands', () => {
    for (const [text, expanded] of [
      ['plain $TOKEN {TOKEN}', 'plain $TOKEN {TOKEN}'],
      ['Bearer ${TOKEN}', 'Bearer s3cret'],
      ['${env:TOKEN}', 's3cret'],
      ['${TOKEN}${TOKEN}', 's3crets3cret'],
      ['a${EMPTY}b', 'ab'],
      ['${NONE:-https://x/y?z=1}/mcp', 'https://x/y?z=1/mcp'],
      ['${env:NONE:-d}', 'd'],
      ['${NONE:-}', ''],
      ['${EMPTY:-d}', 'd'],
      ['${TOKEN:-d}', 's3cret'],
      ['${userHome}/notes', '/home/ada/notes'],
      ['$${TOKEN} ${TOKEN}', '${TOKEN} s3cret'],
      ['', ''],
    ] as const) {
      expect([text, expand(text, env).text]).toEqual([text, expanded]);
    }
  });

  test('the value of a variable is not expanded again', () => {
    expect(expand('${A}', { A: '${B}', B: 'b' }).text).toBe('${B}');
  });

  test('a variable that cannot be filled in is a fault that says what to do', () => {
    for (const [text, problem, remedy] of [
      [
        '${GITHUB_TOKN}',
        'the environment variable GITHUB_TOKN is not set',
        'Set it (is it GITHUB_TOKEN?), or give a default: ${GITHUB_TOKN:-…}',
      ],
      ['${ZZZ}', 'the environment variable ZZZ is not set', 'Set it, or give a default: ${ZZZ:-…}'],
      ['${toString}', 'the environment variable toString is not set', 'Set it, or give a default: ${toString:-…}'],
      [
        '${input:key}',
        'an ${input:…} is asked of a person by the editor; a gateway has nobody to ask',
        'Put the value into an environment variable and write ${VAR} here',
      ],
      [
        '${workspaceFolder}',
        'a variable that only an editor can fill in',
        'Write the value itself, or ${VAR} for an environment variable',
      ],
      ['${A:-${B}}', 'the default of A holds another variable', 'Give it a plain default'],
      ['${}', 'not a variable', 'Write ${VAR} or ${VAR:-default}, or $${ for the characters themselves'],
      ['${a b}', 'not a variable', 'Write ${VAR} or ${VAR:-default}, or $${ for the characters themselves'],
      ['x${TOKEN', 'a variable that does not end', 'Close it with "}", or write $${ for the characters themselves'],
    ] as const) {
      expect([text, expand(text, env)]).toEqual([text, { text: undefined, faults: [{ problem, remedy }] }]);
    }
  });

  test('all faults of one text are told', () => {
    expect(expand('${A} ${B}', {}).faults?.map((fault) => fault.problem)).toEqual([
      'the environment variable A is not set',
      'the environment variable B is not set',
    ]);
  });
});
