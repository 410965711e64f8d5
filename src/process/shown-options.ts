/** What a process was told at its start, for an operator who asks it: which key or token there is, never what it is. */
import type { RunOptions } from './options.ts';

/**
 * How each option is shown. `set`: only that there is one. `counted`: how many there are. `place`: without the credentials and the
 * query of a URL. Whoever adds an option has to say it here.
 */
const shownAs: Readonly<Record<keyof RunOptions, 'whole' | 'set' | 'counted' | 'place'>> = {
  sessionKeys: 'whole',
  sessionSecret: 'set',
  sessionKdf: 'whole',
  gatewayName: 'whole',
  resource: 'whole',
  files: 'whole',
  mcpConfig: 'whole',
  mcpJson: 'counted',
  kubernetes: 'whole',
  strict: 'whole',
  host: 'whole',
  port: 'whole',
  isPortGiven: 'whole',
  tls: 'whole',
  adminHost: 'whole',
  adminPort: 'whole',
  adminTls: 'whole',
  adminTokenFile: 'whole',
  workers: 'whole',
  sessions: 'whole',
  naming: 'whole',
  sessionMaxAgeSeconds: 'whole',
  sessionsNotBefore: 'whole',
  initTimeoutMs: 'whole',
  drainTimeoutMs: 'whole',
  drainDelayMs: 'whole',
  allowedHosts: 'whole',
  allowedOrigins: 'whole',
  maxMessageBytes: 'whole',
  maxAnswerBytes: 'whole',
  memoryBudget: 'whole',
  logLevel: 'whole',
  logFormat: 'whole',
  logPrincipals: 'whole',
  auditLog: 'whole',
  tokenStore: 'place',
  peers: 'whole',
  peerAddress: 'whole',
};

/** By the names of `RunOptions`; those that are not set are left out. */
export function shownOptions(options: RunOptions): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(shownAs).flatMap(([name, how]) => {
      const value = options[name as keyof RunOptions];
      return value === undefined ? [] : [[name, shown(value, how)]];
    }),
  );
}

function shown(value: unknown, how: 'whole' | 'set' | 'counted' | 'place'): unknown {
  switch (how) {
    case 'whole':
      return value;
    case 'set':
      return 'set';
    case 'counted':
      return Array.isArray(value) ? value.length : 1;
    case 'place':
      return typeof value === 'string' ? placeOf(value) : undefined;
  }
}

/** A path is shown as it is. */
function placeOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}
