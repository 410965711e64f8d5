import { describe, expect, test } from 'vitest';

import { RevisionRefused } from '../../../src/transport/upstream/revision-refused.ts';

describe('what a server says it speaks', () => {
  for (const [supported, speaksLegacy] of [
    [['2025-11-25'], true],
    [['2027-01-01', '2025-03-26'], true],
    [['2027-01-01'], false],
    [['2024-11-05'], false],
    [[1, null, { version: '2025-11-25' }], false],
    ['2025-11-25', false],
    [undefined, false],
    [[...Array.from({ length: 31 }, () => 'x'), '2025-11-25'], true],
    [[...Array.from({ length: 32 }, () => 'x'), '2025-11-25'], false],
  ] as const) {
    test(`${JSON.stringify(supported)?.slice(0, 60)} leads ${speaksLegacy ? '' : 'not '}to a revision with sessions`, () => {
      expect(new RevisionRefused(supported).speaksLegacy).toBe(speaksLegacy);
    });
  }

  test('names of more than 32 characters are left out of the log', () => {
    expect(new RevisionRefused(['x'.repeat(32), 'y'.repeat(33)]).message).toBe(
      `upstream_revision_refused: it speaks ${'x'.repeat(32)}`,
    );
  });
});
