/**
 * Limits HTTP pipelining: requests that a client sends on one connection without waiting for responses (RFC 9112 §9.3.2). Each
 * active request has its body and its response in memory, and responses are sent in order. So only a few are started at once, and
 * the connection is not read meanwhile.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Maximum number of active requests per connection; the others wait. */
const maxPipelined = 8;

/** Wraps a listener so that it gets only a few requests of each connection at a time. */
export function pacedByConnection(listener: RequestListener): RequestListener {
  const lines = new WeakMap<Socket, Line>();
  return (request, response) => {
    const { socket } = request;
    let line = lines.get(socket);
    if (line === undefined) lines.set(socket, (line = new Line(socket, listener)));
    line.arrived(request, response);
  };
}

/** The requests of one connection. */
class Line {
  readonly #socket: Socket;
  readonly #listener: RequestListener;
  /** The response that was started last. When it is finished, all before it are finished too. */
  #last: ServerResponse | undefined;
  #underWay = 0;
  #waiting: [IncomingMessage, ServerResponse][] | undefined;
  /** Responses that were started behind another one, in order. */
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
      // One listener per connection is enough, because the list is kept.
      this.#socket.once('close', () => this.#closed());
    }
    this.#followers.push(response);
    response.once('close', () => {
      this.#underWay -= 1;
      this.#followers = this.#followers?.filter((each) => each !== response);
      this.#next();
    });
  }

  /** Node emits `close` only on the response that is being sent. The others have no socket yet, so `close` is emitted here. */
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

  /** Reading a body resumes the socket, so it is paused again. Only the last waiting request can have an incomplete body. */
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
