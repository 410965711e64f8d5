/**
 * Connections that have not sent any body yet. One read of a socket may bring ten thousand small pieces of a body, which no rate limit
 * can hold back once they are read, and one turn of the event loop reads every socket that has data. So when small pieces have used up
 * their allowance, connections of which nothing is known are left unread for a moment, and then read one after another.
 */
import type { Socket } from 'node:net';
import { newcomerMs } from './limits.ts';

export class Newcomers {
  readonly #unknown = new Set<Socket>();
  readonly #held: Socket[] = [];
  #timer: NodeJS.Timeout | undefined;

  arrived(socket: Socket): void {
    this.#unknown.add(socket);
    socket.once('close', () => this.#unknown.delete(socket));
  }

  /** Its first body has begun: from now on the turns of bodies limit it. */
  known(socket: Socket): void {
    this.#unknown.delete(socket);
  }

  /** They stay unread, also in this turn of the event loop. */
  hold(): void {
    if (this.#unknown.size === 0) return;
    for (const socket of this.#unknown) {
      socket.pause();
      this.#held.push(socket);
    }
    this.#unknown.clear();
    this.#timer ??= setInterval(() => this.#next(), newcomerMs).unref();
  }

  #next(): void {
    let socket = this.#held.shift();
    while (socket?.destroyed === true) socket = this.#held.shift();
    if (socket === undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#unknown.add(socket);
    socket.resume();
  }
}

/** Those of this process. */
export const newcomers = new Newcomers();
