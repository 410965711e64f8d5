/** The same without sessions (2026-07-28): rounds with a state, tasks and subscriptions, each with the marker of whoever it is for. */
import { completed, startModern } from '../support/modern-upstream.ts';
import { resultOf, sayEvents, sayJson } from '../support/scripted-upstream.ts';

const question = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Well?', requestedSchema: { type: 'object', properties: {} } },
};

/** Starts it on a free port. Gives its URL. */
export async function startModernMarking(): Promise<string> {
  const open = new Set<(uri: string) => void>();
  const { url } = await startModern(
    ({ id, method, params = {} }, response, request) => {
      const message = { id: id ?? null, method: method ?? '', params };
      const { marker, uri } = (params['arguments'] ?? {}) as { marker?: string; uri?: string };
      const text = (said: unknown): void =>
        sayJson(response, completed(message, { content: [{ type: 'text', text: String(said) }] }));
      switch (method) {
        case 'tools/list': {
          const tools = ['mark', 'round', 'job', 'touch'].map((name) => ({ name, inputSchema: { type: 'object' } }));
          sayJson(response, completed(message, { tools, ttlMs: 60_000, cacheScope: 'public' }));
          return;
        }
        case 'subscriptions/listen': {
          const say = sayEvents(response);
          const push = (pushed: string, more: object): void =>
            say(JSON.stringify({ jsonrpc: '2.0', method: pushed, params: { ...more, _meta: stampOf(id) } }));
          const notifications = params['notifications'] as { resourceSubscriptions?: string[] };
          push('notifications/subscriptions/acknowledged', { notifications });
          const tell = (touched: string): void => {
            if (notifications.resourceSubscriptions?.includes(touched) === true)
              push('notifications/resources/updated', { uri: touched });
          };
          open.add(tell);
          request.signal.addEventListener('abort', () => open.delete(tell));
          return;
        }
        case 'tasks/get':
          sayJson(
            response,
            completed(message, {
              ...taskOf(String(params['taskId'])),
              status: 'completed',
              result: { content: [{ type: 'text', text: params['taskId'] }] },
            }),
          );
          return;
        case 'tools/call':
          if (uri !== undefined) for (const tell of open) tell(uri);
          if (params['name'] === 'job')
            sayJson(response, resultOf(message, { resultType: 'task', ...taskOf(`task ${marker}`) }));
          else if (params['name'] !== 'round') text(marker);
          else if (params['requestState'] !== undefined) text(params['requestState']);
          else
            sayJson(
              response,
              resultOf(message, { resultType: 'input_required', inputRequests: { q: question }, requestState: marker }),
            );
          return;
        default:
          sayJson(response, completed(message, {}));
      }
    },
    { tools: {}, resources: { subscribe: true }, extensions: { 'io.modelcontextprotocol/tasks': {} } },
  );
  return url;
}

function stampOf(id: unknown): object {
  return { 'io.modelcontextprotocol/subscriptionId': id };
}

function taskOf(taskId: string): object {
  return {
    taskId,
    status: 'working',
    createdAt: '2026-07-28T00:00:00Z',
    lastUpdatedAt: '2026-07-28T00:00:00Z',
    ttlMs: 60_000,
  };
}
