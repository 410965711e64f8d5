/**
 * What a bridge session talks to: one running server, be it a process (`stdio.ts`) or a connection of the deprecated
 * HTTP+SSE transport (`sse-bridge.ts`).
 */
import type { GatewayError } from '../../errors.ts';

export interface RunningServer {
  /** Names it in the log. */
  readonly label: Readonly<Record<string, string | number | undefined>>;
  /** One message on one line. Resolves when it has been taken, not when it has been answered. Rejects with a GatewayError. */
  send(message: Buffer): Promise<void>;
  /** While the server is slow to read: resolves when it has caught up or is gone. */
  room(): Promise<void> | undefined;
  /** Leaves the server's output unread, so that it waits. */
  pause(): void;
  resume(): void;
  /** What it wrote last was no message: such output is read more slowly than messages are. */
  stray(): void;
  /** Ends it. Resolves when nothing of it is left. May be called again. */
  end(): Promise<void>;
}

/** Never called before the function that opened the server has returned. */
export interface ServerOwner {
  /** One message as the server wrote it; not checked yet. The memory may be shared: copy what is kept. */
  message(bytes: Buffer): void;
  /** A message over `maxMessageBytes` was skipped; its first and last bytes. */
  oversized(head: Buffer, tail: Buffer): void;
  /** A line began with a byte order mark. */
  marked(): void;
  /** It wrote this to stderr: one entry of its log, of one or more lines. */
  said(entry: string): void;
  /** The server ended. Once. */
  ended(fault: GatewayError): void;
}

/** The part of a pino logger that the bridge uses. */
export interface BridgeLog {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
