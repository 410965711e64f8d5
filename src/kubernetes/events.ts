/** Events of refusals, for `kubectl describe` and `kubectl events` (events.k8s.io/v1). */
import { createHash } from 'node:crypto';
import type { ApiRequest } from './api.ts';
import { apiVersionOf, mcpRoute } from './kinds.ts';
import { microTime } from './leader.ts';
import type { Verdict } from './verdict.ts';

/** Maximum length of `note` that the API server accepts. */
const maxNoteChars = 1024;
/** Maximum length of a name before the digest: with it the name must not exceed 253 characters. */
const maxNameChars = 200;
const maxReportedChars = 128;

/** The name is derived from the content, so that one refusal creates one Event, whichever replica leads. */
export function refusalEvent(verdict: Verdict, controller: string, identity: string): ApiRequest {
  const { ref, uid, generation, message, accepted, resolved, reasons } = verdict;
  const told = JSON.stringify([uid, generation, accepted, resolved, message]);
  const digest = createHash('sha256').update(told).digest('hex').slice(0, 16);
  const reason = accepted
    ? resolved
      ? (reasons?.programmed ?? 'NotProgrammed')
      : (reasons?.resolved ?? 'UnresolvedRefs')
    : (reasons?.accepted ?? 'NotAccepted');
  return {
    method: 'POST',
    path: `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(ref.namespace)}/events`,
    body: {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${ref.name.slice(0, maxNameChars)}.${digest}`, namespace: ref.namespace },
      eventTime: microTime(),
      type: 'Warning',
      action: 'Refuse',
      reason: reason.slice(0, maxReportedChars),
      note: message.length <= maxNoteChars ? message : `${message.slice(0, maxNoteChars - 1)}…`,
      reportingController: controller.slice(0, maxReportedChars),
      reportingInstance: identity.slice(0, maxReportedChars),
      regarding: {
        apiVersion: apiVersionOf(mcpRoute, mcpRoute.versions[0] ?? ''),
        kind: ref.kind,
        namespace: ref.namespace,
        name: ref.name,
        uid,
      },
    },
  };
}
