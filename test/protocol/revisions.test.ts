/** Which revision a client is served in. */
import { expect, test } from 'vitest';
import {
  answeredRevision,
  hasBatches,
  hasRevisionHeader,
  hasTasks,
  headerRevision,
  isLegacyRevision,
  negotiate,
  supportedRevisions,
  understandsPriming,
  type Revision,
} from '../../src/protocol/revisions.ts';

test.each([
  ['2024-11-05', '2025-03-26', '2024-11-05', '2025-03-26'],
  ['2025-03-26', '2025-03-26', '2025-03-26', '2025-03-26'],
  ['2025-11-25', '2025-11-25', '2025-11-25', '2025-11-25'],
  ['2026-07-28', '2025-11-25', '2025-11-25', undefined],
  ['never', '2025-11-25', '2025-11-25', undefined],
])('%s is served as %s, answered %s, and in a header means %s', (asked, served, answered, header) => {
  expect([negotiate(asked), answeredRevision(asked), headerRevision(asked)]).toEqual([served, answered, header]);
});

const those = (has: (revision: Revision) => boolean): string[] =>
  supportedRevisions.filter((revision) => has(revision as Revision));

test('what a revision has', () => {
  expect(those(hasBatches)).toEqual(['2025-03-26']);
  expect(those(hasTasks)).toEqual(['2025-11-25']);
  expect(those(understandsPriming)).toEqual(['2025-11-25']);
  expect(those(hasRevisionHeader)).toEqual(['2025-06-18', '2025-11-25', '2026-07-28']);
  expect(those(isLegacyRevision)).toEqual(['2025-03-26', '2025-06-18', '2025-11-25']);
});
