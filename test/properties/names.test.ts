import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { outwardName, splitName } from '../../src/aggregate/names.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';

const naming = { ...anUpstream().naming, charset: 'any' } as const;

const anId = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/).filter((id) => !id.includes('__') && !id.endsWith('_'));

test('an outward name splits into the id and the name it was made of, whatever the name', () => {
  fc.assert(
    fc.property(anId, fc.oneof(fc.string(), fc.stringMatching(/^[_a]{0,6}$/)), (id, name) => {
      expect(splitName(outwardName({ id, naming }, name), new Set([id]), naming)).toEqual({ id, name });
    }),
  );
});

test('two different pairs of id and name never have one outward name', () => {
  const part = fc.stringMatching(/^[_a.]{1,5}$/);
  const shortId = part.filter((id) => !id.includes('__') && !id.endsWith('_'));
  fc.assert(
    fc.property(shortId, part, shortId, part, (id, name, otherId, otherName) => {
      fc.pre(id !== otherId || name !== otherName);
      expect(outwardName({ id, naming }, name)).not.toBe(outwardName({ id: otherId, naming }, otherName));
    }),
    { numRuns: 2000 },
  );
});
