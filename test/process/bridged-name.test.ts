/** Two routes may each have an upstream of one name. */
import { expect, test } from 'vitest';
import { bridgedName } from '../../src/process/bridged-name.ts';

test('the upstreams of a file keep their names; those of a route are told apart by it', () => {
  const names = [
    bridgedName('default', 'files'),
    bridgedName('team-a/tools', 'files'),
    bridgedName('team-b/tools', 'files'),
  ];
  expect(names[0]).toBe('files');
  expect(new Set(names).size).toBe(3);
});
