/** Which headers of a caller an upstream gets: those it is meant to get, and no other. */
import { expect, test } from 'vitest';
import { anonymous, type Caller } from '../../../src/transport/http/caller.ts';
import { credentialsFor, credentialsKey, forwarded } from '../../../src/transport/upstream/credentials.ts';
import { anUpstream } from '../../aggregate/an-upstream.ts';

const caller = (...rawHeaders: string[]): Caller => anonymous({ rawHeaders });
const me = caller('Authorization', 'Bearer x', 'X-Who', 'me', 'x-who', 'again', 'Cookie', 'c');

test('every line of a named header goes along, in order, and nothing else', () => {
  expect(forwarded.for(anUpstream('up', { forwardHeaders: ['x-who'] }), me)).toEqual(['x-who', 'me', 'x-who', 'again']);
  expect(forwarded.for(anUpstream(), me)).toEqual([]);
});

test('callers are told apart by the headers that go to an upstream alone', () => {
  const configs = [anUpstream('plain'), anUpstream('a', { forwardHeaders: ['x-who'] })];
  const key = credentialsKey(configs, caller('X-Who', 'me'));
  expect(key).not.toBe('');
  expect(credentialsKey(configs, caller('x-who', 'me', 'cookie', 'other'))).toBe(key);
  expect(credentialsKey(configs, caller('x-who', 'you'))).not.toBe(key);
  expect(credentialsKey(configs, caller())).not.toBe(key);
  expect(credentialsKey([anUpstream('plain')], me)).toBe('');
});

test('the key shows no credential', () => {
  expect(credentialsKey([anUpstream('a', { forwardHeaders: ['authorization'] })], me)).not.toContain('Bearer');
});

test('a header goes along under other names, also under its own beside them', () => {
  const config = anUpstream('up', {
    forwardHeaders: ['x-who', 'cookie'],
    forwardedAs: [
      ['x-who', 'x-who'],
      ['x-who', 'x-user'],
    ],
  });
  expect(forwarded.for(config, caller('X-Who', 'me', 'Cookie', 'c'))).toEqual([
    'x-who',
    'me',
    'x-user',
    'me',
    'cookie',
    'c',
  ]);
});

test('what is withheld goes under no name; what is said of the caller, and the gateway’s own credential, come last', async () => {
  const own = { for: () => Promise.resolve(['authorization', 'Bearer own']), refused: () => true };
  const credentials = credentialsFor(
    (name) => name === 'x-key' || name === 'x-user',
    () => own,
  );
  const config = anUpstream('up', {
    forwardHeaders: ['x-key', 'x-who', 'authorization'],
    forwardedAs: [
      ['x-key', 'x-other'],
      ['x-who', 'x-user'],
    ],
  });
  const told = {
    ...caller('X-Key', 'k', 'X-Who', 'mallory', 'Authorization', 'Bearer theirs'),
    told: ['x-user', 'me'],
  };
  expect(await credentials.for(config, told)).toEqual(['x-user', 'me', 'authorization', 'Bearer own']);
  expect(credentialsKey([anUpstream('plain')], told)).not.toBe('');
});
