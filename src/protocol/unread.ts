/**
 * What either side declares in `initialize` and the gateway does not read: experimental capabilities, extensions, and settings of
 * extensions. Where one server and one client are meant it is carried as it came (2025-11-25 basic/lifecycle §Capability Negotiation).
 */
import type { Found } from './scan.ts';
import { rawOf } from './scan.ts';

/** Of either member, as JSON text in bytes: a longer one is left out. */
export const maxUnreadBytes = 16 * 1024;

export interface Unread {
  /** JSON text of an object. */
  readonly experimental?: string | undefined;
  /** The settings of each extension as JSON text, by its name. */
  readonly extensions?: ReadonlyMap<string, string> | undefined;
}

/** `capabilities`: a member of the message whose bytes these are. */
export function unreadIn(bytes: Buffer, capabilities: Found | undefined): Unread {
  const experimental = objectIn(capabilities, 'experimental');
  const extensions = objectIn(capabilities, 'extensions');
  return {
    experimental: experimental === undefined ? undefined : rawOf(bytes, experimental),
    extensions:
      extensions === undefined
        ? undefined
        : new Map(extensions.members.map(({ name, value }) => [name, rawOf(bytes, value)])),
  };
}

function objectIn(capabilities: Found | undefined, name: string): Found | undefined {
  const found = capabilities?.member(name);
  return found?.kind === 'object' && found.end - found.start <= maxUnreadBytes ? found : undefined;
}

/**
 * Capabilities as the gateway writes them, as JSON text, with what was not read of them. Of the extensions in `known` only those are
 * declared that `capabilities` has, since the gateway takes part in them.
 */
export function withUnread(capabilities: string, unread: Unread, known: readonly string[]): string {
  const { extensions: read = {}, ...rest } = JSON.parse(capabilities) as Record<string, Record<string, unknown>>;
  const members = Object.entries(rest).map(([name, value]) => memberText(name, JSON.stringify(value)));
  if (unread.experimental !== undefined) members.push(memberText('experimental', unread.experimental));
  const extensions = new Map(Object.entries(read).map(([name, value]) => [name, JSON.stringify(value)]));
  for (const [name, value] of unread.extensions ?? [])
    if (extensions.has(name) || !known.includes(name)) extensions.set(name, value);
  if (extensions.size > 0)
    members.push(memberText('extensions', `{${[...extensions].map((each) => memberText(...each)).join()}}`));
  return `{${members.join()}}`;
}

function memberText(name: string, json: string): string {
  return `${JSON.stringify(name)}:${json}`;
}
