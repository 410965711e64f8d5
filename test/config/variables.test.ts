/** Variables in configuration text, as Claude, Cursor and VS Code write them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { placeOf } from '../../src/config/place.ts';
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
        '${input:api-key}',
        'an ${input:api-key} is asked of a person by the editor; a gateway has nobody to ask',
        'Set the environment variable API_KEY, which is taken in its place',
      ],
      [
        '${input:7 zip}',
        'an ${input:7 zip} is asked of a person by the editor; a gateway has nobody to ask',
        'Set the environment variable _7_ZIP, which is taken in its place',
      ],
      [
        '${input:a/b=c}',
        'an ${input:…} is asked of a person by the editor; a gateway has nobody to ask',
        'Put the value into an environment variable and write ${VAR} here',
      ],
      [
        '${file:/etc/hostname}',
        'not a variable',
        'Write ${VAR} or ${VAR:-default}, or $${ for the characters themselves',
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

  test('an input of VS Code is taken from the environment, by its id or by the variable that is like it', () => {
    const set = { 'github-token': 'exact', PERPLEXITY_KEY: 'like', GITHUB_TOKEN: 'other', _7_ZIP: 'digit' };
    for (const [text, expanded] of [
      ['Bearer ${input:github-token}', 'Bearer exact'],
      ['${input:perplexity-key}', 'like'],
      ['${input:PERPLEXITY_KEY}', 'like'],
      ['${input:7-zip}', 'digit'],
    ] as const) {
      expect([text, expand(text, set).text]).toEqual([text, expanded]);
    }
  });

  test('what an editor knows of folders is known of a file', () => {
    const place = { workspace: '/home/ada/project' };
    expect(expand('${workspaceFolder}${/}src${pathSeparator}x', {}, place).text).toBe('/home/ada/project/src/x');
    expect(expand('${workspaceRoot} ${workspaceFolderBasename}', {}, place).text).toBe('/home/ada/project project');
    expect(expand('${workspaceFolder}', {}, { workspace: undefined }).faults).toHaveLength(1);
    expect(expand('${file} ${fileDirname}', {}, place).faults).toHaveLength(2);
  });
});

test('the workspace of a file is its folder, or the one above its hidden folder', () => {
  for (const [source, workspace] of [
    ['/p/.mcp.json', '/p'],
    ['/p/mcp.json', '/p'],
    ['/p/.vscode/mcp.json', '/p'],
    ['/p/.kiro/settings/mcp.json', '/p'],
    ['/home/ada/.config/x/y/mcp.json', '/home/ada/.config/x/y'],
    ['--mcp-json', undefined],
  ] as const) {
    expect([source, placeOf(source).workspace]).toEqual([source, workspace]);
  }
});

describe('a file of Windsurf', () => {
  const folder = mkdtempSync(join(tmpdir(), 'manifold-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (content: string | Uint8Array, reference = '${file:key.txt}'): ReturnType<typeof expand> => {
    writeFileSync(join(folder, 'key.txt'), content);
    return expand(reference, {}, { workspace: folder });
  };

  test('stands for its text, without the line break at its end', () => {
    expect(read('s3cret\n', 'Bearer ${file:key.txt}').text).toBe('Bearer s3cret');
    expect(read('s3cret', `\${file:${folder}/key.txt}`).text).toBe('s3cret');
    expect(read('\uFEFFé${A}\r\n').text).toBe('é${A}');
  });

  test('that cannot be had is a fault that says why', () => {
    for (const [content, problem] of [
      [Buffer.from([0xc3, 0x28]), 'is not UTF-8; save it as UTF-8'],
      [Buffer.from('\uFEFFx', 'utf16le'), 'is not UTF-8 but UTF-16; save it as UTF-8'],
      ['x'.repeat(1_048_576 + 1), `is larger than 1048576 bytes`],
    ] as const) {
      expect(read(content).faults?.[0]?.problem).toBe(`the file of a \${file:…} ${problem}`);
    }
    expect(read('x', '${file:other.txt}').faults?.[0]?.problem).toBe('the file of a ${file:…} does not exist');
    expect(read('x', '${file:.}').faults?.[0]?.problem).toBe('the file of a ${file:…} is no regular file');
    expect(read('x'.repeat(1_048_576)).text).toHaveLength(1_048_576);
  });
});
