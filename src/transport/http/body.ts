/** Reads the body of a request into one buffer, with a size limit that is checked as bytes arrive. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../../errors.ts';
import { withoutMark } from '../../protocol/byte-order-mark.ts';
import { Gathered } from '../../protocol/gathered.ts';
import { shareOf, type Hold, type Share } from './budget.ts';
import { messageLimits } from './message-limits.ts';
import { newcomers } from './newcomers.ts';
import { BodyTurn } from './turns.ts';

export interface BodyOptions {
  /** Maximum size in bytes; by default the setting of the process. */
  readonly limit?: number | undefined;
  /** The share of the budget that the body is counted in. */
  readonly share?: Share;
  /** The body is counted until this response is closed; by default only until `done` is called. */
  readonly until?: ServerResponse;
}

/**
 * Takes the whole body, without a byte order mark. `hold` counts its bytes as long as `until` says. If the body is released
 * earlier, call `hold.end`. If it can be released on demand, call `hold.handTo`.
 */
export type BodyTaker = (fault: GatewayError | undefined, body: Buffer, hold: Hold | undefined) => void;

/**
 * Collects the body, at most `limit` bytes, and passes it to `done`, or a fault: `body_too_large` or `overloaded` (the rest of
 * the body is not read, so the connection must be closed), or `body_incomplete`.
 */
export function readBody(request: IncomingMessage, done: BodyTaker, options: BodyOptions = {}): void {
  new Receiving(request, done, options).begin();
}

class Receiving {
  readonly #request: IncomingMessage;
  readonly #done: BodyTaker;
  readonly #limit: number;
  readonly #hold: Hold;
  readonly #until: ServerResponse | undefined;
  /** The value of Content-Length, 0 without one; read when a second piece arrives. */
  #announced: number | undefined;
  /** The first piece, which is usually the whole body. */
  #first: Buffer | undefined;
  #gathered: Gathered | undefined;
  #size = 0;
  #over = false;

  constructor(request: IncomingMessage, done: BodyTaker, { limit, share, until }: BodyOptions) {
    this.#request = request;
    this.#done = done;
    this.#until = until;
    this.#limit = limit ?? messageLimits().request;
    this.#hold = (share ?? shareOf('')).hold(() => this.#refuse(new GatewayError('overloaded')));
  }

  begin(): void {
    const broken = (): void => this.#broken();
    this.#request.on('data', (piece: Buffer) => this.#take(piece));
    this.#request.on('end', () => this.#end());
    this.#request.on('error', broken);
    // `close` is also emitted after every complete body, so nothing may be allocated before this check.
    this.#request.on('close', broken);
  }

  #take(piece: Buffer): void {
    if (this.#over) return;
    this.#size += piece.length;
    if (this.#size > this.#limit) this.#refuse(tooLarge(this.#limit));
    else if (!this.#hold.take(piece.length)) this.#refuse(new GatewayError('overloaded', 'no room for a body'));
    else if (this.#first === undefined) {
      this.#first = piece;
      newcomers.known(this.#request.socket);
    } else this.#more(this.#first, piece);
  }

  #more(first: Buffer, piece: Buffer): void {
    if (this.#gathered === undefined) {
      this.#gathered = new Gathered();
      this.#gathered.append(first);
      this.#byTurns();
    }
    this.#announced ??= announcedIn(this.#request.rawHeaders, this.#limit);
    this.#gathered.append(piece, this.#announced);
  }

  /**
   * Takes the following pieces directly from the parser. The stream would cost twice as much per piece, and it would request more
   * during a pause. The return value of `push` stops the socket at once.
   */
  #byTurns(): void {
    const request = this.#request;
    const turn = new BodyTurn(() => {
      if (!this.#over) request.socket.resume();
      return !this.#over;
    });
    request.push = (piece: Buffer | null): boolean => {
      if (piece === null || this.#over) {
        Reflect.deleteProperty(request, 'push');
        return request.push(piece);
      }
      this.#take(piece);
      return turn.took(piece.length);
    };
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const body = this.#gathered === undefined ? (this.#first ?? empty) : this.#gathered.take();
    this.#first = undefined;
    this.#gathered = undefined;
    // The new owner of the body decides whether it can still be released.
    this.#hold.handTo();
    if (this.#until === undefined) this.#hold.end();
    else this.#hold.until(this.#until);
    this.#done(undefined, withoutMark(body), this.#hold);
  }

  #refuse(fault: GatewayError): void {
    if (this.#over) return;
    this.#request.pause();
    this.#fail(fault);
  }

  #broken(): void {
    if (!this.#over) this.#fail(new GatewayError('body_incomplete'));
  }

  #fail(fault: GatewayError): void {
    this.#over = true;
    this.#first = undefined;
    this.#gathered = undefined;
    this.#hold.end();
    this.#done(fault, empty, undefined);
  }
}

/** The fault `body_too_large`, which names the limit in bytes. */
export function tooLarge(limit: number): GatewayError {
  return new GatewayError('body_too_large', undefined, { about: `larger than ${limit} bytes` });
}

/** The value of Content-Length, up to the limit. Allocated memory that is never written costs nothing. */
function announcedIn(rawHeaders: readonly string[] | undefined, limit: number): number {
  if (rawHeaders === undefined) return 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== lengthName.length || name.toLowerCase() !== lengthName) continue;
    const length = Number(rawHeaders[i + 1]);
    return length > 0 && length <= limit ? length : 0;
  }
  return 0;
}

const lengthName = 'content-length';
const empty = Buffer.alloc(0);
