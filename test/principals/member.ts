/** One principal with all that it does through the replicas in turn, what it is told, and what could be stolen from it. */
import { askModern, subscribe } from '../support/modern-client.ts';
import type { AuthorizationServer } from '../support/oidc.ts';
import { openSession, openStream, posting, send, type OpenStream, type PlainSession } from '../support/plain-client.ts';
import { groups } from './marking-server.ts';
import { markerOf } from './markers.ts';

export const audience = 'principals';
/** On `told` upstreams are told the user; on `plain` they cannot tell users apart. */
export const routes = ['told', 'plain'] as const;
export const modernCapabilities = { elicitation: { form: {} }, extensions: { 'io.modelcontextprotocol/tasks': {} } };

/** What somebody else may have got hold of, of each kind the latest. */
interface Loot {
  eventId: string;
  cursor: string;
  requestState: string;
  taskId: string;
  questionId: string;
}

export interface Member {
  readonly name: string;
  readonly group: (typeof groups)[number];
  /** Its access token. */
  readonly headers: readonly string[];
  readonly sessions: Readonly<Record<(typeof routes)[number], PlainSession>>;
  readonly loot: Partial<Loot>;
  /** What it was told since it was last looked at, but for its open streams. */
  readonly heard: string[];
  readonly streams: readonly OpenStream[];
  /** What was not as it should be, in words. */
  readonly faults: string[];
}

/** The origin of the replica whose turn it is. */
export type Turn = () => string;

const watched = (name: string): string => `mark://watch/${markerOf(name, 'watched')}`;

export async function startMember(number: number, any: Turn, as: AuthorizationServer): Promise<Member> {
  const name = `p${number}`;
  const group = groups[number % groups.length]!;
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: as.issuer, sub: name, aud: audience, iat: now, exp: now + 3_600, scope: 'read', group };
  const headers = ['Authorization', `Bearer ${await as.sign(claims)}`];
  const opening = { headers, capabilities: { elicitation: {} } };
  const sessions = {
    told: await openSession(`${any()}/told`, opening),
    plain: await openSession(`${any()}/plain`, opening),
  };
  const streams: OpenStream[] = [];
  for (const route of routes) {
    await sessions[route].ask('resources/subscribe', { uri: `marks+${watched(name)}` }, ...headers);
    const own = ['Accept', 'text/event-stream', 'Mcp-Session-Id', sessions[route].token, ...headers];
    streams.push(await openStream(`${any()}/${route}`, { method: 'GET', headers: own }));
  }
  const wanted = { resourceSubscriptions: [`modern+${watched(name)}`] };
  streams.push(await subscribe(`${any()}/plain`, wanted, '"sub"', headers));
  const listed = await sessions.plain.ask('resources/templates/list', {}, ...headers);
  const cursor = listed.result?.['nextCursor'];
  const faults = typeof cursor === 'string' ? [] : [`${name} was given no cursor`];
  const heard = [JSON.stringify(listed)];
  return { name, group, headers, sessions, loot: { cursor: String(cursor) }, heard, streams, faults };
}

/** Does everything once, each request at the replica whose turn it is. */
export async function takeTurn(member: Member, any: Turn, marker: string): Promise<void> {
  for (const route of routes) {
    await lists(member, any, route);
    await calls(member, any, route, marker);
    await isAsked(member, any, route, marker);
    await resumes(member, any, route, marker);
  }
  await sessionless(member, any, marker);
  await modern(member, any, marker);
}

type Ask = (method: string, params?: object) => Promise<string>;

/** Asks within the session of a route. The answer is the text. */
function asking({ sessions, headers, heard }: Member, any: Turn, route: (typeof routes)[number]): Ask {
  return async (method, params = {}) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const { body: text } = await sessions[route].at(`${any()}/${route}`).post(body, ...headers);
    heard.push(text);
    return text;
  };
}

async function lists(member: Member, any: Turn, route: (typeof routes)[number]): Promise<void> {
  const ask = asking(member, any, route);
  for (const [method, own] of [
    ['tools/list', `marks__only_${member.group}`],
    ['prompts/list', `marks__only_${member.group}`],
    ['resources/list', `marks+mark://${member.group}`],
  ] as const) {
    const text = await ask(method);
    const shown = groups.filter((group) => text.includes(own.replace(member.group, group)));
    if (shown.join() !== member.group) member.faults.push(`${method} shows ${member.name} what is of ${shown.join()}`);
    if (route === 'told' && !text.includes(markerOf(member.name, 'described')))
      member.faults.push(`${method} is not that of ${member.name}`);
  }
}

async function calls(member: Member, any: Turn, route: (typeof routes)[number], marker: string): Promise<void> {
  const ask = asking(member, any, route);
  const call = (name: string, more: object = {}, meta: object = {}): Promise<string> =>
    ask('tools/call', { name: `marks__${name}`, arguments: { marker, ...more }, _meta: meta });
  const marked = await call('mark', { times: 2 }, { progressToken: marker });
  if (!marked.includes(marker)) member.faults.push(`mark told ${member.name} ${marked}`);
  await call('touch', { uri: watched(member.name) });
  await ask('prompts/get', { name: 'marks__recall', arguments: { marker } });
  await ask('resources/read', { uri: 'marks+mark://state' });
  await ask('completion/complete', {
    ref: { type: 'ref/prompt', name: 'marks__recall' },
    argument: { name: 'marker', value: marker },
  });
  const other = groups.find((group) => group !== member.group)!;
  for (const denied of [
    await call(`only_${other}`),
    await ask('prompts/get', { name: `marks__only_${other}` }),
    await ask('resources/read', { uri: `marks+mark://${other}` }),
  ])
    if (!denied.includes('"error"')) member.faults.push(`${member.name} was given what is of ${other}`);
}

/** The server asks in the middle of a call, and is answered at another replica. */
async function isAsked(member: Member, any: Turn, route: (typeof routes)[number], marker: string): Promise<void> {
  const stream = await openCall(member, any, route, { name: 'marks__ask', arguments: { marker } });
  const question = await stream.until(({ method }) => method === 'elicitation/create');
  member.loot.questionId = String(question.id);
  const answer = { jsonrpc: '2.0', id: question.id, result: { action: 'accept', content: { said: `${marker}-said` } } };
  const session = member.sessions[route].at(`${any()}/${route}`);
  const { status } = await session.post(JSON.stringify(answer), ...member.headers);
  if (status !== 202) member.faults.push(`the answer of ${member.name} was ${status}`);
  const end = await stream.until(({ id }) => id === 'call');
  if (!JSON.stringify(end).includes(`${marker}-said`)) member.faults.push(`${member.name} was not heard`);
  stop(member, stream);
}

/** The stream of a call breaks, and its rest comes from another replica. */
async function resumes(member: Member, any: Turn, route: (typeof routes)[number], marker: string): Promise<void> {
  const call = { name: 'marks__mark', arguments: { marker, times: 6, everyMs: 30 }, _meta: { progressToken: marker } };
  const stream = await openCall(member, any, route, call);
  await stream.until(({ method }) => method === 'notifications/progress');
  stop(member, stream);
  const last = [...stream.text().matchAll(/^id: ?(.+)$/gm)].at(-1)?.[1] ?? '';
  member.loot.eventId = last;
  const { token } = member.sessions[route];
  const rest = await openStream(`${any()}/${route}`, {
    method: 'GET',
    headers: ['Accept', 'text/event-stream', 'Mcp-Session-Id', token, 'Last-Event-ID', last, ...member.headers],
  });
  await rest.until(({ id }) => id === 'call');
  stop(member, rest);
}

function openCall(
  { sessions, headers }: Member,
  any: Turn,
  route: (typeof routes)[number],
  params: object,
): Promise<OpenStream> {
  const own = ['Mcp-Session-Id', sessions[route].token, 'MCP-Protocol-Version', '2025-11-25', ...headers];
  const body = JSON.stringify({ jsonrpc: '2.0', id: 'call', method: 'tools/call', params });
  return openStream(`${any()}/${route}`, { headers: posting(...own), body });
}

function stop({ heard }: Member, stream: OpenStream): void {
  heard.push(stream.text());
  stream.close();
}

async function sessionless({ headers, heard }: Member, any: Turn, marker: string): Promise<void> {
  for (const [route, tool] of [
    ['told', 'marks__mark'],
    ['plain', 'marks__mark'],
    ['plain', 'modern__mark'],
  ] as const) {
    const params = { name: tool, arguments: { marker, times: 1 }, _meta: { progressToken: 'p' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    heard.push((await send(`${any()}/${route}`, { headers: posting(...headers), body })).body);
  }
}

/** 2026-07-28: a list, a call, rounds, a task; each step at the replica whose turn it is. */
async function modern(member: Member, any: Turn, marker: string): Promise<void> {
  const { headers, heard, faults, loot } = member;
  const ask = async (method: string, params: Readonly<Record<string, unknown>>) => {
    const { rpc, answer } = await askModern(`${any()}/plain`, method, {
      params,
      capabilities: modernCapabilities,
      headers: { Authorization: headers[1] },
    });
    heard.push(answer.body);
    return rpc.result ?? {};
  };
  await ask('tools/list', {});
  await ask('tools/call', { name: 'modern__touch', arguments: { marker, uri: watched(member.name) } });
  const round = { name: 'modern__round', arguments: { marker } };
  const { requestState } = await ask('tools/call', round);
  loot.requestState = String(requestState);
  const done = await ask('tools/call', { ...round, requestState, inputResponses: { q: { action: 'decline' } } });
  if (!JSON.stringify(done).includes(marker))
    faults.push(`the second round told ${member.name} ${JSON.stringify(done)}`);
  const { taskId } = await ask('tools/call', { name: 'modern__job', arguments: { marker } });
  loot.taskId = String(taskId);
  const task = await ask('tasks/get', { taskId });
  if (!JSON.stringify(task).includes(marker)) faults.push(`the task told ${member.name} ${JSON.stringify(task)}`);
}
