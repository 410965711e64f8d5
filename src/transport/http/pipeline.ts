/**
 * Requests that a client sends on one connection without waiting for answers (RFC 9112 §9.3.2). Each is a call under way, with its
 * body and its answer in memory, and answers leave in order: so few are begun at once, and the connection is not read meanwhile.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that are under way at once; the others wait unread. */
const maxPipelined = 8;

/** The same listener, which gets the requests of each connection a few at a time. */
export function pacedByConnection(listener: RequestListener): RequestListener {
  const lines = new WeakMap<Socket, Line>();
  return (request, response) => {
    const { socket } = request;
    let line = lines.get(socket);
    if (line === undefined) lines.set(socket, (line = new Line(socket, listener)));
    line.arrived(request, response);
  };
}

class Line {
  readonly #socket: Socket;
  readonly #listener: RequestListener;
  /** The latest that was begun: when it is answered all before it are. */
  #last: ServerResponse | undefined;
  #underWay = 0;
  #waiting: [IncomingMessage, ServerResponse][] | undefined;
  /** Begun behind others, in their order. */
  #followers: ServerResponse[] | undefined;

  constructor(socket: Socket, listener: RequestListener) {
    this.#socket = socket;
    this.#listener = listener;
  }

  arrived(request: IncomingMessage, response: ServerResponse): void {
    if (this.#last === undefined || this.#last.writableFinished) this.#last = response;
    else if (this.#underWay + 1 < maxPipelined && this.#waiting === undefined) this.#follow(response);
    else {
      this.#wait(request, response);
      return;
    }
    this.#listener(request, response);
  }

  #follow(response: ServerResponse): void {
    this.#last = response;
    this.#underWay += 1;
    if (this.#followers === undefined) {
      this.#followers = [];
      // Once a connection, as the list stays from then on.
      this.#socket.once('close', () => this.#closed());
    }
    this.#followers.push(response);
    response.once('close', () => {
      this.#underWay -= 1;
      this.#followers = this.#followers?.filter((each) => each !== response);
      this.#next();
    });
  }

  /** Node tells only the answer whose turn it was. The others have no connection yet, and would never hear that it is gone. */
  #closed(): void {
    this.#waiting = undefined;
    for (const response of this.#followers ?? []) if (response.socket === null) response.emit('close');
  }

  #wait(request: IncomingMessage, response: ServerResponse): void {
    if (this.#waiting === undefined) {
      this.#waiting = [];
      this.#socket.on('resume', this.#hold);
    }
    this.#waiting.push([request, response]);
    this.#socket.pause();
  }

  /** Whoever reads a body lets the connection flow. The bodies of all but the last that waits are here already. */
  readonly #hold = (): void => {
    if (this.#waiting !== undefined) this.#socket.pause();
  };

  #next(): void {
    const next = this.#waiting?.shift();
    if (next === undefined) return;
    if (this.#waiting?.length === 0) {
      this.#waiting = undefined;
      this.#socket.off('resume', this.#hold);
      this.#socket.resume();
    }
    this.#follow(next[1]);
    this.#listener(...next);
  }
}
