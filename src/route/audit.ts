/**
 * One line for each authorization decision of a route: who, about what, by which rule, and the result. No content of messages.
 */
import type { OnDecision } from '../clients/rules-gate.ts';
import type { GatewayError } from '../errors.ts';
import type { Principal } from '../session/principal.ts';
import type { Log } from '../telemetry/log.ts';

export interface Audit {
  readonly onRefused: (fault: GatewayError) => void;
  readonly onDecision: OnDecision;
}

/** `log` undefined: nothing is written. */
export function auditOf(route: string, log: Log | undefined): Audit {
  if (log === undefined) return { onRefused: () => {}, onDecision: () => {} };
  /** What each line of a caller begins with is made once for its token. */
  const logs = new WeakMap<object, Log>();
  const logOf = (principal: Principal): Log => {
    const key = principal === 'anonymous' ? nobody : principal;
    let own = logs.get(key);
    if (own === undefined) {
      own = log.child({ route, ...whoIs(principal) });
      logs.set(key, own);
    }
    return own;
  };
  return {
    onRefused: ({ code, detail }) => log.info({ route, outcome: 'refused', code, detail }, 'audit'),
    onDecision: ({ principal }, { kind, method, upstream, name }, decision) => {
      // A child keeps the level that it began with.
      if (!log.isLevelEnabled('info')) return;
      const { allow, rule } = decision;
      const outcome = allow ? 'allowed' : 'denied';
      // Rules are counted from 1, as in the output of `check --as`.
      const by = typeof rule === 'number' ? rule + 1 : rule;
      logOf(principal).info({ kind, method, upstream, name: bounded(name), rule: by, outcome }, 'audit');
    },
  };
}

const nobody = {};

function whoIs(principal: Principal): { readonly iss?: string; readonly sub: string } {
  return principal === 'anonymous' ? { sub: 'anonymous' } : { iss: principal.iss, sub: principal.sub };
}

/** Maximum number of characters of a logged name: a client may send a name of any length. */
const maxNameChars = 256;

function bounded(name: string): string {
  return name.length <= maxNameChars ? name : `${name.slice(0, maxNameChars)}…`;
}
