/** Which certificates of the configuration a port has. */
import { expect, test } from 'vitest';
import type { Config, RouteConfig } from '../../src/config/model.ts';
import { certificatesAt } from '../../src/process/listener-certificates.ts';

function configOf(
  ...routes: readonly (readonly [ports: readonly number[] | undefined, secure: readonly number[]])[]
): Config {
  return {
    warnings: [],
    routes: routes.map(([ports, secure], at): RouteConfig => ({
      name: `r${at}`,
      path: '/mcp',
      naming: { policy: 'always', separator: '__', maxChars: 64, tooLong: 'warn' },
      upstreams: [],
      ...(ports !== undefined && { ports }),
      certificates: secure.map((port) => ({ port, cert: `cert ${port}`, key: '' })),
    })),
  };
}

test.each([
  ['the listener with this port', 443, configOf([[80, 443], [443]]), ['cert 443']],
  ['a plain listener with this port', 80, configOf([[80, 443], [443]]), []],
  [
    'another port, all listeners speak TLS',
    1975,
    configOf([[443], [443]], [[8443], [8443]]),
    ['cert 443', 'cert 8443'],
  ],
  ['another port, one listener is plain', 1975, configOf([[443], [443]], [[80], []]), []],
  ['a route without a listener', 1975, configOf([[443], [443]], [undefined, []]), []],
])('%s', (_about, port, config, certs) => {
  expect(certificatesAt(config, port).map(({ cert }) => cert)).toEqual(certs);
});
