/** What a request of revision 2026-07-28 says of itself (2026-07-28 basic/index §_meta). */
import { describe, expect, test } from 'vitest';

import { GatewayError } from '../../src/errors.ts';
import { readClientMessage } from '../../src/protocol/envelope.ts';
import { readEnvelope } from '../../src/protocol/modern.ts';
import type { Envelope } from '../../src/protocol/modern.ts';

const version = 'io.modelcontextprotocol/protocolVersion';
const capabilities = 'io.modelcontextprotocol/clientCapabilities';
const clientInfo = 'io.modelcontextprotocol/clientInfo';
const logLevel = 'io.modelcontextprotocol/logLevel';

function ofParams(params: string): Envelope | undefined {
  return readEnvelope(
    readClientMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":${params}}`)),
  );
}

function ofMeta(meta: Record<string, unknown>): Envelope | undefined {
  return ofParams(JSON.stringify({ _meta: meta }));
}

describe('the claim to revision 2026-07-28', () => {
  test('is the key of the protocol version, whatever stands under it', () => {
    for (const value of ['2026-07-28', '2099-01-01', '', 7, null, {}]) {
      expect(ofMeta({ [version]: value })).toBeDefined();
    }
  });

  for (const params of [
    '{}',
    '{"_meta":{}}',
    '{"_meta":[]}',
    '{"_meta":null}',
    '{"_meta":"io.modelcontextprotocol/protocolVersion"}',
    '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}',
    '{"_meta":{"progressToken":1,"io.modelcontextprotocol/clientCapabilities":{},"protocolVersion":"2026-07-28"}}',
    '{"_meta":{"a":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
  ]) {
    test(`is not made by ${params}`, () => {
      expect(ofParams(params)).toBeUndefined();
    });
  }

  test('is not made by a message without params, nor by a response', () => {
    for (const text of ['{"jsonrpc":"2.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","id":1,"result":{"_meta":{}}}']) {
      expect(readEnvelope(readClientMessage(Buffer.from(text)))).toBeUndefined();
    }
  });

  test('can be made by a notification, and with an escaped key', () => {
    const text =
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"_meta":{"io.modelcontextprotocol\\/protocolVersion":"2026-07-28"}}}';
    expect(readEnvelope(readClientMessage(Buffer.from(text)))?.protocolVersion).toBe('2026-07-28');
  });
});

describe('what the envelope holds', () => {
  test('the least that the specification wants', () => {
    expect(ofMeta({ [version]: '2026-07-28', [capabilities]: {} })).toEqual({
      protocolVersion: '2026-07-28',
      capabilityBits: 0,
      clientInfo: undefined,
      logLevel: undefined,
      missing: [],
      invalid: [],
    });
  });

  test('all of it, raw where it travels on', () => {
    expect(
      ofParams(
        `{"_meta":{"progressToken":"p","${logLevel}":"warning","${clientInfo}":{ "name":"n","version":1.0 },` +
          `"${capabilities}":{ "elicitation":{"url":{}},"sampling":{"tools":{}},"experimental":{"x":1.0} },"${version}":"2026-07-28"}}`,
      ),
    ).toEqual({
      protocolVersion: '2026-07-28',
      capabilityBits: 64 | 4 | 16,
      clientInfo: '{ "name":"n","version":1.0 }',
      logLevel: 'warning',
      missing: [],
      invalid: [],
    });
  });

  test('capabilities that the revision does not have are not heard: tasks, and changes of the roots', () => {
    const declared = {
      roots: { listChanged: true },
      tasks: { list: {}, cancel: {}, requests: { elicitation: { create: {} }, sampling: { createMessage: {} } } },
      extensions: { 'io.modelcontextprotocol/ui': {} },
    };
    expect(ofMeta({ [version]: '2026-07-28', [capabilities]: declared })?.capabilityBits).toBe(1 | 4096);
  });

  test('required keys that are absent or of a wrong type are named', () => {
    expect(ofMeta({ [version]: '2026-07-28' })?.missing).toEqual([capabilities]);
    expect(ofMeta({ [version]: 20260728, [capabilities]: {} })?.missing).toEqual([version]);
    for (const value of [[], null, 'none', true]) {
      const envelope = ofMeta({ [version]: null, [capabilities]: value });
      expect([envelope?.missing, envelope?.capabilityBits]).toEqual([[version, capabilities], 0]);
    }
  });

  test('the name of the client is not required, nor is a malformed one held against it', () => {
    for (const value of ['me', 7, []]) {
      const envelope = ofMeta({ [version]: '2026-07-28', [capabilities]: {}, [clientInfo]: value });
      expect([envelope?.clientInfo, envelope?.missing, envelope?.invalid]).toEqual([undefined, [], []]);
    }
  });

  test('a log level has to be one of the eight', () => {
    for (const level of ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']) {
      const envelope = ofMeta({ [version]: '2026-07-28', [capabilities]: {}, [logLevel]: level });
      expect([envelope?.logLevel, envelope?.invalid]).toEqual([level, []]);
    }
    for (const level of ['warn', 'Debug', '', 3, null, {}]) {
      const envelope = ofMeta({ [version]: '2026-07-28', [capabilities]: {}, [logLevel]: level });
      expect([envelope?.logLevel, envelope?.invalid]).toEqual([undefined, [logLevel]]);
    }
  });

  test('a key that stands twice is refused before anything is read of it, at every level that is read', () => {
    for (const meta of [
      `{"${version}":"2025-11-25","${version}":"2026-07-28"}`,
      `{"${version}":"2025-11-25","io.modelcontextprotocol\\/protocolVersion":"2026-07-28"}`,
      `{"${version}":"2026-07-28","${capabilities}":{"sampling":{},"sampling":{"tools":{}}}}`,
      `{"${version}":"2026-07-28","${capabilities}":{"elicitation":{"url":{},"url":{}}}}`,
    ]) {
      let code = 'accepted';
      try {
        ofParams(`{"_meta":${meta}}`);
      } catch (error) {
        code = error instanceof GatewayError ? error.code : String(error);
      }
      expect(code).toBe('json_key_repeated');
    }
  });
});
