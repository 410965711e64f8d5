/**
 * A listener for other replicas only. It takes client requests that belong to calls held here. A request with no valid signature
 * gets the answer of an unknown page.
 */
import type { Server } from 'node:http';
import { GatewayError } from '../../errors.ts';
import type { Keyring } from '../../session/keyring.ts';
import { checkPost, readBody, readHead } from '../http/accept.ts';
import { certificateBrought } from '../http/client-certificate.ts';
import { certificateHeader, readCertificate } from './hop-certificate.ts';
import { claimOf, proofFor, signatureHeader, valueOf } from './hop-signature.ts';
import { respondFault } from '../http/respond.ts';
import { boundedServer, type Handler, type Secured } from '../http/server.ts';

/** Takes requests that another replica forwards. */
export interface BroughtTo {
  handleBrought(request: Parameters<Handler>[0], body: Buffer, response: Parameters<Handler>[1]): void;
}

/**
 * Creates a server that is not listening yet. `find` returns the endpoint of an MCP path (without its query); `address` is this replica's address as
 * others use it.
 */
export function hopServer(
  find: (path: string) => BroughtTo | undefined,
  address: () => string,
  keyring: Keyring,
  nowSeconds: () => number,
  secured?: Secured,
): Server {
  return boundedServer((request, response) => {
    const path = request.url ?? '';
    const brought = find(path.split('?', 1)[0]!);
    try {
      if (brought === undefined || request.method !== 'POST') throw new GatewayError('path_unknown');
      if (claimOf(request.rawHeaders, nowSeconds()) === undefined) throw new GatewayError('path_unknown', 'not signed');
    } catch (fault) {
      respondFault(response, fault);
      return;
    }
    readBody(request, (fault, body) => {
      const { rawHeaders } = request;
      const proof =
        fault === undefined
          ? proofFor(keyring, nowSeconds(), { address: address(), path, rawHeaders, body })
          : undefined;
      if (proof === undefined) {
        respondFault(response, fault ?? new GatewayError('path_unknown', 'not of a replica'));
        return;
      }
      response.setHeader(signatureHeader, proof);
      const brings = valueOf(rawHeaders, certificateHeader);
      const signature = valueOf(rawHeaders, signatureHeader) ?? '';
      const certificate = brings === undefined ? undefined : readCertificate(keyring, nowSeconds(), signature, brings);
      if (certificate !== undefined) certificateBrought(rawHeaders, certificate);
      try {
        checkPost(readHead(rawHeaders));
        brought.handleBrought(request, body, response);
      } catch (wrong) {
        respondFault(response, wrong);
      }
    });
  }, secured);
}
