/**
 * The listener for other replicas, and for the other workers of this machine. Each process has its own, because the port that
 * workers share leads to any of them.
 */
import type { Keyring } from '../session/keyring.ts';
import { hopServer, type BroughtTo } from '../transport/peers/hop-server.ts';
import { listen, portOf } from './listen.ts';
import type { RunOptions } from './options.ts';
import type { CommandIo } from './io.ts';
import { renewCertificate } from '../transport/http/server.ts';
import type { ListenerTls } from './listener-certificates.ts';

export interface PeerDoor {
  /** `host:port`, as sealed into identifiers that clients send back. */
  readonly address: string;
  close(): void;
}

/** Undefined if it has no use: a single process without `--peer-address`. Throws `UsageError`. */
export async function openPeerDoor(
  find: (path: string) => BroughtTo | undefined,
  { options, io, slot }: { readonly options: RunOptions; readonly io: CommandIo; readonly slot?: number },
  keyring: Keyring,
  tls?: ListenerTls,
): Promise<PeerDoor | undefined> {
  const { peerAddress } = options;
  if (peerAddress === undefined && slot === undefined) return undefined;
  const host = peerAddress?.host ?? '127.0.0.1';
  const port = peerAddress === undefined ? 0 : peerAddress.port === 0 ? 0 : peerAddress.port + (slot ?? 0);
  const address = (): string => `${host.includes(':') ? `[${host}]` : host}:${portOf(server)}`;
  // No client certificate is requested: replicas authenticate by signature.
  const server = hopServer(find, address, keyring, io.nowSeconds, tls === undefined ? undefined : tls.own);
  tls?.onChange(({ cert, key }) => renewCertificate(server, { cert, key }));
  await listen(server, port, host, '--peer-address', true);
  return {
    address: address(),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
