/**
 * A stdio server that does what it is asked by method name, also what no good server does. Arguments: `stubborn` makes it
 * outlive the end of its input and SIGTERM, `crash` makes it exit before it answers anything.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

interface Incoming {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
}

const stubborn = process.argv.includes('stubborn');
if (process.argv.includes('crash')) process.exit(7);
if (stubborn) {
  process.on('SIGTERM', () => {});
  setInterval(() => {}, 1_000);
}

const asked = new Map<string, (result: unknown) => void>();
const heard: string[] = [];
let asks = 0;

const write = (line: string): boolean => process.stdout.write(`${line}\n`);
const send = (message: object): boolean => write(JSON.stringify({ jsonrpc: '2.0', ...message }));
const ask = (method: string): Promise<unknown> => {
  asks += 1;
  const id = `ask-${asks}`;
  send({ id, method, params: {} });
  return new Promise((resolve) => asked.set(id, resolve));
};
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

const answers: Record<string, (params: Readonly<Record<string, unknown>>, raw: string) => unknown> = {
  initialize: () => ({ protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'odd', version: '1' } }),
  ping: () => ({}),
  heard: () => ({ heard }),
  echo: (_params, raw) => ({ line: raw }),
  env: () => ({ env: process.env, cwd: process.cwd() }),
  pid: () => ({ pid: process.pid }),
  crash: () => process.exit(3),
  never: () => undefined,
  ask: async () => ({ answer: (await ask('sampling/createMessage')) ?? null }),
  stray: () => {
    write('I am a stray print');
    write('{"result":{"secret":"value"},"jsonrpc":"2.0","jsonrpc":"2.0","id":99}');
    return {};
  },
  stderr: ({ lines }) => {
    for (let i = 0; i < number(lines); i += 1) process.stderr.write(`line ${i} ${'x'.repeat(2_000)}\n`);
    return {};
  },
  notes: ({ count, method, bytes }) => {
    for (let i = 0; i < number(count); i += 1) {
      send({
        method: method ?? 'notifications/message',
        params: { level: 'info', data: i, pad: 'p'.repeat(number(bytes)) },
      });
    }
    return {};
  },
  later: ({ count, afterMs }) => {
    setTimeout(() => answers['notes']?.({ count, method: 'notifications/tools/list_changed' }, ''), number(afterMs));
    return {};
  },
  slow: async ({ token, steps, stepMs }) => {
    for (let i = 1; i <= number(steps); i += 1) {
      send({ method: 'notifications/progress', params: { progressToken: token, progress: i } });
      await new Promise((resolve) => {
        setTimeout(resolve, number(stepMs));
      });
    }
    return { done: true };
  },
  // The kinds of carelessness that servers of the field show.
  textual: async ({ id, token }) => {
    send({ method: 'notifications/progress', params: { progressToken: String(token), progress: 1 } });
    send({ result: { textual: true }, id: String(id) });
    return undefined;
  },
  lost: () => {
    send({ result: {}, id: 'no such request' });
    return undefined;
  },
  marked: ({ id }) => {
    process.stdout.write(`\u{feff}${JSON.stringify({ jsonrpc: '2.0', id, result: { marked: true } })}\n`);
    return undefined;
  },
  foreign: ({ token }) => {
    send({ method: 'notifications/progress', params: { progressToken: 'of nobody', progress: 1 } });
    send({ method: 'notifications/progress', params: { progressToken: token, progress: 2 } });
    return {};
  },
  traceback: () => {
    process.stderr.write(
      'before\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\nValueError: no\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "b.py", line 2\nKeyError: 1\nafter\n',
    );
    return {};
  },
  flood: async ({ line, bytes }) => {
    const lines = `${String(line)}\n`;
    const chunk = lines.repeat(Math.ceil(65_536 / lines.length));
    for (let left = number(bytes); left > 0; left -= chunk.length)
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
    return {};
  },
  huge: () => ({ huge: 'h'.repeat(5 * 1024 * 1024) }),
  grandchild: () => {
    const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
    return { pid: spawn(process.execPath, ['-e', code], { stdio: 'ignore' }).pid };
  },
  deaf: ({ forMs }) => {
    input.pause();
    setTimeout(() => input.resume(), number(forMs));
    return {};
  },
};

async function take(raw: string): Promise<void> {
  const message = JSON.parse(raw) as Incoming;
  if (message.method === undefined) {
    asked.get(String(message.id))?.(message.result);
    return;
  }
  if (message.id === undefined) {
    heard.push(message.method);
    return;
  }
  if (message.method === 'exact') {
    // Numbers, spacing and members that JSON.parse and JSON.stringify would not give back.
    write(
      '{"id": 7 , "jsonrpc":"2.0","result" : {"big":12345678901234567890,"one":1.0,"e":1E400,"u":"\\u0041","own":[ ]}, "x":null}',
    );
    return;
  }
  const result = await answers[message.method]?.(message.params ?? {}, raw);
  if (result !== undefined) send({ result, id: message.id });
}

const input = createInterface({ input: process.stdin });
input.on('line', (raw) => void take(raw));
input.on('close', () => {
  if (!stubborn) process.exit(0);
});
