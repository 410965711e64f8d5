/**
 * What each method of an era needs from the gateway. A method that an era does not have is absent from its table, so nothing
 * else asks for the era. protocol.md D4.
 */

/** How a request is served: by the gateway itself, from the catalogue, by one upstream, or by all. */
export type RequestPlan =
  | { readonly kind: 'initialize' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'list'; readonly list: 'tools' | 'prompts' | 'resources' | 'resourceTemplates' }
  | { readonly kind: 'named'; readonly list: 'tools' | 'prompts' }
  | { readonly kind: 'resource' }
  | { readonly kind: 'completion' }
  | { readonly kind: 'level' }
  /** Nothing is known of it: it travels where its parameters or the number of upstreams leave no doubt. */
  | { readonly kind: 'unknown' };

export type NotificationPlan =
  | { readonly kind: 'terminate' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'progress' }
  | { readonly kind: 'broadcast' };

const legacyRequests: ReadonlyMap<string, RequestPlan> = new Map<string, RequestPlan>([
  ['initialize', { kind: 'initialize' }],
  ['ping', { kind: 'ping' }],
  ['tools/list', { kind: 'list', list: 'tools' }],
  ['prompts/list', { kind: 'list', list: 'prompts' }],
  ['resources/list', { kind: 'list', list: 'resources' }],
  ['resources/templates/list', { kind: 'list', list: 'resourceTemplates' }],
  ['tools/call', { kind: 'named', list: 'tools' }],
  ['prompts/get', { kind: 'named', list: 'prompts' }],
  ['resources/read', { kind: 'resource' }],
  ['resources/subscribe', { kind: 'resource' }],
  ['resources/unsubscribe', { kind: 'resource' }],
  ['completion/complete', { kind: 'completion' }],
  ['logging/setLevel', { kind: 'level' }],
]);

const legacyNotifications: ReadonlyMap<string, NotificationPlan> = new Map<string, NotificationPlan>([
  ['notifications/initialized', { kind: 'terminate' }],
  ['notifications/cancelled', { kind: 'cancelled' }],
  ['notifications/progress', { kind: 'progress' }],
  ['notifications/roots/list_changed', { kind: 'broadcast' }],
]);

const unknownRequest: RequestPlan = { kind: 'unknown' };
const unknownNotification: NotificationPlan = { kind: 'broadcast' };

export function legacyRequest(method: string): RequestPlan {
  return legacyRequests.get(method) ?? unknownRequest;
}

export function legacyNotification(method: string): NotificationPlan {
  return legacyNotifications.get(method) ?? unknownNotification;
}

/** The method as a metric label: a known one, else `other` (peers must not be able to make new labels). */
export function methodLabel(method: string): string {
  return legacyRequests.has(method) || legacyNotifications.has(method) ? method : 'other';
}
