/** ARCHITECTURE.md is true: the files, rooms and types that it names exist, and each room of the code is in its picture. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rooms } from '../support/layer-rules.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
const sources = globSync('{src,test,bench,conformance,examples}/**/*.ts', { cwd: root });

/** The folders in which a page may leave out the beginning of a path. */
const shortcuts = ['', 'src/', 'src/transport/', 'test/'];

/** The files of a text between backticks, with a slash or without one. */
function namedFiles(text: string): string[] {
  return Array.from(text.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.ts)`/g), ([, file]) => file!);
}

const found = (file: string): string | undefined =>
  shortcuts.map((folder) => folder + file).find((path) => existsSync(join(root, path)));

/** A section of the page, without its heading. */
function section(title: string): string {
  const [, rest = ''] = page.split(`\n## ${title}\n`);
  return rest.split('\n## ')[0]!;
}

/** The lines of a table, without its head. */
function rows(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1);
}

describe('ARCHITECTURE.md', () => {
  test('names files that exist; a name alone is that of a file beside one that is named before it', () => {
    const missing: string[] = [];
    const blocks = page.split(/\n\n|\n(?=[-|\d])/);
    for (const block of blocks) {
      let folder: string | undefined;
      for (const file of namedFiles(block)) {
        const beside = folder === undefined ? undefined : join(folder, file);
        const path = file.includes('/') ? found(file) : beside && existsSync(join(root, beside)) ? beside : undefined;
        const inRoot = file.includes('/') ? undefined : found(file);
        if (path === undefined && inRoot === undefined) missing.push(file);
        else folder = dirname(path ?? inRoot!);
      }
    }
    expect(namedFiles(page).length).toBeGreaterThan(80);
    expect(missing).toEqual([]);
  });

  test('has each room of the code in its picture', () => {
    const picture = section('Rooms').split('```')[1]!;
    const names = Object.keys(rooms).map((room) => (room.endsWith('.ts') ? room : `${basename(room)}/`));
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !picture.includes(name))).toEqual([]);
  });

  test('answers each question with a file that exists', () => {
    const questions = rows(section('Questions, one path each')).filter((row) => row.includes('?'));
    expect(questions.length).toBeGreaterThanOrEqual(10);
    for (const row of questions) {
      const files = namedFiles(row);
      expect(files, row).not.toEqual([]);
      for (const file of files) expect(found(file), row).toBeDefined();
    }
  });

  test('names types that exist', () => {
    const code = sources
      .filter((file) => file.startsWith('src/'))
      .map((file) => readFileSync(join(root, file), 'utf8'));
    const declared = new Set(
      code.flatMap((text) =>
        Array.from(text.matchAll(/^(?:export )?(?:abstract )?(?:class|interface|type) (\w+)/gm), ([, name]) => name!),
      ),
    );
    const named = Array.from(page.matchAll(/`([A-Z][a-z]\w+)(?:\.\w+)?`/g), ([, name]) => name!);
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((name) => !declared.has(name))).toEqual([]);
  });
});

test.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root })])(
  '%s names files that exist',
  (name) => {
    const named = namedFiles(readFileSync(join(root, name), 'utf8'));
    const names = new Set(sources.map((file) => basename(file)));
    expect(named.filter((file) => (file.includes('/') ? found(file) === undefined : !names.has(file)))).toEqual([]);
  },
);

test('an exported type has a name of its own', () => {
  const files = new Map<string, string[]>();
  for (const file of sources.filter((path) => path.startsWith('src/')))
    for (const [, name] of readFileSync(join(root, file), 'utf8').matchAll(
      /^export (?:abstract )?(?:class|interface|type) (\w+)/gm,
    ))
      files.set(name!, [...(files.get(name!) ?? []), file]);
  expect(files.size).toBeGreaterThan(400);
  const repeated = [...files].filter(([, where]) => where.length > 1).map(([name]) => name);
  expect(repeated).toEqual([]);
});
