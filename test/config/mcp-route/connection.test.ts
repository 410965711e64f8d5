/** What the settings of a backend say of TLS and Unix sockets, and what of it is a fault. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { ConfigError, type UpstreamTransport } from '../../../src/config/model.ts';
import { readConfig } from '../../../src/config/read.ts';
import { makeAuthority } from '../../support/certificates.ts';

const authority = makeAuthority();
const own = authority.sign('/CN=gateway', []);
const other = authority.sign('/CN=other', []);

function read(settings: object, server: object = { url: 'https://a/mcp' }): UpstreamTransport | undefined {
  const text = JSON.stringify({ mcpServers: { a: server }, manifold: { backends: { a: settings } } });
  return readConfig(text, 'f', {}).routes[0]?.upstreams[0]?.transport;
}

function faultsOf(settings: object, server?: object): string {
  try {
    read(settings, server);
    return '';
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.message;
    throw fault;
  }
}

test('texts of the files, and which files they were', () => {
  const { certFile, keyFile } = own;
  const tls = { caFile: authority.certFile, serverName: 'b', certificateFile: certFile, keyFile, minVersion: '1.3' };
  expect(read({ tls })).toMatchObject({
    tls: {
      ca: [authority.cert],
      serverName: 'b',
      clientCertificate: own.cert,
      clientKey: own.key,
      minVersion: 'TLSv1.3',
      files: [authority.certFile, certFile, keyFile],
    },
  });
});

const garbage = join(tmpdir(), `garbage-${process.pid}.pem`);
writeFileSync(garbage, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');

for (const [about, settings, server, told] of [
  ['a file that does not exist', { tls: { caFile: '/nowhere.pem' } }, undefined, 'tls.caFile: the file does not exist'],
  ['a file without a certificate', { tls: { caFile: own.keyFile } }, undefined, 'no PEM certificates'],
  ['a certificate that is none', { tls: { caFile: garbage } }, undefined, 'no PEM certificates'],
  [
    'the key of another certificate',
    { tls: { certificateFile: own.certFile, keyFile: other.keyFile } },
    undefined,
    'do not belong together',
  ],
  ['a certificate without a key', { tls: { certificateFile: own.certFile } }, undefined, 'without the other'],
  ['a URL that is not https', { tls: { verify: false } }, { url: 'http://a/mcp' }, 'is not https'],
  ['a program', { tls: { verify: false } }, { command: 'a' }, 'is reached by stdio'],
  ['a relative socket', { unixSocket: 'a.sock' }, undefined, 'an absolute path'],
] as const)
  test(`${about} is a fault`, () => {
    const text = faultsOf(settings, server);
    expect(text).toContain(told);
    expect(text).not.toContain('PRIVATE KEY');
  });
