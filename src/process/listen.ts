/** Starts to listen, or explains to the operator why it cannot. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from './prepare.ts';
import { UsageError } from './usage.ts';

/** Throws `UsageError`; `flag` is the option to change. `exclusive`: the port is not shared with the other workers. */
export function listen(server: Server, port: number, host: string, flag: string, exclusive = false): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (fault: NodeJS.ErrnoException) => {
      const taken =
        fault.code === 'EADDRINUSE'
          ? `port ${port} is taken; choose another with ${flag}`
          : `cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port} (${fault.code}); choose another port with ${flag}`;
      reject(new UsageError(taken, 'run'));
    });
    server.listen({ port, host, exclusive }, () => resolve());
  });
}

/** The host of a URL that reaches a listener on `host`. */
export function shownHost(host: string): string {
  // Not for `::1`: where `localhost` is only 127.0.0.1, nothing would answer there.
  if ((isLoopback(host) && host !== '::1') || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
