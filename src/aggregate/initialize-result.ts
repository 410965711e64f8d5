/**
 * The gateway's own answer to `initialize`, made of those of its upstreams (protocol.md A7, D2): the union of capabilities and
 * the labelled instructions of each, bounded.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { serverCapabilitiesJson } from '../protocol/capabilities.ts';

/** Merged instructions, labels included; each upstream gets an equal share of it. In UTF-16 units. */
const maxInstructionsChars = 32 * 1024;
/** One upstream's instructions with their label, however few upstreams share. */
const maxSectionChars = 16 * 1024;

export interface InitializeInput {
  readonly upstream: UpstreamConfig;
  /** Bits of src/protocol/capabilities.ts: what the upstream offers and the gateway can deliver. */
  readonly serverCapabilityBits: number;
  readonly instructions?: string | undefined;
}

/** What the gateway says it is. */
export interface OwnName {
  readonly version: string;
  readonly title?: string;
}

export interface OwnIdentity extends OwnName {
  readonly protocolVersion: string;
}

/** The JSON text of an InitializeResult. Inputs stand in the order of the configuration. */
export function mergeInitialize(inputs: readonly InitializeInput[], own: OwnIdentity): string {
  let bits = 0;
  for (const input of inputs) bits |= input.serverCapabilityBits;
  const instructions = mergeInstructions(inputs);
  return (
    `{"protocolVersion":${JSON.stringify(own.protocolVersion)},"capabilities":${serverCapabilitiesJson(bits)},` +
    `"serverInfo":${serverInfoJson(own)}` +
    (instructions === '' ? '}' : `,"instructions":${JSON.stringify(instructions)}}`)
  );
}

/** The JSON text of the gateway's own `Implementation`. */
export function serverInfoJson({ version, title }: OwnName): string {
  return JSON.stringify({ name: 'manifold', ...(title === undefined ? {} : { title }), version });
}

/** Empty when no upstream has any. */
export function mergeInstructions(inputs: readonly Pick<InitializeInput, 'upstream' | 'instructions'>[]): string {
  const speaking = inputs.filter(({ instructions }) => instructions !== undefined && instructions.trim() !== '');
  const room = Math.min(maxSectionChars, Math.floor(maxInstructionsChars / Math.max(speaking.length, 1)));
  return speaking.map(({ upstream, instructions }) => section(upstream.name, instructions ?? '', room)).join('');
}

/** At most `room` long. A cut says so; a section with room for no text at all is left out. */
function section(label: string, instructions: string, room: number): string {
  const head = `## ${label}\n`;
  const text = instructions.trim();
  const tail = '\n\n';
  if (head.length + text.length + tail.length <= room) return head + text + tail;
  const note = `\n[cut here by the gateway: ${text.length} characters in all]${tail}`;
  const kept = room - head.length - note.length;
  return kept < 1 ? '' : head + cut(text, kept) + note;
}

/** The first `length` units, without half of a surrogate pair at the end. */
function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
