/** What a configuration asks for is done or refused, never passed over. */
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/read.ts';
import { unenforced } from '../../src/process/unenforced.ts';

test('each thing that is not done yet is a fault of its route', () => {
  const text = JSON.stringify({
    mcpServers: { a: { url: 'http://a/mcp' } },
    manifold: {
      backends: { a: { tools: { t: { rename: 'u' } }, resourceSelector: { include: ['x'] } } },
      routes: {
        r: {
          servers: ['a'],
          securityPolicy: { extAuth: { grpc: { backendRefs: [{ name: 'x', port: 1 }] } } },
          backendSelector: {},
          hostnames: ['h'],
        },
        s: { servers: ['a'], path: '/s', headers: [{ name: 'a', value: 'b' }] },
      },
    },
  });
  expect(unenforced(readConfig(text, 'f', {})).map(({ path, problem }) => `${path}: ${problem}`)).toEqual([
    'route r: extAuth over gRPC cannot be enforced by this version',
  ]);
});

test('an mcpServers file asks for nothing of it', () => {
  expect(unenforced(readConfig('{"mcpServers":{"a":{"url":"https://a/mcp"}}}', 'f', {}))).toEqual([]);
});
