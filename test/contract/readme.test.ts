/** README.md and the pages it leads to say what is so: commands, flags and files that they name exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../src/cli/arguments.ts';
import { commandLines } from '../../src/cli/flags.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'bench/README.md',
  'conformance/README.md',
];
const read = (page: string): string => readFileSync(root + page, 'utf8');
const readme = read('README.md');
const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** The texts between fences of one kind. */
function fenced(text: string, kind: string): string[] {
  return text
    .split(`\n\`\`\`${kind}\n`)
    .slice(1)
    .map((rest) => rest.slice(0, rest.indexOf('\n```')));
}

/** Words of a shell line; a quoted text is one word. */
function words(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Programs of others, whose commands and flags are not ours to check. */
const otherPrograms = new Set(['kubectl', 'helm', 'docker', 'claude', 'goose', 'curl', 'openssl']);

/** The first word of a command; what starts with it is a command also when it stands between backticks. */
const programOf = (command: string): string => /^[\w-]+/.exec(command)?.[0] ?? '';

function shellCommands(page: string): string[] {
  return fenced(unwrapped(read(page)), 'sh').flatMap((block) =>
    block.split('\n').flatMap((line) => line.split(' && ')),
  );
}

/** A page without the commands of other programs: those between fences, and those between backticks. */
function withoutOtherPrograms(page: string): string {
  let left = unwrapped(page);
  const blocks = [...fenced(left, 'sh'), ...fenced(left, 'text')];
  for (const line of blocks.flatMap((block) => block.split('\n')).flatMap((whole) => whole.split(' && ')))
    if (otherPrograms.has(programOf(line.trim()))) left = left.replace(line, '');
  return left.replaceAll(/`([^`\n]+)`/g, (span, command: string) =>
    otherPrograms.has(programOf(command)) ? '' : span,
  );
}

/** A line that ends in a backslash goes on in the next. */
function unwrapped(text: string): string {
  return text.replaceAll(/ *\\\n */g, ' ');
}

test('the pages are found', () => {
  expect(pages).toContain('README.md');
  expect(pages).toContain('docs/operating.md');
  expect(pages.length).toBeGreaterThan(12);
});

describe('README.md', () => {
  test('has the two commands in fences of their own, and CI runs the second as it stands', () => {
    expect(fenced(readme, 'sh')).toContain('npm ci && npm start');
    expect(fenced(readme, 'sh')).toContain('npm ci && npm test');
    expect(read('.ci/run').split('\n')).toContain('npm ci && npm test');
  });

  test('names every command in its table, as --help does', () => {
    const help = parseCommand(['--help'], {});
    for (const [name, takes] of [
      ['run', ' [FILE…]'],
      ['check', ' FILE…'],
      ['export', ' FILE'],
      ['keygen', ''],
      ['tools', ' [URL]'],
      ['token inspect', ' TOKEN'],
      ['version', ''],
      ['completion', ' SHELL'],
    ] as const) {
      expect(readme).toContain(`\n| \`manifold ${name}${takes}\` | `);
      expect(help).toMatchObject({ kind: 'help', text: expect.stringContaining(`\n  ${name}${takes} `) as string });
    }
    expect(Object.keys(commandLines)).toEqual([
      'run',
      'check',
      'export',
      'keygen',
      'tools',
      'token inspect',
      'version',
      'completion',
    ]);
  });
});

describe('shell commands', () => {
  const commands = pages.flatMap((page) => shellCommands(page).map((line) => [page, line] as const));

  test('are found', () => {
    expect(commands.map(([, line]) => line)).toContain('npx manifold run --mcp-config ~/.cursor/mcp.json');
  });

  test('of other programs are told apart', () => {
    expect(commands.filter(([, line]) => otherPrograms.has(programOf(line))).length).toBeGreaterThan(3);
    expect(withoutOtherPrograms('`manifold run --nonsense` and `helm install --set`')).toBe(
      '`manifold run --nonsense` and ',
    );
    expect(withoutOtherPrograms('x\n```sh\nkubectl get --all && npx manifold run --odd\n```\n')).toContain('run --odd');
    expect(withoutOtherPrograms('x\n```sh\nkubectl get --all && npx manifold run --odd\n```\n')).not.toContain('--all');
  });

  for (const [page, line] of commands.filter(([, command]) => !otherPrograms.has(programOf(command)))) {
    test(`${page}: ${line}`, () => {
      const [program, ...rest] = words(line);
      if (program === 'npm') {
        const script = rest[0] === 'run' ? rest[1] : rest[0];
        expect(['ci', ...Object.keys(manifest.scripts)]).toContain(script);
      } else if (rest[0] === 'manifold') {
        expect(parseCommand(rest.slice(1), {}).kind).not.toBe('help');
      } else {
        expect([program, rest[0], rest.length]).toEqual(['npx', 'node', 2]);
        expect(existsSync(root + rest[1]!)).toBe(true);
      }
    });
  }
});

describe('every page', () => {
  const flags = new Set<string>(Object.values(commandLines).flatMap((line) => line.flags.map(({ name }) => name)));
  /** Flags that are in no table: of every command, of the benchmark, of Node. */
  // Of Node and of the benchmark.
  const others = new Set([
    'help',
    'write-report',
    'scenario',
    'max-old-space-size-percentage',
    'no-allocation-site-pretenuring',
    'trace-gc',
  ]);
  const metrics = new Set(Array.from(read('docs/metrics.md').matchAll(/`(manifold_[a-z_]+)`/g), ([, name]) => name!));

  for (const page of pages) {
    const text = read(page);

    // The benchmark and the conformance run have flags of their own.
    const ownFlags = page.startsWith('bench/') || page.startsWith('conformance/');
    if (!ownFlags)
      test(`${page} mentions flags that exist`, () => {
        const mentioned = Array.from(
          withoutOtherPrograms(text).matchAll(/(?<![\w-])--([a-z][a-z-]+)/g),
          ([, name]) => name!,
        );
        expect(mentioned.filter((name) => !flags.has(name) && !others.has(name))).toEqual([]);
      });

    test(`${page} links to files and headings that exist`, () => {
      const links = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!).filter(
        (target) => !target.startsWith('https://'),
      );
      for (const target of links) {
        const [file = '', heading] = target.split('#');
        const path = file === '' ? root + page : resolve(dirname(root + page), file);
        expect(existsSync(path), target).toBe(true);
        if (heading !== undefined) expect(headings(readFileSync(path, 'utf8')), target).toContain(heading);
      }
    });

    test(`${page} names files of src and test that exist`, () => {
      const named = Array.from(text.matchAll(/`((?:src|test|examples)\/[\w./-]+)`/g), ([, name]) => name!);
      expect(named.filter((name) => !existsSync(root + name))).toEqual([]);
    });

    test(`${page} names metrics that exist, and no place of any one machine`, () => {
      const named = Array.from(text.matchAll(/\b(manifold_[a-z_]+)/g), ([, name]) => name!);
      expect(named.filter((name) => !metrics.has(name))).toEqual([]);
      expect(text).not.toMatch(/\/(?:work|root|tmp|home\/\w+)\//);
    });
  }
});

test('ARCHITECTURE.md names files of src, SECURITY.md those of test', () => {
  expect(missing('ARCHITECTURE.md', ['src/', 'src/transport/'])).toEqual([]);
  expect(missing('SECURITY.md', ['src/', 'test/'])).toEqual([]);
});

test('SECURITY.md quotes titles of tests that exist', () => {
  const quoted = Array.from(read('SECURITY.md').matchAll(/`([\w/-]+\.test\.ts)`((?: "[^"]+",?)+)/g));
  expect(quoted.length).toBeGreaterThan(8);
  for (const [, file, titles] of quoted) {
    const tests = existsSync(`${root}test/${file}`) ? read(`test/${file}`) : '';
    for (const [, title] of titles!.matchAll(/"([^"]+)"/g)) expect(tests, file).toContain(title);
  }
});

/** Anchors of a page's headings, as GitHub makes them. */
function headings(text: string): string[] {
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Files that a page names by a part of their path and that stand in none of `folders`. */
function missing(page: string, folders: readonly string[]): string[] {
  return Array.from(read(page).matchAll(/`([\w-]+\/[\w/.-]+\.ts)`/g), ([, name]) => name!)
    .filter((name) => !name.startsWith('test/'))
    .filter((name) => !folders.some((folder) => existsSync(root + folder + name)));
}
