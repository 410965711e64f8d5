/** Sends the gateway's own request for a client, and sends it again on a new session if the upstream has lost the session. */
import { GatewayError } from '../errors.ts';
import type { Caller } from '../transport/http/caller.ts';
import type { UpstreamAdapter } from '../transport/upstream/adapter.ts';
import type { Outbound, UpstreamSession } from '../transport/upstream/session.ts';
import type { Client } from './client.ts';

/** Returns the whole JSON-RPC response. Throws `upstream_*` faults. */
export async function askHealing(
  adapter: UpstreamAdapter,
  client: Client,
  session: UpstreamSession,
  request: { readonly method: string; readonly params: string; readonly deadlineMs: number },
  caller: Caller,
): Promise<Buffer> {
  const { method, params, deadlineMs } = request;
  try {
    return await adapter.ask(onBehalfOf(client, session, caller), method, params, deadlineMs);
  } catch (fault) {
    if (!(fault instanceof GatewayError) || fault.code !== 'upstream_session_lost') throw fault;
    const renewed = await client.sessions.renew(session, caller);
    return await adapter.ask(onBehalfOf(client, renewed, caller), method, params, deadlineMs);
  }
}

/** For an upstream without sessions each request describes the client, and the upstream's lists may depend on that. */
function onBehalfOf(client: Client, session: UpstreamSession, caller: Caller): Outbound {
  return { session, caller, said: session.isToldOfClient ? client.said : undefined };
}
