/** What a modern request declares is what the same capabilities declare in `initialize`, except for what 2026-07-28 has removed. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { clientCapabilityBits } from '../support/parsed-capabilities.ts';
import { readClientMessage } from '../../src/protocol/envelope.ts';
import { readEnvelope } from '../../src/protocol/modern.ts';

const gone = 2 | 128 | 256 | 512 | 1024 | 2048;

const aMember = fc.oneof(fc.constant({}), fc.constantFrom(null, true, [], 'x'), fc.constant({ listChanged: true }));

function someOf(...names: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 5, arbitrary: fc.dictionary(fc.constantFrom(...names, 'x'), aMember) }, aMember);
}

const someCapabilities = fc.record(
  {
    roots: someOf('listChanged'),
    sampling: someOf('context', 'tools'),
    elicitation: someOf('form', 'url'),
    tasks: someOf('list', 'cancel'),
    extensions: someOf('io.modelcontextprotocol/ui'),
    experimental: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

test('every set of capabilities has the same bits, without tasks and changes of the roots', () => {
  fc.assert(
    fc.property(someCapabilities, (capabilities) => {
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': capabilities,
      };
      const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta } });
      const envelope = readEnvelope(readClientMessage(Buffer.from(text)));
      expect(envelope?.capabilityBits).toBe(clientCapabilityBits(capabilities) & ~gone);
      expect(envelope?.missing).toEqual([]);
    }),
  );
});
