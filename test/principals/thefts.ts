/** What one principal tries with what it has stolen from another: each attempt must look like one with something made up. */
import { askModern } from '../support/modern-client.ts';
import { openStream, posting, send, type Answer } from '../support/plain-client.ts';
import { modernCapabilities, routes, type Member, type Turn } from './member.ts';

/** Says in `thief.faults` what was given away. All that the thief is told is heard by it. */
export async function steal(thief: Member, victim: Member, any: Turn): Promise<void> {
  for (const route of routes) await stealsSession(thief, victim, any, route);
  await stealsPlace(thief, victim, any);
  const { cursor, questionId, requestState, taskId } = victim.loot;
  if (cursor !== undefined)
    await isAsGoodAsMadeUp(
      thief,
      'a cursor',
      (stolen) => asks(thief, any, 'resources/templates/list', { cursor: stolen }),
      cursor,
    );
  if (questionId !== undefined)
    await isAsGoodAsMadeUp(thief, 'a question', (stolen) => answers(thief, any, stolen), questionId);
  if (taskId !== undefined)
    await isAsGoodAsMadeUp(
      thief,
      'a task',
      (stolen) => asksModern(thief, any, 'tasks/get', { taskId: stolen }),
      taskId,
    );
  if (requestState !== undefined) {
    const round = { name: 'modern__round', arguments: { marker: 'x' }, inputResponses: {} };
    const call = (stolen: string) => asksModern(thief, any, 'tools/call', { ...round, requestState: stolen });
    await isAsGoodAsMadeUp(thief, 'a state', call, requestState);
  }
}

/** The thief's own token with the session of the victim. */
async function stealsSession(thief: Member, victim: Member, any: Turn, route: (typeof routes)[number]): Promise<void> {
  const { token } = victim.sessions[route];
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  for (const [method, more, body] of [
    ['POST', posting(), list],
    ['GET', ['Accept', 'text/event-stream'], undefined],
    ['DELETE', [], undefined],
  ] as const)
    await isAsGoodAsMadeUp(
      thief,
      `the session by ${method}`,
      (stolen) =>
        send(`${any()}/${route}`, {
          method,
          headers: [...more, 'Mcp-Session-Id', stolen, ...thief.headers],
          ...(body !== undefined && { body }),
        }),
      token,
      404,
    );
}

/** A stream of the thief's own begins where the victim's broke: it must be a fresh one. */
async function stealsPlace(thief: Member, { loot: { eventId } }: Member, any: Turn): Promise<void> {
  if (eventId === undefined) return;
  const { token } = thief.sessions.plain;
  const stream = await openStream(`${any()}/plain`, {
    method: 'GET',
    headers: ['Accept', 'text/event-stream', 'Mcp-Session-Id', token, 'Last-Event-ID', eventId, ...thief.headers],
  });
  if (stream.status !== 200) thief.faults.push(`a stolen place is answered with ${stream.status}`);
  // What is replayed would come at once, before a call of its own has ended.
  thief.heard.push((await asks(thief, any, 'tools/list', {})).body, stream.text());
  stream.close();
}

/** The answers to what was stolen and to what was made up are identical, and refusals. */
async function isAsGoodAsMadeUp(
  thief: Member,
  what: string,
  attempt: (text: string) => Promise<Pick<Answer, 'status' | 'body'>>,
  stolen: string,
  status?: number,
): Promise<void> {
  const middle = stolen.length >> 1;
  const madeUp = `${stolen.slice(0, middle)}${stolen[middle] === 'A' ? 'B' : 'A'}${stolen.slice(middle + 1)}`;
  const [given, other] = [await attempt(stolen), await attempt(madeUp)];
  thief.heard.push(given.body);
  if (given.status !== other.status || given.body !== other.body)
    thief.faults.push(`${what}, stolen, is ${given.status} ${given.body}; made up, ${other.status} ${other.body}`);
  if (status !== undefined && given.status !== status) thief.faults.push(`${what}, stolen, is ${given.status}`);
  if (!given.body.includes('"error"')) thief.faults.push(`${what}, stolen, is taken: ${given.body}`);
}

function asks({ sessions, headers }: Member, any: Turn, method: string, params: object): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return sessions.plain.at(`${any()}/plain`).post(body, ...headers);
}

function answers({ sessions, headers }: Member, any: Turn, id: string): Promise<Answer> {
  const result = { action: 'accept', content: { said: 'stolen' } };
  return sessions.plain.at(`${any()}/plain`).post(JSON.stringify({ jsonrpc: '2.0', id, result }), ...headers);
}

async function asksModern(
  { headers }: Member,
  any: Turn,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Pick<Answer, 'status' | 'body'>> {
  const { answer } = await askModern(`${any()}/plain`, method, {
    id: '1',
    params,
    capabilities: modernCapabilities,
    headers: { Authorization: headers[1] },
  });
  return answer;
}
