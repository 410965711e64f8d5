/**
 * The log: JSON lines on stderr, or lines for people (pretty.ts). It never gets a token, key, argument, result or header value; a
 * session is identified by `sessionLabel`, the first eight hex digits of the SHA-256 of its token id.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { pino, type DestinationStream, type Logger } from 'pino';
import { GatheredLines } from './gathered-lines.ts';
import { isForPeople, type LogFormat, prettyOutput } from './pretty.ts';

export type Log = Logger;

/** Maximum number of bytes that wait for a slow reader of stderr; further lines are dropped. */
const maxWaitingBytes = 8 * 1024 * 1024;

export function createLog(level: string, output: DestinationStream = outputOf('auto')): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
}

/** Standard error in a format; lines for people are written at once. */
export function outputOf(format: LogFormat): DestinationStream {
  return isForPeople(format) ? prettyOutput(process.stderr, false) : jsonOutput();
}

/** Appends JSON lines to a file, which is created if it does not exist. Throws if it cannot be written. */
export function fileOutput(path: string): DestinationStream {
  closeSync(openSync(path, 'a', 0o600));
  return jsonOutput(path);
}

function jsonOutput(dest: string | number = 2): DestinationStream {
  const destination = pino.destination({ dest, sync: false, maxLength: maxWaitingBytes });
  // A closed stderr or a full disk must not end the gateway. pino sees to EPIPE by itself.
  destination.on('error', () => {});
  return new GatheredLines(destination);
}

let lastMs = 0;
let lastText = '';

/** Many lines share a millisecond under load, and writing the date costs more than the rest of a line. */
function isoTime(): string {
  const nowMs = Date.now();
  if (nowMs !== lastMs) {
    lastMs = nowMs;
    lastText = `,"time":"${new Date(nowMs).toISOString()}"`;
  }
  return lastText;
}

export function sessionLabel(jti: Buffer): string {
  return createHash('sha256').update(jti).digest('hex').slice(0, 8);
}
