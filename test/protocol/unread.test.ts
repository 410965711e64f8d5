/** Experimental capabilities and extensions are carried as they were declared (2025-11-25 basic/lifecycle §Capability Negotiation). */
import { describe, expect, test } from 'vitest';
import { readClientMessage } from '../../src/protocol/envelope.ts';
import { maxUnreadBytes, unreadIn, withUnread, type Unread } from '../../src/protocol/unread.ts';

const of = (capabilities: string): Unread => {
  const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":${capabilities}}}`;
  const { bytes, params } = readClientMessage(Buffer.from(body));
  return unreadIn(bytes, params?.member('capabilities'));
};

const ours = 'example.com/ours';
const sized = (bytes: number): string => `{"x":"${'y'.repeat(bytes - '{"x":""}'.length)}"}`;

describe('what is not read', () => {
  test('is carried to the byte', () => {
    const unread = of('{"experimental":{"a": 1.0},"extensions":{"x/y":{"n": 1e2}},"roots":{}}');
    expect(withUnread('{"roots":{}}', unread, [])).toBe(
      '{"roots":{},"experimental":{"a": 1.0},"extensions":{"x/y":{"n": 1e2}}}',
    );
  });

  test('of an extension that the gateway takes part in are its settings, where it is declared at all', () => {
    const unread = of(`{"extensions":{"${ours}":{"v":1},"x/y":{}}}`);
    expect(withUnread(`{"extensions":{"${ours}":{}}}`, unread, [ours])).toBe(
      `{"extensions":{"${ours}":{"v":1},"x/y":{}}}`,
    );
    expect(withUnread('{}', unread, [ours])).toBe('{"extensions":{"x/y":{}}}');
  });

  test('is nothing where nothing, or no object, is declared', () => {
    for (const capabilities of ['{}', '{"experimental":1,"extensions":[]}'])
      expect(withUnread('{"roots":{}}', of(capabilities), [ours])).toBe('{"roots":{}}');
  });

  test('may have 16 KiB in each of both; more are left out', () => {
    for (const member of ['experimental', 'extensions'] as const) {
      expect(of(`{"${member}":${sized(maxUnreadBytes)}}`)[member]).toBeDefined();
      expect(of(`{"${member}":${sized(maxUnreadBytes + 1)}}`)[member]).toBeUndefined();
    }
  });
});
