/** Puts TLS, or a Unix socket, in front of a plain server of the kit. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls';
import { closedAtTheEnd } from './started.ts';

export interface TlsFront {
  readonly port: number;
  /** Server name and subject of the client certificate, by connection. */
  readonly connections: readonly { readonly serverName: string | false; readonly client: string | undefined }[];
  readonly close: () => Promise<void>;
}

export async function startTlsFront(target: number, options: TlsOptions): Promise<TlsFront> {
  const connections: { serverName: string | false; client: string | undefined }[] = [];
  const { server, close } = fronted(target, (listener) =>
    createTlsServer(options, (socket: TLSSocket) => {
      connections.push({ serverName: socket.servername ?? false, client: subjectOf(socket) });
      listener(socket);
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, connections, close };
}

export async function startSocketFront(target: number, path: string): Promise<void> {
  const { server } = fronted(target, (listener) => createServer(listener));
  server.listen(path);
  await once(server, 'listening');
}

function subjectOf(socket: TLSSocket): string | undefined {
  const name = socket.getPeerCertificate()?.subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

function fronted(
  target: number,
  make: (listener: (socket: Socket) => void) => Server,
): { readonly server: Server; readonly close: () => Promise<void> } {
  const open = new Set<Socket>();
  const server = make((socket) => {
    const inner = connect(target, '127.0.0.1');
    for (const one of [socket, inner]) {
      open.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        open.delete(one);
        socket.destroy();
        inner.destroy();
      });
    }
    socket.pipe(inner).pipe(socket);
  });
  server.on('tlsClientError', () => {});
  const close = closedAtTheEnd(async () => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { server, close };
}
