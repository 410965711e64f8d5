/**
 * A client of 2026-07-28 comes back to a call for which its user had to give an upstream permission. `accept` says that the user is
 * at the link, not that they are done (2026-07-28 client/elicitation §URL Mode), so the call waits for them for a while.
 */
import { answersOf, withoutAnswers } from '../../aggregate/rounds.ts';
import type { Call } from '../../clients/call.ts';
import { consentQuestion } from '../../clients/faults.ts';
import { GatewayError } from '../../errors.ts';
import { readClientMessage } from '../../protocol/envelope.ts';
import { consentPatienceMs } from '../../transport/http/limits.ts';
import type { Credentials } from '../../transport/upstream/credentials.ts';
import type { Upstream } from '../../transport/upstream/upstream.ts';

/**
 * The call as it was before its user was asked, once there is permission or the wait is over: then the user is asked again. Rejects with
 * `input_refused` where the user has refused, and with `params_invalid` for answers that are none. `keepsState`: an upstream's own state goes with it.
 */
export async function afterConsent(
  call: Call,
  upstream: Upstream,
  credentials: Credentials,
  keepsState: boolean,
): Promise<Call> {
  const { message, caller, outlet } = call;
  const answer = answersOf(message).get(consentQuestion);
  if (answer !== undefined) {
    if ((JSON.parse(answer) as { action?: unknown }).action !== 'accept')
      throw new GatewayError('input_refused', 'the user gives no permission');
    await credentials.permitted?.(upstream.config, caller, consentPatienceMs, () => outlet.gone);
  }
  return { ...call, message: readClientMessage(withoutAnswers(message.bytes, keepsState)) };
}
