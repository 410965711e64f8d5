/**
 * Tolerated deviations of one upstream from the specification. The log reports each kind once, so that an operator notices it and
 * no upstream can fill the log; the metrics count every occurrence.
 */
import { toleratedOddities } from './metrics.ts';

/** Each kind, with its text in the log. */
const said = {
  content_type: 'an answer has another content type than JSON or events; it is read since it parses',
  byte_order_mark: 'a message begins with a byte order mark; it is skipped',
  id_as_text: 'an answer has its id in another form (a number as text, or back); it is taken',
  list_items: 'list items are invalid; they are mended, or left out one by one',
  list_pages: 'pages of a list overlap or do not advance; each item is taken once',
  list_changed: 'a change of a list is announced that was not declared; it is passed on',
  initialized_refused: 'notifications/initialized is refused; the session is used all the same',
  initialized_open: 'notifications/initialized is not answered; the session is used all the same',
  deprecated_transport: 'the URL is that of the deprecated HTTP+SSE transport; add "type": "sse" to its entry',
  redirect: 'the URL redirects to another path of its origin; the new one is used, and belongs into the configuration',
  error_status: 'a JSON-RPC error comes with an HTTP status of its own; it is passed on',
  session_status: 'an unknown session is answered with another status than 404; it is opened anew',
  event_name: 'events with another name than "message" are skipped',
  revision: 'the protocol version it answers is not one of Streamable HTTP; it is spoken to as 2025-03-26',
} as const;

export type Oddity = keyof typeof said;

/** Kinds that have lines of their own in the log: a line of output that is no message or too large, an answer to no request. */
export type LoggedOddity = 'output_line' | 'output_oversized' | 'answer_unmatched';

/** Of a detail in the log, in characters. */
const maxDetailChars = 200;

/** The part of a log that is needed here. */
interface Warned {
  warn(fields: object, text: string): void;
}

export class Tolerated {
  readonly #upstream: string;
  readonly #log: Warned | undefined;
  readonly #noted = new Set<Oddity>();

  constructor(upstream: string, log?: Warned) {
    this.#upstream = upstream;
    this.#log = log;
  }

  /** Counts one that is logged elsewhere. */
  count(kind: Oddity | LoggedOddity): void {
    toleratedOddities.inc({ upstream: this.#upstream, kind });
  }

  /** `detail` goes to the log, so it holds no argument, result or credential. */
  note(kind: Oddity, detail?: string): void {
    this.count(kind);
    if (this.#noted.has(kind)) return;
    this.#noted.add(kind);
    const about = detail === undefined ? {} : { detail: detail.slice(0, maxDetailChars) };
    this.#log?.warn({ upstream: this.#upstream, tolerated: kind, ...about }, said[kind]);
  }
}
