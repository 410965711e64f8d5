/**
 * The members of a message that the gateway reads, on either side: those for routing and those that it rewrites or seals.
 * Everything else passes as bytes. A splice can only replace a member that is named here.
 */
import { tasksExtension, uiExtension } from './capabilities.ts';
import { maxClientKeys, maxClientValues } from './limits.ts';
import { metaKey } from './modern.ts';
import { relatedTask } from './tasks.ts';
import { compileShape } from './scan.ts';
import type { Shape } from './scan.ts';

const value: Shape = {};
const task: Shape = { members: { taskId: value } };
const meta: Shape = { members: { progressToken: value, [relatedTask]: task }, each: value };

const clientCapabilities: Shape = {
  members: {
    roots: { members: { listChanged: value } },
    sampling: { members: { context: value, tools: value } },
    elicitation: { members: { form: value, url: value } },
    tasks: {
      members: {
        list: value,
        cancel: value,
        requests: {
          members: {
            sampling: { members: { createMessage: value } },
            elicitation: { members: { create: value } },
          },
        },
      },
    },
    extensions: { members: { [uiExtension]: value, [tasksExtension]: value }, each: value },
    experimental: value,
  },
};

/** The filter of `subscriptions/listen` (2026-07-28 basic/patterns/subscriptions). */
const filter: Shape = {
  members: {
    toolsListChanged: value,
    promptsListChanged: value,
    resourcesListChanged: value,
    resourceSubscriptions: { items: value },
    taskIds: { items: value },
  },
};

/** `each` would capture these keys as well; named, they are read without making a string of them. */
const requestMeta: Shape = {
  members: {
    progressToken: value,
    [relatedTask]: task,
    [metaKey.protocolVersion]: value,
    [metaKey.clientCapabilities]: clientCapabilities,
    [metaKey.clientInfo]: value,
    [metaKey.logLevel]: value,
  },
  each: value,
};

export const clientMessageShape = compileShape(
  {
    members: {
      jsonrpc: value,
      id: value,
      method: value,
      result: { members: { _meta: { members: { [relatedTask]: task } } } },
      error: { members: { code: value } },
      params: {
        members: {
          name: value,
          arguments: value,
          uri: value,
          cursor: value,
          level: value,
          requestId: value,
          progressToken: value,
          protocolVersion: value,
          capabilities: clientCapabilities,
          clientInfo: { members: { name: value, version: value } },
          ref: { members: { type: value, name: value, uri: value } },
          argument: value,
          task: value,
          taskId: value,
          requestState: value,
          inputResponses: { each: value },
          notifications: filter,
          _meta: requestMeta,
        },
      },
    },
  },
  { values: maxClientValues, keys: maxClientKeys },
);

const resource: Shape = { members: { uri: value } };

/** A content block; the blocks of a tool_result stand one level further in. */
const innerBlock: Shape = { members: { type: value, uri: value, name: value, resource, _meta: meta } };
const block: Shape = { members: { ...innerBlock.members, content: { ...innerBlock, items: innerBlock } } };
/** One block or several: sampling allows either. */
const content: Shape = { ...block, items: block };
const messages: Shape = { items: { members: { content } } };
const error: Shape = {
  members: {
    code: value,
    message: value,
    data: {
      members: {
        uri: value,
        elicitations: { items: { members: { message: value, url: value, elicitationId: value } } },
      },
    },
  },
};
const inputRequests: Shape = {
  each: { members: { method: value, params: { members: { mode: value, message: value, url: value, messages } } } },
};
/** Of the call that a task was made of. */
const inlined: Shape = { members: { content, _meta: { each: value } } };

export const serverMessageShape = compileShape({
  members: {
    jsonrpc: value,
    id: value,
    method: value,
    params: {
      members: {
        progressToken: value,
        requestId: value,
        uri: value,
        level: value,
        mode: value,
        message: value,
        url: value,
        elicitationId: value,
        requestedSchema: value,
        taskId: value,
        inputRequests,
        result: inlined,
        error,
        task: value,
        messages,
        _meta: meta,
      },
    },
    error,
    result: {
      members: {
        nextCursor: value,
        protocolVersion: value,
        capabilities: {
          members: {
            tools: { members: { listChanged: value } },
            prompts: { members: { listChanged: value } },
            resources: { members: { subscribe: value, listChanged: value } },
            logging: value,
            completions: value,
            tasks: {
              members: {
                list: value,
                cancel: value,
                requests: { members: { tools: { members: { call: value } } } },
              },
            },
            extensions: { members: { [uiExtension]: value, [tasksExtension]: value }, each: value },
            experimental: { each: value },
          },
        },
        serverInfo: { members: { name: value } },
        supportedVersions: value,
        instructions: value,
        resultType: value,
        requestState: value,
        inputRequests,
        result: inlined,
        error,
        ttlMs: value,
        cacheScope: value,
        structuredContent: value,
        content,
        contents: { items: resource },
        messages,
        task,
        taskId: value,
        status: value,
        createdAt: value,
        pollIntervalMs: value,
        _meta: { members: { [relatedTask]: task }, each: value },
      },
    },
  },
});
