/**
 * What a person is asked on behalf of an upstream (2025-11-25 client/elicitation §Security Considerations). The question names
 * the server, because the client knows only the gateway. A URL must be `http` or `https`, never `javascript:`, `data:` or
 * `file:`.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { textOf } from '../protocol/scan.ts';
import type { Found } from '../protocol/scan.ts';
import type { Edit } from '../protocol/splice.ts';

/**
 * `asking` contains `message` and optionally `mode` and `url`. Adds the edit that puts the upstream's name before the message;
 * the rest of the message and the URL are unchanged. Throws `upstream_malformed` for a URL that is not http or https.
 */
export function editElicitation(bytes: Buffer, asking: Found, upstream: UpstreamConfig, edits: Edit[]): void {
  const url = asking.member('url');
  const mode = asking.member('mode');
  const isUrlMode = mode?.kind === 'string' && textOf(bytes, mode) === 'url';
  if ((isUrlMode || url !== undefined) && !isWebUrl(bytes, url)) {
    throw new GatewayError('upstream_malformed', 'elicitation for a URL that is not http or https');
  }
  const message = asking.member('message');
  // The only server needs no name: the client has connected to it.
  if (upstream.isOnly === true) return;
  if (message?.kind !== 'string') return;
  const at = message.start + 1;
  edits.push({ start: at, end: at, text: JSON.stringify(`[${upstream.name}] `).slice(1, -1) });
}

function isWebUrl(bytes: Buffer, url: Found | undefined): boolean {
  if (url?.kind !== 'string') return false;
  const protocol = URL.parse(textOf(bytes, url))?.protocol;
  return protocol === 'http:' || protocol === 'https:';
}
