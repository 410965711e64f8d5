/**
 * A TCP proxy that spoils the way between gateway and upstream as told: latency, a cut after so many bytes, half-close,
 * silence, slicing. Deterministic: what happens depends on the counted bytes alone.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closedAtTheEnd } from './started.ts';

/** What befalls the bytes of one direction of every connection opened from then on. */
interface Fault {
  /** Milliseconds before each piece is passed on. */
  readonly latencyMs?: number;
  /** Cuts both sides with a reset once this many bytes have passed. */
  readonly resetAfterBytes?: number;
  /** Ends this direction in good order once this many bytes have passed; the other goes on. */
  readonly endAfterBytes?: number;
  /** Passes nothing on after this many bytes, and never closes. */
  readonly silentAfterBytes?: number;
  /** Passes on pieces of at most this many bytes, each in a write of its own. */
  readonly sliceBytes?: number;
}

export interface Faults {
  /** From the gateway to the upstream. */
  readonly up?: Fault;
  /** From the upstream to the gateway. */
  readonly down?: Fault;
  /** Resets connections as they are opened. */
  readonly refuse?: boolean;
}

export interface FaultProxy {
  /** The target's URL with the port of the proxy. */
  readonly url: string;
  readonly port: number;
  /** Connections opened until now. */
  readonly connections: number;
  /** Bytes passed on until now, over all connections. */
  readonly passed: { readonly up: number; readonly down: number };
  /** Replaces the faults, for connections opened from then on. */
  inflict(faults: Faults): void;
  /** Resets every open connection. */
  cutAll(): void;
  readonly close: () => Promise<void>;
}

/** Listens on a free port in front of `target`, an http URL of a loopback host. */
export async function startFaultProxy(target: string, initial: Faults = {}): Promise<FaultProxy> {
  const url = new URL(target);
  const to = { host: '127.0.0.1', port: Number(url.port) };
  const open = new Set<Socket>();
  const passed = { up: 0, down: 0 };
  let connections = 0;
  let faults = initial;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    connections += 1;
    near.on('error', () => {});
    if (faults.refuse === true) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...to, allowHalfOpen: true, noDelay: true });
    far.on('error', () => near.resetAndDestroy());
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    }
    near.on('close', () => far.destroy());
    const cutBoth = (): void => {
      near.resetAndDestroy();
      far.resetAndDestroy();
    };
    void carry(near, far, faults.up ?? {}, cutBoth, (bytes) => void (passed.up += bytes));
    void carry(far, near, faults.down ?? {}, cutBoth, (bytes) => void (passed.down += bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  url.hostname = 'localhost';
  url.port = String(port);
  const cutAll = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    url: url.href,
    port,
    get connections() {
      return connections;
    },
    passed,
    inflict: (next) => void (faults = next),
    cutAll,
    close: closedAtTheEnd(async () => {
      const closed = once(server, 'close');
      server.close();
      cutAll();
      await closed;
    }),
  };
}

/** Passes the bytes of one direction on, until its end or its fault. */
async function carry(
  from: Socket,
  to: Socket,
  fault: Fault,
  cut: () => void,
  count: (bytes: number) => void,
): Promise<void> {
  const { latencyMs = 0, sliceBytes = Infinity } = fault;
  const { resetAfterBytes = Infinity, endAfterBytes = Infinity, silentAfterBytes = Infinity } = fault;
  const limit = Math.min(resetAfterBytes, endAfterBytes, silentAfterBytes);
  let done = 0;
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (latencyMs > 0) await sleep(latencyMs);
      for (let at = 0; at < chunk.length && done < limit;) {
        const piece = chunk.subarray(at, at + Math.min(sliceBytes, limit - done));
        at += piece.length;
        done += piece.length;
        count(piece.length);
        if (!to.write(piece)) await once(to, 'drain');
        // A turn of the loop between writes, or the kernel would join the slices again.
        if (Number.isFinite(sliceBytes)) await sleep(0);
      }
      if (done < limit) continue;
      if (limit === resetAfterBytes) return cut();
      if (limit === endAfterBytes) break;
    }
    to.end();
  } catch {
    // A side that was cut is cut on the other side as well; there is nothing left to carry.
    cut();
  }
}
