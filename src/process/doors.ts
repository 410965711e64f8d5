/** The listening servers of a process, one per port. A changed configuration may open and close ports. */
import { once, type EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { setImmediate as turnOfTheLoop, setTimeout as sleep } from 'node:timers/promises';
import { lastAnswersMs, maxLastTurns, quietTurns } from '../transport/http/limits.ts';
import { listen, portOf, shownHost } from './listen.ts';
import type { ListenerTls } from './listener-certificates.ts';

export interface Door {
  /** Not listening yet. */
  readonly server: Server;
  readonly tls: ListenerTls | undefined;
}

export class Doors {
  readonly #host: string;
  readonly #make: (port: number) => Door;
  readonly #open = new Map<number, Door>();

  constructor(host: string, make: (port: number) => Door) {
    this.#host = host;
    this.#make = make;
  }

  /** The open servers, keyed by requested port. */
  get all(): ReadonlyMap<number, Door> {
    return this.#open;
  }

  /**
   * Listens on exactly these ports. Connections to a closed port may finish. Throws `UsageError` when a port cannot be opened,
   * and then changes nothing.
   */
  async follow(ports: readonly number[]): Promise<void> {
    const opened = new Map<number, Door>();
    try {
      for (const port of ports) {
        if (this.#open.has(port)) continue;
        const door = this.#make(port);
        opened.set(port, door);
        await listen(door.server, port, this.#host, '--port');
      }
    } catch (fault) {
      for (const { server, tls } of opened.values()) {
        server.close();
        tls?.stop();
      }
      throw fault;
    }
    for (const [port, door] of this.#open) {
      if (ports.includes(port)) continue;
      this.#open.delete(port);
      door.tls?.stop();
      void takeAllWaiting(door.server).then(() => door.server.close());
    }
    for (const [port, door] of opened) this.#open.set(port, door);
  }

  /**
   * Replaces the server of a port, which speaks TLS from now on. Existing connections continue on the old one. Throws `UsageError`
   * if the port cannot be opened again; it is then closed.
   */
  async renew(port: number): Promise<void> {
    const old = this.#open.get(port);
    if (old === undefined) return;
    const door = this.#make(port);
    await takeAllWaiting(old.server);
    this.#open.delete(port);
    old.tls?.stop();
    // The port that the system chose, if the configured one is 0.
    const listening = portOf(old.server);
    // Listening ends synchronously; existing connections finish.
    old.server.close();
    try {
      await listen(door.server, listening, this.#host, '--port');
    } catch (fault) {
      door.tls?.stop();
      throw fault;
    }
    this.#open.set(port, door);
  }

  /** The origin of a port: its URL without a path. */
  originOf(port: number): string {
    const door = this.#open.get(port);
    const shownPort = door === undefined ? port : portOf(door.server);
    return `${door?.tls === undefined ? 'http' : 'https'}://${shownHost(this.#host)}:${shownPort}`;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open.values(), ({ server }) => closeServer(server)));
    for (const { tls } of this.#open.values()) tls?.stop();
  }
}

/** Requests that arrived before the end of listening get an answer (503), because a reset would look like a failed call. */
async function closeServer(server: Server): Promise<void> {
  await takeAllWaiting(server);
  const closed = once(server, 'close');
  server.close();
  await Promise.race([closed, sleep(lastAnswersMs)]);
  server.closeAllConnections();
}

/**
 * When listening ends, the kernel resets connections that are not accepted yet, and libuv accepts one per turn of the event loop.
 */
export async function takeAllWaiting(server: EventEmitter): Promise<void> {
  let quiet = 0;
  server.on('connection', () => {
    quiet = 0;
  });
  for (let turn = 0; turn < maxLastTurns && quiet < quietTurns; turn += 1) {
    quiet += 1;
    await turnOfTheLoop();
  }
}
