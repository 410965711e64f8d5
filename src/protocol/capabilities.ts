/**
 * Capabilities as sets of bits: what a client or a server declared in `initialize`, in 16 bits, and back to JSON.
 * 2025-11-25 basic/lifecycle §Capability Negotiation; `io.modelcontextprotocol/ui` is the MCP Apps extension. The positions of
 * the bits are part of the sealed session (docs/session-token.md): bits may be added, but none ever moves.
 */

export const clientCapability = {
  roots: 1 << 0,
  rootsListChanged: 1 << 1,
  sampling: 1 << 2,
  samplingContext: 1 << 3,
  samplingTools: 1 << 4,
  elicitationForm: 1 << 5,
  elicitationUrl: 1 << 6,
  tasks: 1 << 7,
  tasksList: 1 << 8,
  tasksCancel: 1 << 9,
  tasksSampling: 1 << 10,
  tasksElicitation: 1 << 11,
  ui: 1 << 12,
  tasksExtension: 1 << 13,
} as const;

export const serverCapability = {
  tools: 1 << 0,
  toolsListChanged: 1 << 1,
  prompts: 1 << 2,
  promptsListChanged: 1 << 3,
  resources: 1 << 4,
  resourcesSubscribe: 1 << 5,
  resourcesListChanged: 1 << 6,
  logging: 1 << 7,
  completions: 1 << 8,
  tasks: 1 << 9,
  tasksList: 1 << 10,
  tasksCancel: 1 << 11,
  tasksToolCall: 1 << 12,
  ui: 1 << 13,
  tasksExtension: 1 << 14,
} as const;

/** The tasks of 2025-11-25, of either side. */
export const clientTasks =
  clientCapability.tasks |
  clientCapability.tasksList |
  clientCapability.tasksCancel |
  clientCapability.tasksSampling |
  clientCapability.tasksElicitation;
export const serverTasks =
  serverCapability.tasks | serverCapability.tasksList | serverCapability.tasksCancel | serverCapability.tasksToolCall;

/** MCP Apps. */
export const uiExtension = 'io.modelcontextprotocol/ui';
/** Tasks of 2026-07-28: not those of 2025-11-25; neither implies the other. */
export const tasksExtension = 'io.modelcontextprotocol/tasks';
/** Extensions that the gateway takes part in: it carries each only where it can. */
export const knownExtensions: readonly string[] = [uiExtension, tasksExtension];
/** The only content type MCP Apps knows; a client that declares the extension has to name it. */
const uiSettings = { mimeTypes: ['text/html;profile=mcp-app'] };

/** JSON text of the `ClientCapabilities` in the bits. */
export function clientCapabilitiesJson(bits: number): string {
  const c = clientCapability;
  const on = (one: number): boolean => (bits & one) !== 0;
  const form = on(c.elicitationForm);
  const url = on(c.elicitationUrl);
  return JSON.stringify({
    ...(on(c.roots) && { roots: { ...(on(c.rootsListChanged) && { listChanged: true }) } }),
    ...(on(c.sampling) && {
      sampling: { ...(on(c.samplingContext) && { context: {} }), ...(on(c.samplingTools) && { tools: {} }) },
    }),
    // Form mode alone is `{}`: 2025-06-18 has no modes.
    ...((form || url) && { elicitation: { ...(form && url && { form: {} }), ...(url && { url: {} }) } }),
    ...(on(c.tasks) && {
      tasks: {
        ...(on(c.tasksList) && { list: {} }),
        ...(on(c.tasksCancel) && { cancel: {} }),
        ...((on(c.tasksSampling) || on(c.tasksElicitation)) && {
          requests: {
            ...(on(c.tasksSampling) && { sampling: { createMessage: {} } }),
            ...(on(c.tasksElicitation) && { elicitation: { create: {} } }),
          },
        }),
      },
    }),
    ...((on(c.ui) || on(c.tasksExtension)) && {
      extensions: {
        ...(on(c.ui) && { [uiExtension]: uiSettings }),
        ...(on(c.tasksExtension) && { [tasksExtension]: {} }),
      },
    }),
  });
}

/** JSON text of the `ServerCapabilities` in the bits. */
export function serverCapabilitiesJson(bits: number): string {
  const s = serverCapability;
  const on = (one: number): boolean => (bits & one) !== 0;
  return JSON.stringify({
    ...(on(s.tools) && { tools: { ...(on(s.toolsListChanged) && { listChanged: true }) } }),
    ...(on(s.prompts) && { prompts: { ...(on(s.promptsListChanged) && { listChanged: true }) } }),
    ...(on(s.resources) && {
      resources: {
        ...(on(s.resourcesSubscribe) && { subscribe: true }),
        ...(on(s.resourcesListChanged) && { listChanged: true }),
      },
    }),
    ...(on(s.logging) && { logging: {} }),
    ...(on(s.completions) && { completions: {} }),
    ...(on(s.tasks) && {
      tasks: {
        ...(on(s.tasksList) && { list: {} }),
        ...(on(s.tasksCancel) && { cancel: {} }),
        ...(on(s.tasksToolCall) && { requests: { tools: { call: {} } } }),
      },
    }),
    ...((on(s.ui) || on(s.tasksExtension)) && {
      extensions: { ...(on(s.ui) && { [uiExtension]: {} }), ...(on(s.tasksExtension) && { [tasksExtension]: {} }) },
    }),
  });
}

/** As `serverCapabilitiesJson`, for revision 2026-07-28, which has no tasks outside an extension. */
export function modernServerCapabilitiesJson(bits: number): string {
  return serverCapabilitiesJson(bits & ~serverTasks);
}
