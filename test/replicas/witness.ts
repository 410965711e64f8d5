/** An SDK client that calls a tool over and over and writes down everything that it is sent, as it comes. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { sdkClient } from '../support/sdk-client.ts';

/** A call that is silent for this long counts as lost. */
const lostAfterMs = 30_000;

export interface Witness {
  /** Calls until `over` answers true, then resolves. */
  work(over: () => boolean): Promise<void>;
  /** What was not as it should be, in words. */
  readonly faults: readonly string[];
  /** Calls that came to their end, each with all its progress. */
  readonly whole: number;
  /** Calls whose connection broke before the first event id, which nobody can resume; they were made again. */
  readonly cutBeforeId: number;
  /** Messages on the GET stream. */
  readonly pushed: number;
  close(): Promise<void>;
}

/** `fetch` is used for every request. `times` progress notifications a call, `everyMs` apart. */
export async function startWitness(
  url: string,
  {
    times,
    everyMs,
    fetch,
  }: { readonly times: number; readonly everyMs: number; readonly fetch?: typeof globalThis.fetch },
): Promise<Witness> {
  const { client, transport, close } = await sdkClient(url, {
    transport: {
      reconnectionOptions: {
        initialReconnectionDelay: 100,
        maxReconnectionDelay: 1_000,
        reconnectionDelayGrowFactor: 1.5,
        maxRetries: 10_000,
      },
      ...(fetch === undefined ? {} : { fetch }),
    },
  });
  const faults: string[] = [];
  const count = { whole: 0, cutBeforeId: 0, pushed: 0 };
  const session = transport.sessionId;
  let marker: unknown;
  let lastPushed: number | undefined;
  let steps: unknown[] = [];

  const note = (message: JSONRPCMessage): void => {
    if (!('method' in message)) return;
    if (message.method === 'notifications/progress') steps.push(message.params?.['progress']);
    else if (message.method === 'notifications/message') {
      const data = message.params?.['data'] as { marker: string; pushed: number };
      marker ??= data.marker;
      if (data.marker !== marker) faults.push('a message of another session');
      if (lastPushed !== undefined && data.pushed !== lastPushed + 1)
        faults.push(`push ${data.pushed} came after push ${lastPushed}`);
      lastPushed = data.pushed;
      count.pushed += 1;
    } else faults.push(`an unexpected ${message.method}`);
  };
  const inner = transport.onmessage;
  transport.onmessage = (message) => {
    note(message);
    inner?.(message);
  };

  const callOnce = async (): Promise<void> => {
    steps = [];
    let hasId = false;
    try {
      await client.request(
        { method: 'tools/call', params: { name: 'up__slow', arguments: { times, everyMs } } },
        CallToolResultSchema,
        {
          onprogress: () => {},
          onresumptiontoken: () => void (hasId = true),
          timeout: lostAfterMs,
          resetTimeoutOnProgress: true,
        },
      );
    } catch (fault) {
      if (hasId || steps.length > 0)
        faults.push(`a call that had begun failed after ${steps.length}: ${String(fault)}`);
      else count.cutBeforeId += 1;
      return;
    }
    const expected = Array.from({ length: times }, (_each, index) => index + 1);
    if (JSON.stringify(steps) === JSON.stringify(expected)) count.whole += 1;
    else faults.push(`progress was ${steps.length} of ${times}: ${firstOddity(steps)}`);
    if (transport.sessionId !== session) faults.push('it was given another session');
  };

  return {
    work: async (over) => {
      while (!over()) await callOnce();
    },
    faults,
    get whole() {
      return count.whole;
    },
    get cutBeforeId() {
      return count.cutBeforeId;
    },
    get pushed() {
      return count.pushed;
    },
    close,
  };
}

function firstOddity(steps: readonly unknown[]): string {
  const at = steps.findIndex((step, index) => step !== index + 1);
  return at < 0 ? 'the end is missing' : `${String(steps[at])} in the place of ${at + 1}`;
}
