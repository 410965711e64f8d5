/** One line for each decision on who may do what on a route: who, what about, which rule, how it ended. Nothing of the content. */
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
  return {
    onRefused: ({ code, detail }) => log.info({ route, outcome: 'refused', code, detail }, 'audit'),
    onDecision: ({ principal }, { kind, method, upstream, name }, decision) => {
      const { allow, rule } = decision;
      const outcome = allow ? 'allowed' : 'denied';
      // Counted from 1, as in what `check --as` prints.
      const by = typeof rule === 'number' ? rule + 1 : rule;
      log.info({ route, ...whoIs(principal), kind, method, upstream, name: bounded(name), rule: by, outcome }, 'audit');
    },
  };
}

function whoIs(principal: Principal): { readonly iss?: string; readonly sub: string } {
  return principal === 'anonymous' ? { sub: 'anonymous' } : { iss: principal.iss, sub: principal.sub };
}

/** A client may write a name of any length. */
const maxNameChars = 256;

function bounded(name: string): string {
  return name.length <= maxNameChars ? name : `${name.slice(0, maxNameChars)}…`;
}
