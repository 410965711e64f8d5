/**
 * The listener for other replicas alone: requests of clients that belong to calls held here. Whoever cannot sign gets an answer
 * that tells nothing (protocol.md D6; security.md T28).
 */
import type { Server } from 'node:http';
import { GatewayError } from '../../errors.ts';
import type { Keyring } from '../../session/keyring.ts';
import { checkPost, readBody, readHead } from '../accept.ts';
import { isFromReplica } from './hop-signature.ts';
import { respondFault } from '../respond.ts';
import { boundedServer, type Handler } from '../server.ts';

/** Takes a request that another replica has brought. */
export type Brought = (request: Parameters<Handler>[0], body: Buffer, response: Parameters<Handler>[1]) => void;

/** A server that is not listening yet. `routes` gives what takes the requests of each MCP path. */
export function hopServer(routes: ReadonlyMap<string, Brought>, keyring: Keyring, nowSeconds: () => number): Server {
  return boundedServer((request, response) => {
    const path = request.url ?? '';
    const brought = routes.get(path);
    try {
      if (brought === undefined || request.method !== 'POST') throw new GatewayError('path_unknown');
      checkPost(readHead(request.rawHeaders));
    } catch (fault) {
      respondFault(response, fault);
      return;
    }
    readBody(request, (fault, body) => {
      const { rawHeaders } = request;
      if (fault !== undefined) respondFault(response, fault);
      else if (isFromReplica(keyring, nowSeconds(), { path, rawHeaders, body })) brought(request, body, response);
      else respondFault(response, new GatewayError('path_unknown'));
    });
  });
}
