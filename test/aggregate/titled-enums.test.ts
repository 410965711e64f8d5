import { describe, expect, test } from 'vitest';

import { outwardRequest } from '../../src/aggregate/rewrite.ts';
import { readServerMessage } from '../../src/protocol/envelope.ts';
import { anUpstream } from './an-upstream.ts';

/** The properties of a form as a client of this revision gets them, to the byte. */
function shown(properties: string, revision: string): string {
  const text = `{"jsonrpc":"2.0","id":"s","method":"elicitation/create","params":{"requestedSchema":{"properties":${properties},"x":1.0}}}`;
  const sent = outwardRequest(readServerMessage(Buffer.from(text)), anUpstream(), 's', undefined, revision).toString();
  const [, out] = /"requestedSchema":\{"properties":(.*),"x":1\.0\}\}\}$/.exec(sent) ?? [];
  return out ?? sent;
}

const titled =
  '{ "type":"string","title":"Colour","oneOf":[{"const":"r","title":"Red"},{"const":"g","title":"Green"}],"default":"r"}';

describe('forms of later revisions for a client of 2025-06-18', () => {
  test('a choice with titles has them in enumNames, and the rest of the form keeps its bytes', () => {
    expect(shown(`{ "a" : {"type":"number","minimum":1.0} ,"c": ${titled}}`, '2025-06-18')).toBe(
      '{ "a" : {"type":"number","minimum":1.0} ,"c": {"type":"string","title":"Colour","default":"r","enum":["r","g"],"enumNames":["Red","Green"]}}',
    );
  });

  for (const revision of ['2025-11-25', '2026-07-28']) {
    test(`stays as it is for a client of ${revision}`, () => {
      expect(shown(`{"c":${titled}}`, revision)).toBe(`{"c":${titled}}`);
    });
  }

  for (const field of [
    '{"type":"string","enum":["r"],"enumNames":["Red"]}',
    '{"type":"array","items":{"anyOf":[{"const":"r","title":"Red"}]}}',
    '{"type":"string","oneOf":[{"const":"r"}]}',
    '{"type":"string","oneOf":[{"const":1,"title":"One"}]}',
    '{"type":"string","oneOf":"r"}',
    '{"type":"string","oneOf":[null]}',
    '7',
  ]) {
    test(`${field} stays as it is`, () => {
      expect(shown(`{"c":${field}}`, '2025-06-18')).toBe(`{"c":${field}}`);
    });
  }
});
