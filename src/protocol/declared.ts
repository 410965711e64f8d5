/**
 * Converts capabilities that a scan has found into the bits of `capabilities.ts`: a peer's declaration is never parsed, whatever
 * its size. 2025-11-25 basic/lifecycle §Capability Negotiation; 2026-07-28 basic/index §_meta.
 */
import {
  clientCapability,
  clientTasks,
  serverCapability,
  serverTasks,
  tasksExtension,
  uiExtension,
} from './capabilities.ts';
import type { Found } from './scan.ts';

/** From `ClientCapabilities` in `initialize`. Unknown members are ignored. */
export function clientBits(declared: Found | undefined): number {
  if (declared?.first === undefined) return 0;
  const c = clientCapability;
  const roots = saidIn(declared, 'roots');
  const sampling = saidIn(declared, 'sampling');
  const elicitation = saidIn(declared, 'elicitation');
  const tasks = saidIn(declared, 'tasks');
  const requests = saidIn(tasks, 'requests');
  const url = saidIn(elicitation, 'url') !== undefined;
  // 2025-11-25 client/elicitation §Capabilities: an empty object means only form mode.
  const form = elicitation !== undefined && (!url || saidIn(elicitation, 'form') !== undefined);
  return (
    bit(roots, c.roots) |
    flag(roots, 'listChanged', c.rootsListChanged) |
    bit(sampling, c.sampling) |
    bit(saidIn(sampling, 'context'), c.samplingContext) |
    bit(saidIn(sampling, 'tools'), c.samplingTools) |
    (form ? c.elicitationForm : 0) |
    (url ? c.elicitationUrl : 0) |
    bit(tasks, c.tasks) |
    bit(saidIn(tasks, 'list'), c.tasksList) |
    bit(saidIn(tasks, 'cancel'), c.tasksCancel) |
    bit(saidIn(saidIn(requests, 'sampling'), 'createMessage'), c.tasksSampling) |
    bit(saidIn(saidIn(requests, 'elicitation'), 'create'), c.tasksElicitation) |
    bit(saidIn(saidIn(declared, 'extensions'), uiExtension), c.ui)
  );
}

/** The same for a request of 2026-07-28, in which tasks are an extension and roots have no change notification. */
export function modernClientBits(declared: Found | undefined): number {
  if (declared?.first === undefined) return 0;
  const extension = saidIn(saidIn(declared, 'extensions'), tasksExtension);
  return (
    (clientBits(declared) & ~(clientTasks | clientCapability.rootsListChanged)) |
    bit(extension, clientCapability.tasksExtension)
  );
}

/** From `ServerCapabilities`. Unknown members are ignored. */
export function serverBits(declared: Found | undefined): number {
  if (declared?.first === undefined) return 0;
  const s = serverCapability;
  const tools = saidIn(declared, 'tools');
  const prompts = saidIn(declared, 'prompts');
  const resources = saidIn(declared, 'resources');
  const tasks = saidIn(declared, 'tasks');
  return (
    bit(tools, s.tools) |
    flag(tools, 'listChanged', s.toolsListChanged) |
    bit(prompts, s.prompts) |
    flag(prompts, 'listChanged', s.promptsListChanged) |
    bit(resources, s.resources) |
    flag(resources, 'subscribe', s.resourcesSubscribe) |
    flag(resources, 'listChanged', s.resourcesListChanged) |
    bit(saidIn(declared, 'logging'), s.logging) |
    bit(saidIn(declared, 'completions'), s.completions) |
    bit(tasks, s.tasks) |
    bit(saidIn(tasks, 'list'), s.tasksList) |
    bit(saidIn(tasks, 'cancel'), s.tasksCancel) |
    bit(saidIn(saidIn(saidIn(tasks, 'requests'), 'tools'), 'call'), s.tasksToolCall) |
    bit(saidIn(saidIn(declared, 'extensions'), uiExtension), s.ui)
  );
}

/** Like `serverBits`, for revision 2026-07-28, in which tasks are an extension. */
export function modernServerBits(declared: Found | undefined): number {
  const extension = saidIn(saidIn(declared, 'extensions'), tasksExtension);
  return (serverBits(declared) & ~serverTasks) | bit(extension, serverCapability.tasksExtension);
}

/** PHP writes an empty array for an empty object, and `true` also means yes. */
function saidIn(parent: Found | undefined, name: string): Found | undefined {
  const found = parent?.member(name);
  if (found?.kind === 'array') return found.end - found.start === '[]'.length ? found : undefined;
  return found?.kind === 'object' || found?.kind === 'true' ? found : undefined;
}

function bit(declared: Found | undefined, one: number): number {
  return declared === undefined ? 0 : one;
}

function flag(parent: Found | undefined, name: string, one: number): number {
  return parent?.member(name)?.kind === 'true' ? one : 0;
}
