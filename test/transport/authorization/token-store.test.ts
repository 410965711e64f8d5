/** Stores of tokens: what is kept is sealed, is shared by processes, and one of them at a time works on a name. */
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileStore } from '../../../src/transport/authorization/token-store-file.ts';
import { redisStore } from '../../../src/transport/authorization/token-store-redis.ts';
import { tokenStore, type RawStore } from '../../../src/transport/authorization/token-store.ts';
import { firstKey, now, ringOf, secondKey } from '../../session/ring.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
});
afterAll(() => rm(directory, { recursive: true }));

const nowSeconds = (): number => now;
const ring = await ringOf(firstKey);
let count = 0;

/** Two openings of one store, as two processes have. */
const kinds: readonly (readonly [string, () => Promise<readonly [RawStore, RawStore]>])[] = [
  [
    'a file',
    async () => {
      const path = join(directory, `${(count += 1)}.json`);
      return [await fileStore(path), await fileStore(path)];
    },
  ],
  ...(hasRedis
    ? [
        [
          'Redis',
          async () => {
            const url = await startRedis();
            return [redisStore(url, () => {}), redisStore(url, () => {})] as const;
          },
        ] as const,
      ]
    : []),
];

test.skipIf(hasRedis)('Redis: this machine has no redis-server', ({ skip }) => skip('no redis-server'));

describe.each(kinds)('%s', (_kind, opened) => {
  test('what one process has set, another gets, until it is removed or its time is over', async () => {
    const [one, other] = (await opened()).map((raw) => tokenStore(raw, ring, nowSeconds));
    await one!.set(['a', 'b'], 'secret');
    expect(await other!.get(['a', 'b'])).toBe('secret');
    expect(await other!.get(['ab', ''])).toBeUndefined();
    await other!.remove(['a', 'b']);
    expect(await one!.get(['a', 'b'])).toBeUndefined();
    await one!.set(['short'], 'x', 30);
    await expect.poll(() => other!.get(['short'])).toBeUndefined();
    await Promise.all([one!.close(), other!.close()]);
  });

  test('only the first one is first', async () => {
    const [one, other] = (await opened()).map((raw) => tokenStore(raw, ring, nowSeconds));
    const firsts = await Promise.all([one, other, one, other].map((store) => store!.isFirst(['x'], 5_000)));
    expect(firsts.filter(Boolean)).toHaveLength(1);
    await Promise.all([one!.close(), other!.close()]);
  });

  test('work under one name is done alone, under two names at once', async () => {
    const [one, other] = (await opened()).map((raw) => tokenStore(raw, ring, nowSeconds));
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
    };
    await Promise.all([one, other, one].map((store) => store!.alone(['same'], work)));
    expect(most).toBe(1);
    const both = Promise.withResolvers<void>();
    await Promise.all([
      one!.alone(['a'], async () => await both.promise),
      other!.alone(['b'], async () => both.resolve()),
    ]);
    await expect(one!.alone(['c'], () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await other!.alone(['c'], async () => 'free')).toBe('free');
    await Promise.all([one!.close(), other!.close()]);
  });

  test('changes at the same time lose nothing', async () => {
    const [one, other] = (await opened()).map((raw) => tokenStore(raw, ring, nowSeconds));
    const names = Array.from({ length: 20 }, (_, at) => [String(at)]);
    await Promise.all(names.map((name, at) => (at % 2 === 0 ? one! : other!).set(name, name[0]!)));
    expect(await Promise.all(names.map((name) => one!.get(name)))).toEqual(names.flat());
    await Promise.all([one!.close(), other!.close()]);
  });
});

describe('what is stored', () => {
  test('shows neither names nor values, and only its owner may read it', async () => {
    const path = join(directory, 'shown.json');
    const store = tokenStore(await fileStore(path), ring, nowSeconds);
    await store.set(['alice', 'files'], 'refresh-token');
    expect(await readFile(path, 'utf8')).not.toMatch(/alice|files|refresh-token/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('opens with an older key of the ring, not with another one, and not under another name', async () => {
    const path = join(directory, 'keys.json');
    const raw = await fileStore(path);
    await tokenStore(raw, ring, nowSeconds).set(['a'], 'secret');
    expect(await tokenStore(raw, await ringOf(secondKey, firstKey), nowSeconds).get(['a'])).toBe('secret');
    expect(await tokenStore(raw, await ringOf(secondKey), nowSeconds).get(['a'])).toBeUndefined();
    const { entries } = JSON.parse(await readFile(path, 'utf8')) as { entries: [string, { value: string }][] };
    const store = tokenStore(raw, ring, nowSeconds);
    await store.set(['b'], 'other');
    const moved = JSON.parse(await readFile(path, 'utf8')) as { entries: [string, { value: string }][] };
    moved.entries.at(-1)![1].value = entries[0]![1].value;
    await writeFile(path, JSON.stringify({ format: 1, entries: moved.entries }));
    expect(await store.get(['b'])).toBeUndefined();
  });

  test('of too much, the oldest gives way', async () => {
    const store = tokenStore(await fileStore(join(directory, 'full.json'), 2), ring, nowSeconds);
    for (const name of ['a', 'b', 'c']) await store.set([name], name);
    expect(await Promise.all(['a', 'b', 'c'].map((name) => store.get([name])))).toEqual([undefined, 'b', 'c']);
  });

  test('a file that is something else is refused', async () => {
    const path = join(directory, 'else.json');
    await writeFile(path, '{"mcpServers":{}}');
    await expect(fileStore(path)).rejects.toThrow('is no token store');
  });

  test('the lock of a process that has died does not hold for ever', async () => {
    const path = join(directory, 'dead.json');
    const store = tokenStore(await fileStore(path), ring, nowSeconds);
    await writeFile(`${path}.lock`, '');
    const before = new Date(Date.now() - 60_000);
    await utimes(`${path}.lock`, before, before);
    await store.set(['a'], 'x');
    expect(await store.get(['a'])).toBe('x');
  });
});
