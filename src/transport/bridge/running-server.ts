/**
 * One running server that a bridge session uses: a process (`stdio.ts`) or a connection of the deprecated HTTP+SSE transport
 * (`sse-bridge.ts`).
 */
import type { GatewayError } from '../../errors.ts';

export interface RunningServer {
  /** Fields that identify the server in the log. */
  readonly label: Readonly<Record<string, string | number | undefined>>;
  /**
   * Sends one message on one line. Resolves when the server has taken it, not when it has answered. Rejects with a GatewayError.
   */
  send(message: Buffer): Promise<void>;
  /** While the server reads slowly: resolves when it has caught up or has ended. Otherwise undefined. */
  room(): Promise<void> | undefined;
  /** Stops reading the server's output, so that the server waits. */
  pause(): void;
  resume(): void;
  /** The last output was not a message. Such output is read more slowly than messages. */
  stray(): void;
  /** Ends the server. Resolves when all its processes have ended. May be called again. */
  end(): Promise<void>;
}

/** Callbacks. None is called before the function that opened the server has returned. */
export interface ServerOwner {
  /** One message as the server wrote it, not validated yet. The memory may be shared: copy what you keep. */
  message(bytes: Buffer): void;
  /** A message over `maxMessageBytes` was skipped. The arguments are its first and last bytes. */
  oversized(head: Buffer, tail: Buffer): void;
  /** A line began with a byte order mark. */
  marked(): void;
  /** The server wrote this to stderr: one log entry of one or more lines. */
  said(entry: string): void;
  /** The server has ended. Called once. */
  ended(fault: GatewayError): void;
}

/** The part of a pino logger that the bridge uses. */
export interface BridgeLog {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
