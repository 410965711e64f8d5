/**
 * A fault of a call in the words of its client. Most faults have one form. Where a user has to give an upstream permission, a
 * client that can show a URL is asked to: by a round (2026-07-28 basic/patterns/mrtr), or by the error of 2025-11-25
 * client/elicitation §URL Elicitation Required Error. Every other client gets an error with the link in its text.
 */
import { roundMessage, mayAsk } from '../aggregate/rounds.ts';
import { ConsentRequired, GatewayError, type ConsentLink } from '../errors.ts';
import { clientCapability } from '../protocol/capabilities.ts';
import { hasUrlElicitation } from '../protocol/revisions.ts';
import type { Worded } from '../transport/downstream/wording.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import { openCallState, sealCallState } from './call-state.ts';

/** The question of the round. */
export const consentQuestion = 'consent';

/** `upstream`: where the call was going, as far as that is known. */
export function faultToClient(
  call: Pick<Call, 'client' | 'message'>,
  fault: unknown,
  upstream: Upstream | undefined,
): Worded<string> {
  const { client, message } = call;
  const { wording } = client;
  if (!(fault instanceof ConsentRequired)) return wording.fault(fault, message.id);
  if (!wording.asksByRounds) {
    const session = client.isShared || !showsUrls(client) ? undefined : client.known.jti;
    return wording.fault(consentFault(fault.linkFor(session), client), message.id);
  }
  const link = fault.linkFor(undefined);
  const isAsked = upstream !== undefined && mayAsk(message.method) && showsUrls(client);
  if (!isAsked) return wording.fault(plainFault(link), message.id);
  try {
    return consentRound(call, link, upstream);
  } catch {
    // The upstream's own state leaves no room for it.
    return wording.fault(plainFault(link), message.id);
  }
}

type Shown = Pick<Client, 'revision' | 'clientCapabilities'>;

/** For a client of the session era: with the code of 2025-11-25 where it knows that. */
export function consentFault(link: ConsentLink, client: Shown): GatewayError {
  if (!showsUrls(client)) return plainFault(link);
  const { id: elicitationId, url, message } = link;
  return new GatewayError('consent_elicited', undefined, {
    about: aboutOf(link),
    data: { elicitations: [{ mode: 'url', elicitationId, url, message }] },
  });
}

function plainFault(link: ConsentLink): GatewayError {
  return new GatewayError('consent_required', undefined, { about: aboutOf(link) });
}

function aboutOf({ url }: ConsentLink): string {
  return `open ${url} and try again`;
}

function showsUrls({ revision, clientCapabilities }: Shown): boolean {
  return hasUrlElicitation(revision) && (clientCapabilities & clientCapability.elicitationUrl) !== 0;
}

/** The client comes back with what its user has done, and the call begins then. What an upstream wanted back goes with it. */
function consentRound(
  { client, message }: Pick<Call, 'client' | 'message'>,
  link: ConsentLink,
  upstream: Upstream,
): Worded<string> {
  const params = JSON.stringify({ mode: 'url', message: link.message, url: link.url });
  const rest = openCallState(client, upstream, message);
  const state = rest?.kind === 'call' || rest?.kind === 'consent' ? rest.state : undefined;
  const round = roundMessage(
    message.id!,
    [{ key: consentQuestion, method: 'elicitation/create', params }],
    sealCallState(client, upstream, message, { kind: 'consent', state }),
  );
  const { body, status } = client.wording.response(round, upstream.config, message, (own) => own);
  return { body: body.toString(), status };
}
