/** A request of the gateway's own on behalf of a client, asked once more on a new session when the upstream has lost the one in use. */
import { GatewayError } from '../errors.ts';
import type { Client } from './client.ts';
import { carrying, type RawHeaders } from '../transport/upstream/credentials.ts';
import type { Link, UpstreamAdapter } from '../transport/upstream/adapter.ts';

/** Gives the whole JSON-RPC response. Throws `upstream_*` faults. */
export async function askHealing(
  adapter: UpstreamAdapter,
  client: Client,
  link: Link,
  request: { readonly method: string; readonly params: string; readonly deadlineMs: number },
  rawHeaders: RawHeaders,
): Promise<Buffer> {
  const { method, params, deadlineMs } = request;
  try {
    return await adapter.ask(speaking(client, link, rawHeaders), method, params, deadlineMs);
  } catch (fault) {
    if (!(fault instanceof GatewayError) || fault.code !== 'upstream_session_lost') throw fault;
    const renewed = await client.links.renew(link.upstream, link, rawHeaders);
    return await adapter.ask(speaking(client, renewed, rawHeaders), method, params, deadlineMs);
  }
}

/** The link for a request on behalf of a client: where requests say who asks, what an upstream lists may depend on it. */
function speaking(client: Client, link: Link, rawHeaders: RawHeaders): Link {
  const carried = carrying(link, rawHeaders);
  return carried.mirrors ? { ...carried, said: client.said } : carried;
}
