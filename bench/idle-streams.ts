/** Thousands of sessions and of GET streams that nothing comes on. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Client } from 'undici';
import { openSession } from './mcp-client.ts';
import type { Session } from './mcp-client.ts';

const openers = 50;

/** Sessions without a stream. */
export async function openSessions(url: string, count: number): Promise<Session[]> {
  const { origin, pathname } = new URL(url);
  const sessions: Session[] = [];
  await Promise.all(
    Array.from({ length: openers }, async (_each, opener) => {
      const client = new Client(origin);
      for (let at = opener; at < count; at += openers) sessions.push(await openSession(client, pathname));
      await client.close();
    }),
  );
  return sessions;
}

/** A GET stream for each. Plain sockets: ten thousand of anything more would measure this process. */
export async function openStreams(url: string, sessions: readonly Session[]): Promise<Socket[]> {
  const { hostname, port, pathname, host } = new URL(url);
  const streams: Socket[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: openers }, async () => {
      for (;;) {
        const session = sessions[next];
        next += 1;
        if (session === undefined) return;
        const socket = connect(Number(port), hostname);
        socket.on('error', () => {});
        socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${headersOf(session)}\r\n`);
        const [head] = (await once(socket, 'data')) as [Buffer];
        if (!head.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(`no stream: ${head.toString()}`);
        socket.resume();
        streams.push(socket);
      }
    }),
  );
  return streams;
}

/** The session's headers as they stand in a request without a body. */
export function headersOf({ headers }: Session): string {
  let text = '';
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at] !== 'Content-Type') text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  }
  return text;
}
