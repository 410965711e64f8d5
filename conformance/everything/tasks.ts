/**
 * Tasks as the extension io.modelcontextprotocol/tasks has them, which the SDK does not: what belongs to them is answered here, in
 * front of it, and all else is handed on. The tools stand on the SDK's server as well, for its list and for clients that declare
 * nothing.
 */
import { randomUUID } from 'node:crypto';
import type { InputRequest, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { askFor } from './questions.ts';

type Json = Readonly<Record<string, unknown>>;
type Work = (task: RunningTask, args: Json) => Promise<Json>;

export const tasksExtension = 'io.modelcontextprotocol/tasks';
const versionKey = 'io.modelcontextprotocol/protocolVersion';
const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities';
const ttlMs = 300_000;
const pollIntervalMs = 100;

/** A JSON-RPC error with its HTTP status. */
class Refusal extends Error {
  readonly status: number;
  readonly code: number;
  readonly data: unknown;

  constructor(status: number, code: number, message: string, data?: unknown) {
    super(message);
    this.status = status;
    this.code = code;
    this.data = data;
  }
}

export function offerTaskTools(server: McpServer): void {
  server.registerTool(
    'greet',
    { description: 'Greets at once', inputSchema: z.object({ name: z.string() }) },
    ({ name }) => said(`Hello, ${name}!`),
  );
  server.registerTool(
    'slow_compute',
    { description: 'Computes for so many seconds', inputSchema: z.object({ seconds: z.number() }) },
    async ({ seconds }) => {
      await elapsed(seconds * 1000);
      return said(`computed for ${seconds} s`);
    },
  );
  for (const [name, description] of [
    ['failing_job', 'Fails as a tool does'],
    ['protocol_error_job', 'Fails as no tool should'],
    ['confirm_delete', 'Asks before it deletes'],
    ['multi_input', 'Asks two things at once'],
    ['test_tool_with_task', 'Asks, and then begins a task'],
  ] as const)
    server.registerTool(name, { description, inputSchema: z.looseObject({}) }, () => said('done without a task'));
}

const works: Readonly<Record<string, Work>> = {
  slow_compute: async (_task, { seconds }) => {
    await elapsed(Number(seconds) * 1000);
    return said(`computed for ${String(seconds)} s`);
  },
  failing_job: async () => {
    await elapsed(1000);
    return { ...said('the job has failed'), isError: true };
  },
  protocol_error_job: () => Promise.reject(new Error('the server is broken')),
  confirm_delete: async (task, { filename }) => {
    const { confirm } = await task.ask({ confirm: askFor(`Delete ${String(filename)}?`, 'confirm') });
    return said(`asked for ${String(filename)}: ${JSON.stringify(confirm)}`);
  },
  multi_input: async (task) => {
    const answers = await task.ask({ first: askFor('First?', 'name'), second: askFor('Second?', 'name') });
    return said(JSON.stringify(answers));
  },
  test_tool_with_task: async (task, { user_name: name }) => {
    await elapsed(200);
    return said(`Worked for ${JSON.stringify(name)} as ${task.id}.`);
  },
};

/** They are served as tasks or not at all. */
const needsTask: ReadonlySet<string> = new Set(['failing_job', 'protocol_error_job', 'test_tool_with_task']);

class RunningTask {
  readonly id = randomUUID();
  readonly #createdAt = new Date().toISOString();
  #status = 'working';
  #outcome: Json = {};
  #pending = new Map<string, InputRequest>();
  readonly #answers = new Map<string, unknown>();
  #answered = (): void => {};

  constructor(work: Work, args: Json) {
    work(this, args).then(
      (result) => this.#settle('completed', { result }),
      (fault: unknown) => this.#settle('failed', { error: { code: -32603, message: String(fault) } }),
    );
  }

  /** The task alone, as its creation is answered. */
  get brief(): Json {
    const now = new Date().toISOString();
    return {
      taskId: this.id,
      status: this.#status,
      createdAt: this.#createdAt,
      lastUpdatedAt: now,
      ttlMs,
      pollIntervalMs,
    };
  }

  get detailed(): Json {
    const asks = this.#status === 'input_required';
    return { ...this.brief, ...this.#outcome, ...(asks && { inputRequests: Object.fromEntries(this.#pending) }) };
  }

  ask(questions: Readonly<Record<string, InputRequest>>): Promise<Json> {
    this.#pending = new Map(Object.entries(questions));
    this.#status = 'input_required';
    return new Promise((resolve) => {
      this.#answered = () => {
        this.#status = 'working';
        resolve(Object.fromEntries(this.#answers));
      };
    });
  }

  update(answers: Json): void {
    for (const [key, answer] of Object.entries(answers)) if (this.#pending.delete(key)) this.#answers.set(key, answer);
    if (this.#status === 'input_required' && this.#pending.size === 0) this.#answered();
  }

  cancel(): void {
    this.#settle('cancelled', {});
  }

  #settle(status: string, outcome: Json): void {
    if (this.#status !== 'working' && this.#status !== 'input_required') return;
    this.#status = status;
    this.#outcome = outcome;
  }
}

/** `next` answers what has nothing to do with tasks. */
export function withTasks(next: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  const tasks = new Map<string, RunningTask>();
  return async (request) => {
    const message = await messageIn(request.clone());
    if (message === undefined || !concernsTasks(message)) return next(request);
    try {
      const result = answerTo(message, request.headers, tasks);
      return result === undefined ? await next(request) : reply(message, { result }, 200);
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault;
      const { code, message: text, data, status } = fault;
      return reply(message, { error: { code, message: text, ...(data !== undefined && { data }) } }, status);
    }
  };
}

interface Asked {
  readonly id: unknown;
  readonly method: string;
  readonly params: Json;
  readonly meta: Json;
}

async function messageIn(request: Request): Promise<Asked | undefined> {
  if (request.method !== 'POST') return undefined;
  const body: unknown = await request.json().catch(() => undefined);
  const { id, method, params } = jsonOf(body);
  const meta = jsonOf(jsonOf(params)['_meta']);
  if (typeof method !== 'string' || meta[versionKey] === undefined) return undefined;
  return { id, method, params: jsonOf(params), meta };
}

function concernsTasks({ method, params }: Asked): boolean {
  if (method === 'tools/call') return Object.hasOwn(works, String(params['name']));
  return method === 'tasks/get' || method === 'tasks/update' || method === 'tasks/cancel';
}

/** Undefined for a call that is served without a task. */
function answerTo(asked: Asked, headers: Headers, tasks: Map<string, RunningTask>): Json | undefined {
  const { method, params, meta } = asked;
  checkHeaders(asked, headers);
  const extensions = jsonOf(jsonOf(meta[capabilitiesKey])['extensions']);
  const isDeclared = extensions[tasksExtension] !== undefined;
  const name = String(params['name']);
  if (!isDeclared && method === 'tools/call' && !needsTask.has(name)) return undefined;
  if (!isDeclared)
    throw new Refusal(400, -32021, 'Missing required client capability', {
      requiredCapabilities: { extensions: { [tasksExtension]: {} } },
    });
  if (method === 'tools/call') return begun(name, params, tasks);
  const task = tasks.get(String(params['taskId']));
  if (task === undefined) throw new Refusal(200, -32602, 'Unknown task');
  if (method === 'tasks/get') return { resultType: 'complete', ...task.detailed };
  if (method === 'tasks/update') task.update(jsonOf(params['inputResponses']));
  else task.cancel();
  return { resultType: 'complete' };
}

function begun(name: string, params: Json, tasks: Map<string, RunningTask>): Json {
  const answers = jsonOf(params['inputResponses']);
  if (name === 'test_tool_with_task' && answers['user_name'] === undefined)
    return { resultType: 'input_required', inputRequests: { user_name: askFor('Who are you?', 'name') } };
  const task = new RunningTask(works[name]!, { ...jsonOf(params['arguments']), ...answers });
  tasks.set(task.id, task);
  return { resultType: 'task', ...task.brief };
}

function checkHeaders({ method, params, meta }: Asked, headers: Headers): void {
  const isSame =
    headers.get('mcp-protocol-version') === meta[versionKey] &&
    headers.get('mcp-method') === method &&
    headers.get('mcp-name') === (method === 'tools/call' ? params['name'] : params['taskId']);
  if (!isSame) throw new Refusal(400, -32020, 'Header mismatch');
}

function reply({ id }: Asked, outcome: Json, status: number): Response {
  return Response.json({ jsonrpc: '2.0', id, ...outcome }, { status });
}

function jsonOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function said(text: string): { content: { type: 'text'; text: string }[] } {
  return { content: [{ type: 'text', text }] };
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
