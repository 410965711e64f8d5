/**
 * Connections that have not asked for anything yet. One read of a socket may bring ten thousand small pieces of a body, which no rate
 * can hold back once they are read, and one turn of the loop reads every socket that has something. So where small pieces have used up
 * what they may cost, connections of which nothing is known are left unread for a moment, and then read one after another.
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

  /** Its first request is here. */
  asked(socket: Socket): void {
    this.#unknown.delete(socket);
  }

  /** Also what this turn of the loop would still have read of them stays unread. */
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
