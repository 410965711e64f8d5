/** The bits of parsed capabilities, written anew and simply: what `protocol/declared.ts`, which reads a scan, is compared with. */
import {
  clientCapability,
  serverCapability,
  serverTasks,
  tasksExtension,
  uiExtension,
} from '../../src/protocol/capabilities.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The bits of a parsed `ClientCapabilities`. An empty array or `true` stands for an empty object;
 * what is none of these declares nothing. Members unknown here are left out.
 */
export function clientCapabilityBits(capabilities: unknown): number {
  const c = clientCapability;
  const root = objectOf(capabilities);
  const roots = member(root, 'roots');
  const sampling = member(root, 'sampling');
  const elicitation = member(root, 'elicitation');
  const tasks = member(root, 'tasks');
  const requests = member(tasks, 'requests');
  const url = member(elicitation, 'url') !== undefined;
  return (
    bit(roots, c.roots) |
    flag(roots, 'listChanged', c.rootsListChanged) |
    bit(sampling, c.sampling) |
    bit(member(sampling, 'context'), c.samplingContext) |
    bit(member(sampling, 'tools'), c.samplingTools) |
    // 2025-11-25 client/elicitation §Capabilities: an empty object means form mode alone.
    (elicitation !== undefined && (!url || member(elicitation, 'form') !== undefined) ? c.elicitationForm : 0) |
    (url ? c.elicitationUrl : 0) |
    bit(tasks, c.tasks) |
    bit(member(tasks, 'list'), c.tasksList) |
    bit(member(tasks, 'cancel'), c.tasksCancel) |
    bit(member(member(requests, 'sampling'), 'createMessage'), c.tasksSampling) |
    bit(member(member(requests, 'elicitation'), 'create'), c.tasksElicitation) |
    bit(member(member(root, 'extensions'), uiExtension), c.ui)
  );
}

/**
 * The bits of a parsed `ServerCapabilities`. An empty array or `true` stands for an empty object;
 * what is none of these declares nothing. Members unknown here are left out.
 */
export function serverCapabilityBits(capabilities: unknown): number {
  const s = serverCapability;
  const root = objectOf(capabilities);
  const tools = member(root, 'tools');
  const prompts = member(root, 'prompts');
  const resources = member(root, 'resources');
  const tasks = member(root, 'tasks');
  return (
    bit(tools, s.tools) |
    flag(tools, 'listChanged', s.toolsListChanged) |
    bit(prompts, s.prompts) |
    flag(prompts, 'listChanged', s.promptsListChanged) |
    bit(resources, s.resources) |
    flag(resources, 'subscribe', s.resourcesSubscribe) |
    flag(resources, 'listChanged', s.resourcesListChanged) |
    bit(member(root, 'logging'), s.logging) |
    bit(member(root, 'completions'), s.completions) |
    bit(tasks, s.tasks) |
    bit(member(tasks, 'list'), s.tasksList) |
    bit(member(tasks, 'cancel'), s.tasksCancel) |
    bit(member(member(member(tasks, 'requests'), 'tools'), 'call'), s.tasksToolCall) |
    bit(member(member(root, 'extensions'), uiExtension), s.ui)
  );
}

/** As `serverCapabilityBits`, for revision 2026-07-28, whose tasks are an extension. */
export function modernServerCapabilityBits(capabilities: unknown): number {
  const extension = member(member(objectOf(capabilities), 'extensions'), tasksExtension);
  return (serverCapabilityBits(capabilities) & ~serverTasks) | bit(extension, serverCapability.tasksExtension);
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** An empty array is what PHP writes for an empty object, and `true` means yes as well. */
function member(parent: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = parent !== undefined && Object.hasOwn(parent, name) ? parent[name] : undefined;
  return value === true || (Array.isArray(value) && value.length === 0) ? bare : objectOf(value);
}

const bare: JsonObject = {};

function bit(declared: JsonObject | undefined, one: number): number {
  return declared === undefined ? 0 : one;
}

function flag(parent: JsonObject | undefined, name: string, one: number): number {
  return parent !== undefined && Object.hasOwn(parent, name) && parent[name] === true ? one : 0;
}
