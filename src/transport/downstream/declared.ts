/** What a client of 2026-07-28 has to declare with a request before it may ask for it. */
import { GatewayError } from '../../errors.ts';
import { clientCapability, tasksExtension } from '../../protocol/capabilities.ts';

/** `declared` are the bits of what the client can do. Throws `capability_missing`, which says what would have to be declared. */
export function requireTasks(declared: number): void {
  if ((declared & clientCapability.tasksExtension) !== 0) return;
  throw new GatewayError('capability_missing', tasksExtension, {
    data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
  });
}
