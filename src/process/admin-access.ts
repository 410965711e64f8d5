/**
 * Who may see more than probes and metrics: processes of the same machine and, where there is a token, whoever has it and comes over
 * TLS (RFC 6750 §2.1).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { namedFile } from '../config/text-file.ts';
import { UsageError } from './usage.ts';

/** In characters: 128 bits are 22 of base64. */
const minTokenChars = 20;

/** Whether a request may see what is not for everyone. */
export type MaySee = (request: IncomingMessage) => boolean;

/** `tokenFile` is read at each question, so that a token may be replaced. Throws `UsageError` where it holds none. */
export function adminAccess(tokenFile: string | undefined): MaySee {
  if (tokenFile === undefined) return isFromHere;
  let token = readToken(tokenFile);
  return (request) => {
    if (isFromHere(request)) return true;
    const [, given] = /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (given === undefined || !('encrypted' in request.socket)) return false;
    try {
      token = readToken(tokenFile);
    } catch {
      // Half written or gone: the last one holds.
    }
    return timingSafeEqual(digest(given), digest(token));
  };
}

/* A port that pods of a cluster can reach is still not for them; `kubectl port-forward` comes from here. */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  const isProxied = headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined;
  return !isProxied && /^(?:127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '');
}

function readToken(path: string): string {
  const file = namedFile(path);
  if (!('text' in file)) throw new UsageError(`--admin-token-file: the file ${path} ${file.fault}`, 'run');
  const token = file.text.trim();
  if (token.length >= minTokenChars && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(
    `--admin-token-file: ${path} must hold one token of at least ${minTokenChars} visible ASCII characters`,
    'run',
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
