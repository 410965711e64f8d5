/**
 * The least of an MCP client (Streamable HTTP, 2025-11-25): opens a session, finds the echo tool, ends the session. It
 * takes any target's answers, JSON or event stream, with or without a session id.
 */
import type { Client } from 'undici';

export interface Session {
  /** Raw pairs that every message of the session carries. */
  readonly headers: readonly string[];
}

/** Whole body of a `tools/call`, in bytes: the size that the figures of this project speak of. */
const callBytes = 300;

/** The echoed text begins with it, so a reply that holds it is the tool's own and not an error of somebody in between. */
export const echoMark = 'bench-echo-';

/** Ids have a fixed width, so that a body can be reused by writing the next id over the last. */
export const firstCallId = 1_000_000_000;

const revision = '2025-11-25';

const baseHeaders: readonly string[] = [
  'Content-Type',
  'application/json',
  'Accept',
  'application/json, text/event-stream',
];

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } },
});
const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
const toolsList = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' });

/** `initialize` and `notifications/initialized`. Throws when the target refuses either. `credential`: see `Measured`. */
export async function openSession(client: Client, path: string, credential: readonly string[] = []): Promise<Session> {
  const base = [...baseHeaders, ...credential];
  const { answer, sessionId } = await post(client, path, base, initialize);
  const agreed = (answer as { result?: { protocolVersion?: unknown } }).result?.protocolVersion;
  if (typeof agreed !== 'string') throw new Error(`initialize was refused: ${JSON.stringify(answer)}`);
  const headers = [...base, 'Mcp-Protocol-Version', agreed];
  if (sessionId !== undefined) headers.push('Mcp-Session-Id', sessionId);
  await post(client, path, headers, initialized);
  return { headers };
}

/** Ends a session; a target that does not know DELETE (405) or has no sessions is left in peace. */
export async function closeSession(client: Client, path: string, session: Session): Promise<void> {
  if (!session.headers.includes('Mcp-Session-Id')) return;
  const reply = await client.request({ path, method: 'DELETE', headers: [...session.headers] });
  await reply.body.dump();
}

/** The name under which the target shows the echo tool: gateways prefix it. Throws when there is none. */
export async function findEchoTool(client: Client, path: string, session: Session): Promise<string> {
  const { answer } = await post(client, path, session.headers, toolsList);
  const tools = (answer as { result?: { tools?: { name: string }[] } }).result?.tools ?? [];
  const echo = tools.find((tool) => tool.name.endsWith('echo'));
  if (echo === undefined) throw new Error(`no echo tool in ${JSON.stringify(answer)}`);
  return echo.name;
}

/** One `tools/call`. Throws unless the echo comes back. */
export async function callOnce(client: Client, path: string, session: Session, body: Buffer): Promise<void> {
  const { answer } = await post(client, path, session.headers, body);
  if (!JSON.stringify(answer).includes(echoMark)) throw new Error(`no echo in ${JSON.stringify(answer)}`);
}

/** A `tools/call` of `callBytes`, whatever the length of the tool's name. */
export function callBody(tool: string, reply: 'json' | 'sse'): Buffer {
  const withText = (text: string): string =>
    JSON.stringify({
      jsonrpc: '2.0',
      id: firstCallId,
      method: 'tools/call',
      params: { name: tool, arguments: { reply, text } },
    });
  const padding = callBytes - Buffer.byteLength(withText(echoMark));
  return Buffer.from(withText(echoMark + 'x'.repeat(Math.max(0, padding))));
}

interface Posted {
  readonly answer: unknown;
  readonly sessionId: string | undefined;
}

async function post(client: Client, path: string, headers: readonly string[], body: string | Buffer): Promise<Posted> {
  const reply = await client.request({ path, method: 'POST', headers: [...headers], body });
  const text = await reply.body.text();
  if (reply.statusCode !== 200 && reply.statusCode !== 202) throw new Error(`HTTP ${reply.statusCode}: ${text}`);
  const sessionId = reply.headers['mcp-session-id'];
  return {
    answer: reply.statusCode === 202 ? undefined : parseAnswer(String(reply.headers['content-type']), text),
    sessionId: typeof sessionId === 'string' ? sessionId : undefined,
  };
}

/** The last message of an event stream is the reply; what comes before it is notifications. */
function parseAnswer(contentType: string, text: string): unknown {
  if (!contentType.startsWith('text/event-stream')) return JSON.parse(text);
  const data = text.split('\n').findLast((line) => line.startsWith('data:') && line.includes('{'));
  return JSON.parse(data?.slice('data:'.length) ?? 'null');
}
