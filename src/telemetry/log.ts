/**
 * The log: JSON lines on stderr. No token, key, argument, result or header value is ever handed to it; a session is named by
 * `sessionLabel`, the first eight hex digits of the SHA-256 of its token id (security.md T26, T27).
 */
import { createHash } from 'node:crypto';
import { pino, type Logger } from 'pino';

export type Log = Logger;

export function createLog(level: string): Log {
  // One write per 4 KiB or per second, not per line: a line in a call must cost a copy, not a system call.
  const destination = pino.destination({ dest: 2, sync: false, minLength: 4096, periodicFlush: 1000 });
  return pino(
    {
      level,
      base: null,
      timestamp: isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
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
