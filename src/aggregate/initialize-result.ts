/**
 * The gateway's own answer to `initialize`, made from those of its upstreams (2025-11-25 basic/lifecycle §Initialization): the
 * union of their capabilities, and the labelled instructions of each, with a size limit.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { knownExtensions, serverCapabilitiesJson } from '../protocol/capabilities.ts';
import { compileShape, rawOf, scan } from '../protocol/scan.ts';
import { maxUnreadBytes, withUnread, type Unread } from '../protocol/unread.ts';

/** Maximum length of merged instructions with labels; each upstream gets an equal share. In UTF-16 units. */
const maxInstructionsChars = 32 * 1024;
/** Maximum length of one upstream's instructions with their label, even if few upstreams share the space. */
const maxSectionChars = 16 * 1024;

export interface InitializeInput extends Unread {
  readonly upstream: UpstreamConfig;
  /** Bits of src/protocol/capabilities.ts: what the upstream offers and the gateway can deliver. */
  readonly serverCapabilityBits: number;
  readonly instructions?: string | undefined;
  /** What it calls itself: an `Implementation` as JSON text. */
  readonly serverInfo?: string | undefined;
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
  const capabilities = declared(serverCapabilitiesJson(bits), inputs);
  return (
    `{"protocolVersion":${JSON.stringify(own.protocolVersion)},"capabilities":${capabilities},` +
    `"serverInfo":${nameOf(inputs, own)}` +
    (instructions === '' ? '}' : `,"instructions":${JSON.stringify(instructions)}}`)
  );
}

/** The JSON text of the gateway's own `Implementation`. */
function serverInfoJson({ version, title }: OwnName): string {
  return JSON.stringify({ name: 'manifold', ...(title === undefined ? {} : { title }), version });
}

/** The only upstream is named as it names itself; several are the gateway's. */
export function nameOf(inputs: readonly Pick<InitializeInput, 'serverInfo'>[], own: OwnName): string {
  const [only] = inputs;
  return (inputs.length === 1 ? only?.serverInfo : undefined) ?? serverInfoJson(own);
}

/** Capabilities as JSON text, with what else the upstreams declare. Extensions of several would not say whose they are. */
export function declared(capabilities: string, inputs: readonly Unread[]): string {
  const [only] = inputs;
  if (inputs.length !== 1 || only === undefined) return withExperimental(capabilities, inputs);
  const { experimental, extensions } = only;
  const isFit = experimental !== undefined && Buffer.byteLength(experimental) <= maxUnreadBytes;
  return withUnread(capabilities, { experimental: isFit ? experimental : undefined, extensions }, knownExtensions);
}

const experimentalShape = compileShape({ each: {} });

/**
 * Capabilities as JSON text, with the experimental ones of the upstreams (2025-11-25 basic/lifecycle §Capability Negotiation).
 * Their values are unchanged; if several upstreams have the same one, the first is used.
 */
function withExperimental(capabilities: string, inputs: readonly Unread[]): string {
  const members = new Map<string, string>();
  for (const { experimental } of inputs) {
    if (experimental === undefined || Buffer.byteLength(experimental) > maxUnreadBytes) continue;
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
