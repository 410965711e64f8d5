/** Capabilities that a client of 2026-07-28 must declare in a request before it may use them. */
import { GatewayError } from '../../errors.ts';
import { clientCapability, tasksExtension } from '../../protocol/capabilities.ts';

/** `declared`: the client's capability bits. Throws `capability_missing`, which names the capability to declare. */
export function requireTasks(declared: number): void {
  if ((declared & clientCapability.tasksExtension) !== 0) return;
  throw new GatewayError('capability_missing', tasksExtension, {
    data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
  });
}
