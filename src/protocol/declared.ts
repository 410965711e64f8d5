/**
 * Capabilities as a scan has found them, as bits of `capabilities.ts`: a peer's declaration is never parsed, whatever its
 * size. 2025-11-25 basic/lifecycle §Capability Negotiation; 2026-07-28 basic/index §_meta.
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

/** Of `ClientCapabilities` in `initialize`. What is no object declares nothing; members unknown here are left out. */
export function clientBits(declared: Found | undefined): number {
  if (declared?.first === undefined) return 0;
  const c = clientCapability;
  const roots = objectIn(declared, 'roots');
  const sampling = objectIn(declared, 'sampling');
  const elicitation = objectIn(declared, 'elicitation');
  const tasks = objectIn(declared, 'tasks');
  const requests = objectIn(tasks, 'requests');
  const url = objectIn(elicitation, 'url') !== undefined;
  // 2025-11-25 client/elicitation §Capabilities: an empty object means form mode alone.
  const form = elicitation !== undefined && (!url || objectIn(elicitation, 'form') !== undefined);
  return (
    bit(roots, c.roots) |
    flag(roots, 'listChanged', c.rootsListChanged) |
    bit(sampling, c.sampling) |
    bit(objectIn(sampling, 'context'), c.samplingContext) |
    bit(objectIn(sampling, 'tools'), c.samplingTools) |
    (form ? c.elicitationForm : 0) |
    (url ? c.elicitationUrl : 0) |
    bit(tasks, c.tasks) |
    bit(objectIn(tasks, 'list'), c.tasksList) |
    bit(objectIn(tasks, 'cancel'), c.tasksCancel) |
    bit(objectIn(objectIn(requests, 'sampling'), 'createMessage'), c.tasksSampling) |
    bit(objectIn(objectIn(requests, 'elicitation'), 'create'), c.tasksElicitation) |
    bit(objectIn(objectIn(declared, 'extensions'), uiExtension), c.ui)
  );
}

/** The same of a request of 2026-07-28, which has tasks as an extension and no changes of roots. */
export function modernClientBits(declared: Found | undefined): number {
  if (declared?.first === undefined) return 0;
  const extension = objectIn(objectIn(declared, 'extensions'), tasksExtension);
  return (
    (clientBits(declared) & ~(clientTasks | clientCapability.rootsListChanged)) |
    bit(extension, clientCapability.tasksExtension)
  );
}

/** Of `ServerCapabilities`. An empty list stands for an empty object, which PHP cannot tell from it. */
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
    bit(saidIn(objectIn(objectIn(tasks, 'requests'), 'tools'), 'call'), s.tasksToolCall) |
    bit(saidIn(objectIn(declared, 'extensions'), uiExtension), s.ui)
  );
}

/** As `serverBits`, of revision 2026-07-28, whose tasks are an extension. */
export function modernServerBits(declared: Found | undefined): number {
  const extension = saidIn(objectIn(declared, 'extensions'), tasksExtension);
  return (serverBits(declared) & ~serverTasks) | bit(extension, serverCapability.tasksExtension);
}

function objectIn(parent: Found | undefined, name: string): Found | undefined {
  const found = parent?.member(name);
  return found?.kind === 'object' ? found : undefined;
}

function saidIn(parent: Found | undefined, name: string): Found | undefined {
  const found = parent?.member(name);
  return found?.kind === 'object' || found?.kind === 'array' ? found : undefined;
}

function bit(declared: Found | undefined, one: number): number {
  return declared === undefined ? 0 : one;
}

function flag(parent: Found | undefined, name: string, one: number): number {
  return parent?.member(name)?.kind === 'true' ? one : 0;
}
