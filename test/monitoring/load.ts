/** Two replicas, and all that can befall them: each round moves every metric that load can move. */
import { connect } from 'node:net';
import { kill } from 'node:process';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { askingToolNames } from '../support/asking-tools.ts';
import { freePort } from '../support/free-port.ts';
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts';
import { askModern } from '../support/modern-client.ts';
import { listenTo, openSession, send, type PlainSession } from '../support/plain-client.ts';
import { makeKeysFile } from '../support/replicas.ts';
import { resultOf, sayEvents, sayJson, startScripted, type Script } from '../support/scripted-upstream.ts';
import { startStatefulServer } from '../support/stateful-server.ts';

const mib = 1_048_576;
const asking = fileURLToPath(new URL('../support/asking-stdio-server.ts', import.meta.url));
const tool = (name: string, more: object = {}): object => ({ name, inputSchema: { type: 'object' }, ...more });

export interface Replicas {
  readonly one: GatewayProcess;
  readonly two: GatewayProcess;
  /** One round of all kinds of requests. */
  round(): Promise<void>;
}

/** Answers calls; forgets its session at `forget`, breaks off at `break`, and reports the progress of nobody. */
function lively(): Script {
  let calls = 0;
  return (message, response) => {
    const name = message.params?.['name'];
    if (message.method === 'tools/list') {
      // One is there twice, and one has a member of the wrong type.
      const tools = [tool('echo'), tool('echo'), tool('mend', { description: null }), tool('forget'), tool('break')];
      sayJson(response, resultOf(message, { tools }));
    } else if (name === 'forget' && (calls += 1) % 2 === 1) response.writeHead(404).end();
    else if (name === 'break') response.destroy();
    else if (name === 'mend') {
      const say = sayEvents(response);
      say('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"of nobody","progress":1}}');
      say(resultOf(message, { content: [] }));
      response.end();
    } else sayJson(response, resultOf(message, { content: [{ type: 'text', text: 'heard' }] }));
  };
}

/** Takes its time for calls, and fails where a prompt is asked for. */
const limited: Script = async (message, response) => {
  if (message.method === 'tools/list') sayJson(response, resultOf(message, { tools: [tool('slow')] }));
  else if (message.method === 'prompts/list') sayJson(response, resultOf(message, { prompts: [{ name: 'fail' }] }));
  else if (message.method === 'prompts/get') response.destroy();
  else {
    await sleep(100);
    sayJson(response, resultOf(message, { content: [] }));
  }
};

const careless: Script = (message, response) => {
  if (message.method === 'tools/list') sayJson(response, resultOf(message, { tools: [tool('odd')] }));
  else response.writeHead(200, { 'content-type': 'text/plain' }).end(resultOf(message, { content: [] }));
};

export async function startReplicasUnderLoad(): Promise<Replicas> {
  const servers = {
    lively: await startScripted(lively(), { sessionId: 'lively-1' }),
    limited: await startScripted(limited, { capabilities: { tools: {}, prompts: {} } }),
    careless: await startScripted(careless),
    asking: await startStatefulServer({ name: 'asking', tools: askingToolNames }),
    gone: { url: `http://127.0.0.1:${await freePort()}/mcp` },
  };
  const limits = {
    retries: { attempts: 1, baseDelay: '50ms', maxDelay: '100ms' },
    breaker: { failures: 3, open: '1s' },
    concurrency: { calls: 1, queue: 1 },
  };
  const config = {
    mcpServers: {
      ...Object.fromEntries(Object.entries(servers).map(([name, { url }]) => [name, { url }])),
      stdio: { command: process.execPath, args: [asking] },
    },
    manifold: { backends: { limited: limits } },
  };
  const keysFile = await makeKeysFile();
  const args = ['--memory-budget', '16MiB', '--max-message-bytes', '2MiB'];
  const reached = [...args, '--peer-address', '127.0.0.1:0'];
  const [one, two, gone] = await Promise.all([
    startGateway({ config, keysFile, args: reached }),
    startGateway({ config, keysFile, args }),
    startGateway({ config, keysFile, args: reached, admin: false }),
  ]);
  // One replica is gone with its calls.
  await hop(gone, two, () => gone.kill('SIGKILL'));
  return {
    one,
    two,
    round: async () => {
      const session = await openSession(one.url, { capabilities: { elicitation: {} } });
      const stream = await listenTo(session);
      await calls(session);
      await hop(one, two);
      await session.ask('tools/call', { name: 'nobody__has_it' });
      await send(one.url, {
        headers: ['Mcp-Session-Id', 'made-up', 'Accept', '*/*', 'Content-Type', 'application/json'],
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      });
      kill(one.pid, 'SIGHUP');
      await fill(one);
      stream.close();
      await send(one.url, { method: 'DELETE', headers: ['Mcp-Session-Id', session.token] });
    },
  };
}

async function calls(session: PlainSession): Promise<void> {
  for (const method of ['tools/list', 'prompts/list', 'resources/list']) await session.ask(method);
  for (const name of ['lively__echo', 'lively__mend', 'lively__forget', 'lively__break', 'careless__odd'])
    await session.ask('tools/call', { name, arguments: {} });
  await session.ask('prompts/get', { name: 'limited__fail' });
  // One runs, one waits, and the others are turned away.
  await Promise.all([1, 2, 3, 4].map(() => session.ask('tools/call', { name: 'limited__slow', arguments: {} })));
  for (let n = 0; n < 4; n += 1) await session.ask('prompts/get', { name: 'limited__fail' });
  // Of callers without a session nobody can tell to which of two calls at once a question belongs.
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"stdio__ask_roots","arguments":{}}}';
  await Promise.all([1, 2, 3].map(() => send(session.url, { body })));
}

/** A call waits on one replica, and its client answers at the other; `between` is done meanwhile. */
async function hop(one: GatewayProcess, two: GatewayProcess, between?: () => Promise<unknown>): Promise<void> {
  const capabilities = { elicitation: { form: {} } };
  const params = { name: 'asking__ask_elicitation', arguments: {} };
  const { rpc } = await askModern(one.url, 'tools/call', { capabilities, params });
  await between?.();
  const inputResponses = { q1: { action: 'accept', content: { name: 'Ada' } } };
  const more = { requestState: rpc.result?.['requestState'], inputResponses };
  await askModern(two.url, 'tools/call', { capabilities, params: { ...params, ...more } });
}

/** More bodies at once than there is memory for. */
async function fill({ url }: GatewayProcess): Promise<void> {
  const { host, hostname, port } = new URL(url);
  const head = `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${2 * mib}\r\n\r\n`;
  const sockets = Array.from({ length: 12 }, () => connect(Number(port), hostname));
  const answered = new Promise<void>((resolve) => {
    for (const socket of sockets) socket.on('data', () => resolve()).on('error', () => {});
  });
  for (const socket of sockets) socket.write(head + 'x'.repeat(mib));
  await answered;
  for (const socket of sockets) socket.destroy();
}
