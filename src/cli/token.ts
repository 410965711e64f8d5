/** `manifold token inspect`: prints the content of a session token for an operator who has the key, without upstream session ids. */
import { openMessage } from '../session/seal.ts';
import { decodeClaims } from '../session/claims.ts';
import { maxTokenChars } from '../session/token.ts';
import type { SealingOptions } from '../process/options.ts';
import type { CommandIo } from '../process/io.ts';
import { loadKeys, sealingKeys } from '../process/sealing-keys.ts';

/** Returns the exit code: 0, or 1 with the reason for a token that no key opens. */
export async function inspectToken(token: string, options: SealingOptions, io: CommandIo): Promise<number> {
  const keyring = await loadKeys(await sealingKeys(options, io, false), options, io);
  const now = io.nowSeconds();
  const opened = openMessage(keyring, token, maxTokenChars, now);
  if (opened.kind === 'refused') {
    io.stderr.write(
      `manifold token inspect: cannot be opened (${opened.fault}); the key, --gateway-name and --public-url must be those it was sealed with\n`,
    );
    return 1;
  }
  const claims = decodeClaims(opened.payload);
  if (claims === undefined) {
    io.stderr.write('manifold token inspect: opens, but its content is of no known form\n');
    return 1;
  }
  const told = {
    key: opened.epoch.id,
    format: opened.epoch.format,
    issuedAt: new Date(claims.issuedAt * 1000).toISOString(),
    expiresAt: new Date(claims.expiresAt * 1000).toISOString(),
    expired: claims.expiresAt < now,
    anonymous: claims.anonymous,
    principal: claims.principal.toString('hex'),
    route: claims.route.toString('hex'),
    revision: claims.revision,
    upstreams: claims.upstreams.map((upstream) => ({
      hash: upstream.hash.toString(16).padStart(8, '0'),
      revision: upstream.revision,
      session: upstream.sessionId === undefined ? 'none' : `${upstream.sessionId.length} characters`,
    })),
  };
  io.stdout.write(`${JSON.stringify(told, undefined, 2)}\n`);
  return 0;
}
