/**
 * Arguments that a modern client repeats in headers, compared with the body (2026-07-28 basic/transports/streamable-http
 * §Custom Headers from Tool Parameters).
 */
import { checkParamHeaders } from '../aggregate/param-headers.ts';
import { mirroredArguments } from '../aggregate/mirrored-arguments.ts';
import { headersShown } from '../aggregate/overrides.ts';
import type { InwardTarget } from '../aggregate/rewrite.ts';
import { GatewayError } from '../errors.ts';
import { textOf } from '../protocol/scan.ts';
import type { Call } from '../clients/call.ts';
import type { Upstream } from '../transport/upstream/upstream.ts';

const prefix = 'mcp-param-';

/**
 * Throws `header_mismatch`. A tool that was never listed here is not checked: the upstream, which knows its schema, gets headers
 * made from the body.
 */
export function checkRepeated({ message, caller }: Call, upstream: Upstream, target: InwardTarget): void {
  if (message.method !== 'tools/call' || upstream.paramHeaders.size === 0) return;
  const found = message.params?.member('name');
  const name = target.name ?? (found?.kind === 'string' ? textOf(message.bytes, found) : '');
  const wanted = upstream.paramHeaders.get(name);
  if (wanted === undefined || wanted.length === 0) return;
  const shown = headersShown(wanted, target.changed);
  const parsed = mirroredArguments(message.bytes, message.params?.member('arguments'), wanted);
  const fault = checkParamHeaders(shown, parsed, paramsIn(caller.rawHeaders));
  if (fault !== undefined) throw new GatewayError('header_mismatch', fault);
}

function paramsIn(rawHeaders: readonly string[]): Map<string, string> {
  const params = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!name.startsWith(prefix)) continue;
    if (params.has(name)) throw new GatewayError('header_mismatch', 'a header stands twice');
    params.set(name, rawHeaders[i + 1]!);
  }
  return params;
}
