/**
 * How the gateway handles each method of an era. A method that an era does not have is absent from its table, so other code need
 * not ask for the era.
 */

/** From the catalogue, or by one upstream. */
type CommonPlan =
  | { readonly kind: 'list'; readonly list: 'tools' | 'prompts' | 'resources' | 'resourceTemplates' }
  | { readonly kind: 'named'; readonly list: 'tools' | 'prompts' }
  | { readonly kind: 'resource' }
  | { readonly kind: 'completion' }
  /** By the upstream that the task id names. */
  | { readonly kind: 'task' };

/** How a request is served: by the gateway itself, from the catalogue, by one upstream, or by all. */
export type RequestPlan =
  | CommonPlan
  | { readonly kind: 'initialize' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'level' }
  /** Known, but never declared. */
  | { readonly kind: 'withheld' }
  /** An unknown method: it is forwarded only if its parameters or the number of upstreams make the target clear. */
  | { readonly kind: 'unknown' };

/** The same without sessions. A method that only the session era has is not served (2026-07-28: HTTP 404 and −32601). */
export type ModernRequestPlan =
  | CommonPlan
  | { readonly kind: 'discover' }
  | { readonly kind: 'listen' }
  | { readonly kind: 'unknown' };

export type NotificationPlan =
  | { readonly kind: 'terminate' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'progress' }
  | { readonly kind: 'broadcast' };

const commonRequests: readonly (readonly [string, CommonPlan])[] = [
  ['tools/list', { kind: 'list', list: 'tools' }],
  ['prompts/list', { kind: 'list', list: 'prompts' }],
  ['resources/list', { kind: 'list', list: 'resources' }],
  ['resources/templates/list', { kind: 'list', list: 'resourceTemplates' }],
  ['tools/call', { kind: 'named', list: 'tools' }],
  ['prompts/get', { kind: 'named', list: 'prompts' }],
  ['resources/read', { kind: 'resource' }],
  ['completion/complete', { kind: 'completion' }],
];

const legacyRequests: ReadonlyMap<string, RequestPlan> = new Map<string, RequestPlan>([
  ...commonRequests,
  ['initialize', { kind: 'initialize' }],
  ['ping', { kind: 'ping' }],
  ['resources/subscribe', { kind: 'resource' }],
  ['resources/unsubscribe', { kind: 'resource' }],
  ['logging/setLevel', { kind: 'level' }],
  ['tasks/get', { kind: 'task' }],
  ['tasks/result', { kind: 'task' }],
  ['tasks/cancel', { kind: 'task' }],
  // It shows the tasks of a principal, so the principal must be authenticated (2025-11-25 basic/utilities/tasks §Security
  // Considerations).
  ['tasks/list', { kind: 'withheld' }],
]);

const modernRequests: ReadonlyMap<string, ModernRequestPlan> = new Map<string, ModernRequestPlan>([
  ...commonRequests,
  ['server/discover', { kind: 'discover' }],
  ['subscriptions/listen', { kind: 'listen' }],
  // From the extension io.modelcontextprotocol/tasks (SEP-2663).
  ['tasks/get', { kind: 'task' }],
  ['tasks/update', { kind: 'task' }],
  ['tasks/cancel', { kind: 'task' }],
]);

const legacyNotifications: ReadonlyMap<string, NotificationPlan> = new Map<string, NotificationPlan>([
  ['notifications/initialized', { kind: 'terminate' }],
  ['notifications/cancelled', { kind: 'cancelled' }],
  ['notifications/progress', { kind: 'progress' }],
  ['notifications/roots/list_changed', { kind: 'broadcast' }],
  // It names no upstream and receivers must not rely on it. Sending it to all would reveal tasks to other upstreams.
  ['notifications/tasks/status', { kind: 'terminate' }],
]);

const unknownRequest = { kind: 'unknown' } as const;
const unknownNotification: NotificationPlan = { kind: 'broadcast' };

export function legacyRequest(method: string): RequestPlan {
  return legacyRequests.get(method) ?? unknownRequest;
}

/** Undefined for a method of another revision. One that no revision has, such as that of an extension, is `unknown`. */
export function modernRequest(method: string): ModernRequestPlan | undefined {
  return modernRequests.get(method) ?? (isOfNoRevision(method) ? unknownRequest : undefined);
}

/** What servers send, besides what clients send too (2025-11-25 and 2026-07-28 schema, ServerRequest and ServerNotification). */
const ofServers: ReadonlySet<string> = new Set([
  'roots/list',
  'sampling/createMessage',
  'elicitation/create',
  'notifications/message',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
  'notifications/elicitation/complete',
  'notifications/tasks',
  'notifications/subscriptions/acknowledged',
]);

/** Whether no revision has a request or a notification of this name. */
export function isOfNoRevision(method: string): boolean {
  return methodLabel(method) === 'other' && !ofServers.has(method);
}

export function legacyNotification(method: string): NotificationPlan {
  return legacyNotifications.get(method) ?? unknownNotification;
}

/** The method as a metric label: a known one, else `other` (peers must not be able to make new labels). */
export function methodLabel(method: string): string {
  const isKnown = legacyRequests.has(method) || modernRequests.has(method) || legacyNotifications.has(method);
  return isKnown ? method : 'other';
}
