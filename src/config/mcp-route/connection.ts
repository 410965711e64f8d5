/** This gateway's own settings for the connection to a backend, which override those of the cluster objects. */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import type { UpstreamTls, UpstreamTransport } from '../model.ts';
import { namedFile, namedPath } from '../text-file.ts';
import type { RouteContext } from './context.ts';
import { fault } from './context.ts';
import type { BackendSettings } from './settings-shape.ts';
import { checkTls } from './tls.ts';

/** The transport with the settings applied. `path` is that of the backend's settings; faults go to the context. */
export function connected(
  context: RouteContext,
  path: JsonPath,
  transport: UpstreamTransport,
  { tls, unixSocket }: Pick<BackendSettings, 'tls' | 'unixSocket'>,
): UpstreamTransport {
  if (tls === undefined && unixSocket === undefined) return transport;
  if (transport.kind !== 'http') {
    const what = tls === undefined ? 'unixSocket' : 'tls';
    fault(context, [...path, what], `the server is reached by ${transport.kind}`, 'Only a server of type http has it');
    return transport;
  }
  const own = tls === undefined ? undefined : tlsOf(context, [...path, 'tls'], tls);
  if (own !== undefined && !transport.url.startsWith('https:'))
    fault(context, [...path, 'tls'], 'the URL of the server is not https', 'Begin it with https:// or take out "tls"');
  return {
    ...transport,
    ...(own !== undefined && { tls: { ...transport.tls, ...own } }),
    ...(unixSocket !== undefined && { socketPath: unixSocket }),
  };
}

function tlsOf(context: RouteContext, path: JsonPath, text: NonNullable<BackendSettings['tls']>): UpstreamTls {
  const { serverName, caFile, certificateFile, keyFile, minVersion, verify } = text;
  const files: string[] = [];
  const pem = (name: string, file: string | undefined): string | undefined => {
    if (file === undefined) return undefined;
    const where = namedPath(file, '.');
    files.push(where);
    const found = namedFile(where);
    if ('text' in found) return found.text;
    fault(context, [...path, name], `the file ${found.fault}`, 'Give the path of a PEM file');
    return undefined;
  };
  const ca = pem('caFile', caFile);
  const clientCertificate = pem('certificateFile', certificateFile);
  const clientKey = pem('keyFile', keyFile);
  const tls: UpstreamTls = {
    ...(serverName !== undefined && { serverName }),
    ...(ca !== undefined && { ca: [ca] }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(clientKey !== undefined && { clientKey }),
    ...(minVersion !== undefined && { minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2' }),
    ...(verify === false && { verify: false }),
    ...(files.length > 0 && { files }),
  };
  checkTls(context, path, tls);
  return tls;
}
