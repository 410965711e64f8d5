import { expect, test } from 'vitest';
import {
  clientCapabilitiesJson,
  clientCapability,
  modernServerCapabilitiesJson,
  serverCapabilitiesJson,
  serverCapability,
} from '../../src/protocol/capabilities.ts';
import {
  clientCapabilityBits,
  modernServerCapabilityBits,
  serverCapabilityBits,
} from '../support/parsed-capabilities.ts';

const fullClient = {
  roots: { listChanged: true },
  sampling: { context: {}, tools: {} },
  elicitation: { form: {}, url: {} },
  tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } },
};

const fullServer = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  logging: {},
  completions: {},
  tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
  extensions: { 'io.modelcontextprotocol/ui': {} },
};

test('the places of the bits never move: they are part of sealed sessions', () => {
  expect(clientCapability).toEqual({
    roots: 1,
    rootsListChanged: 2,
    sampling: 4,
    samplingContext: 8,
    samplingTools: 16,
    elicitationForm: 32,
    elicitationUrl: 64,
    tasks: 128,
    tasksList: 256,
    tasksCancel: 512,
    tasksSampling: 1024,
    tasksElicitation: 2048,
    ui: 4096,
    tasksExtension: 8192,
  });
  expect(serverCapability).toEqual({
    tools: 1,
    toolsListChanged: 2,
    prompts: 4,
    promptsListChanged: 8,
    resources: 16,
    resourcesSubscribe: 32,
    resourcesListChanged: 64,
    logging: 128,
    completions: 256,
    tasks: 512,
    tasksList: 1024,
    tasksCancel: 2048,
    tasksToolCall: 4096,
    ui: 8192,
    tasksExtension: 16384,
  });
});

test('all there is survives the way to bits and back', () => {
  expect(clientCapabilityBits(fullClient)).toBe(0x1fff);
  expect(JSON.parse(clientCapabilitiesJson(0x1fff))).toEqual(fullClient);
  expect(serverCapabilityBits(fullServer)).toBe(0x3fff);
  expect(JSON.parse(serverCapabilitiesJson(0x3fff))).toEqual(fullServer);
});

test('what a client declares comes back as it was meant', () => {
  for (const [declared, bits, json] of [
    [{}, 0, '{}'],
    [{ roots: {} }, 1, '{"roots":{}}'],
    [{ roots: { listChanged: false } }, 1, '{"roots":{}}'],
    [{ sampling: { tools: {} } }, 4 + 16, '{"sampling":{"tools":{}}}'],
    // 2025-11-25 client/elicitation §Capabilities: an empty object is form mode alone.
    [{ elicitation: {} }, 32, '{"elicitation":{}}'],
    [{ elicitation: { form: {} } }, 32, '{"elicitation":{}}'],
    [{ elicitation: { url: {} } }, 64, '{"elicitation":{"url":{}}}'],
    [{ elicitation: { form: {}, url: {} } }, 96, '{"elicitation":{"form":{},"url":{}}}'],
    [
      { tasks: { requests: { elicitation: { create: {} } } } },
      128 + 2048,
      '{"tasks":{"requests":{"elicitation":{"create":{}}}}}',
    ],
    [{ extensions: { 'com.example/other': {} } }, 0, '{}'],
  ] as const) {
    expect(clientCapabilityBits(declared), JSON.stringify(declared)).toBe(bits);
    expect(clientCapabilitiesJson(bits)).toBe(json);
  }
});

test('what a server declares comes back as it was meant', () => {
  for (const [declared, bits, json] of [
    [{}, 0, '{}'],
    [{ tools: {} }, 1, '{"tools":{}}'],
    [{ resources: { subscribe: true } }, 16 + 32, '{"resources":{"subscribe":true}}'],
    [{ logging: {}, completions: {} }, 384, '{"logging":{},"completions":{}}'],
    [{ tasks: {} }, 512, '{"tasks":{}}'],
  ] as const) {
    expect(serverCapabilityBits(declared), JSON.stringify(declared)).toBe(bits);
    expect(serverCapabilitiesJson(bits)).toBe(json);
  }
});

test('what is no declaration declares nothing', () => {
  for (const value of [
    undefined,
    null,
    7,
    'tools',
    [],
    [{ tools: {} }],
    { tools: null, roots: null },
    { tools: 'yes', roots: false, sampling: 7, elicitation: [1] },
    JSON.parse('{"__proto__":{"tools":{},"roots":{}}}'),
    { tasks: [null], extensions: { 'io.modelcontextprotocol/ui': 'true' } },
  ]) {
    expect(clientCapabilityBits(value)).toBe(0);
    expect(serverCapabilityBits(value)).toBe(0);
  }
  expect(serverCapabilityBits({ tools: { listChanged: 'true' } })).toBe(1);
});

test('the tasks of 2026-07-28 are an extension, and no older revision has it', () => {
  const declared = {
    tasks: { requests: { tools: { call: {} } } },
    extensions: { 'io.modelcontextprotocol/tasks': {} },
  };
  expect(modernServerCapabilityBits(declared)).toBe(16384);
  expect(serverCapabilityBits(declared)).toBe(512 + 4096);
  expect(clientCapabilityBits({ extensions: { 'io.modelcontextprotocol/tasks': {} } })).toBe(0);
  expect(modernServerCapabilitiesJson(16384)).toBe('{"extensions":{"io.modelcontextprotocol/tasks":{}}}');
  expect(clientCapabilitiesJson(8192)).toBe('{"extensions":{"io.modelcontextprotocol/tasks":{}}}');
});

test('revision 2026-07-28 has no tasks among the capabilities of a server (2026-07-28 server/discover)', () => {
  const { tasks: _, ...rest } = fullServer;
  expect(JSON.parse(modernServerCapabilitiesJson(serverCapabilityBits(fullServer)))).toEqual(rest);
  expect(modernServerCapabilitiesJson(0)).toBe('{}');
});

test('an empty array, as PHP writes an empty object, and true mean yes', () => {
  for (const yes of [[], true, {}]) {
    const { tools, resources, logging, ui } = serverCapability;
    const declared = { tools: yes, resources: yes, logging: yes, extensions: { 'io.modelcontextprotocol/ui': yes } };
    expect(serverCapabilityBits(declared)).toBe(tools | resources | logging | ui);
    expect(clientCapabilityBits({ roots: yes, elicitation: yes })).toBe(
      clientCapability.roots | clientCapability.elicitationForm,
    );
  }
});
