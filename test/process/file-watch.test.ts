/** Changes of real files, seen whenever they come after what was noted. */
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileWatch } from '../../src/process/file-watch.ts';

let directory: string;
let watch: FileWatch;
let changes: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'watch-'));
  watch = new FileWatch();
  changes = 0;
});
afterEach(() => {
  watch.stop();
  rmSync(directory, { recursive: true });
});

/** Notes these paths, makes the change, and only then begins to look. */
function changed(paths: readonly string[], change: () => void): void {
  watch.begin(paths);
  change();
  watch.start(() => {
    changes += 1;
    watch.begin(paths);
  });
}

test('a change between reading and the first look is seen, and seen once', async () => {
  const file = join(directory, 'a.yaml');
  writeFileSync(file, 'a');
  changed([file], () => writeFileSync(file, 'of another size'));
  await expect.poll(() => changes).toBe(1);
  writeFileSync(join(directory, 'other.yaml'), '');
  writeFileSync(file, 'and again');
  await expect.poll(() => changes).toBe(2);
});

test('a rename over the file, and the links of a mounted ConfigMap', async () => {
  const [file, link] = [join(directory, 'a.yaml'), join(directory, 'link.yaml')];
  for (const name of ['a.yaml', 'one', 'two']) writeFileSync(join(directory, name), 'same');
  symlinkSync('one', link);
  changed([file, link], () => {
    writeFileSync(`${file}.new`, 'same');
    renameSync(`${file}.new`, file);
  });
  await expect.poll(() => changes).toBe(1);
  symlinkSync('two', `${link}.new`);
  renameSync(`${link}.new`, link);
  await expect.poll(() => changes).toBe(2);
});

test('a directory: a file that comes, one that changes, one that goes', async () => {
  const file = join(directory, 'a.yaml');
  changed([directory], () => writeFileSync(file, 'a'));
  await expect.poll(() => changes).toBe(1);
  writeFileSync(file, 'longer');
  await expect.poll(() => changes).toBe(2);
  rmSync(file);
  await expect.poll(() => changes).toBe(3);
});

test('a file that is not there yet, noted while others are read', async () => {
  const [file, named] = [join(directory, 'a.yaml'), join(directory, 'token')];
  writeFileSync(file, 'a');
  watch.begin([file]);
  watch.note(named);
  watch.start(() => void (changes += 1));
  writeFileSync(named, 'secret');
  await expect.poll(() => changes).toBeGreaterThan(0);
});

test('files that are looked at and have not changed, or are no longer noted, are no news', async () => {
  const [file, former] = [join(directory, 'a.yaml'), join(directory, 'former')];
  for (const each of [file, former]) writeFileSync(each, 'a');
  watch.begin([file, former]);
  watch.begin([file]);
  watch.start(() => void (changes += 1));
  writeFileSync(former, 'longer');
  // Longer than it takes to look and to settle: the file itself is seen after it.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(changes).toBe(0);
  writeFileSync(file, 'longer');
  await expect.poll(() => changes).toBeGreaterThan(0);
});
