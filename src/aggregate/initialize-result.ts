/**
 * The gateway's own answer to `initialize`, made from those of its upstreams (2025-11-25 basic/lifecycle §Initialization): the
 * union of their capabilities, and the labelled instructions of each, with a size limit.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { serverCapabilitiesJson } from '../protocol/capabilities.ts';
import { compileShape, rawOf, scan } from '../protocol/scan.ts';

/** Maximum length of merged instructions with labels; each upstream gets an equal share. In UTF-16 units. */
const maxInstructionsChars = 32 * 1024;
/** Maximum length of one upstream's instructions with their label, even if few upstreams share the space. */
const maxSectionChars = 16 * 1024;

export interface InitializeInput {
  readonly upstream: UpstreamConfig;
  /** Bits of src/protocol/capabilities.ts: what the upstream offers and the gateway can deliver. */
  readonly serverCapabilityBits: number;
  readonly instructions?: string | undefined;
  /** Its capabilities that are not part of the protocol: JSON text of an object. */
  readonly experimental?: string | undefined;
}

/** The gateway's own name. */
export interface OwnName {
  readonly version: string;
  readonly title?: string;
}

export interface OwnIdentity extends OwnName {
  readonly protocolVersion: string;
}

/** The JSON text of an InitializeResult. Inputs are in the order of the configuration. */
export function mergeInitialize(inputs: readonly InitializeInput[], own: OwnIdentity): string {
  let bits = 0;
  for (const input of inputs) bits |= input.serverCapabilityBits;
  const instructions = mergeInstructions(inputs);
  const capabilities = withExperimental(serverCapabilitiesJson(bits), inputs);
  return (
    `{"protocolVersion":${JSON.stringify(own.protocolVersion)},"capabilities":${capabilities},` +
    `"serverInfo":${serverInfoJson(own)}` +
    (instructions === '' ? '}' : `,"instructions":${JSON.stringify(instructions)}}`)
  );
}

/** The JSON text of the gateway's own `Implementation`. */
export function serverInfoJson({ version, title }: OwnName): string {
  return JSON.stringify({ name: 'manifold', ...(title === undefined ? {} : { title }), version });
}

/** Maximum size of an upstream's experimental capabilities, as JSON text in bytes; larger ones are left out. */
const maxExperimentalBytes = 16 * 1024;

const experimentalShape = compileShape({ each: {} });

/**
 * Capabilities as JSON text, with the experimental ones of the upstreams (2025-11-25 basic/lifecycle §Capability Negotiation).
 * Their values are unchanged; if several upstreams have the same one, the first is used.
 */
export function withExperimental(
  capabilities: string,
  inputs: readonly Pick<InitializeInput, 'experimental'>[],
): string {
  const members = new Map<string, string>();
  for (const { experimental } of inputs) {
    if (experimental === undefined || Buffer.byteLength(experimental) > maxExperimentalBytes) continue;
    const bytes = Buffer.from(experimental);
    for (const { name, value } of scan(bytes, experimentalShape).members)
      if (!members.has(name)) members.set(name, rawOf(bytes, value));
  }
  if (members.size === 0) return capabilities;
  const text = [...members].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join();
  return `${capabilities.slice(0, -1)}${capabilities === '{}' ? '' : ','}"experimental":{${text}}}`;
}

/** Empty if no upstream has instructions. Those of the only upstream are unchanged. */
export function mergeInstructions(inputs: readonly Pick<InitializeInput, 'upstream' | 'instructions'>[]): string {
  const [only] = inputs;
  if (inputs.length === 1) return bounded(only?.instructions ?? '', maxInstructionsChars);
  const speaking = inputs.filter(({ instructions }) => instructions !== undefined && instructions.trim() !== '');
  const room = Math.min(maxSectionChars, Math.floor(maxInstructionsChars / Math.max(speaking.length, 1)));
  return speaking.map(({ upstream, instructions }) => section(upstream.name, instructions ?? '', room)).join('');
}

function bounded(instructions: string, room: number): string {
  if (instructions.length <= room) return instructions;
  const note = cutNote(instructions);
  return cut(instructions, room - note.length) + note;
}

function cutNote(text: string): string {
  return `\n[cut here by the gateway: ${text.length} characters in all]`;
}

/** At most `room` long. A cut is marked; a section without room for any text is left out. */
function section(label: string, instructions: string, room: number): string {
  const head = `## ${label}\n`;
  const text = instructions.trim();
  const tail = '\n\n';
  if (head.length + text.length + tail.length <= room) return head + text + tail;
  const note = cutNote(text) + tail;
  const kept = room - head.length - note.length;
  return kept < 1 ? '' : head + cut(text, kept) + note;
}

/** The first `length` units, without half of a surrogate pair at the end. */
function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
