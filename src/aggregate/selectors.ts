/**
 * Which tools, prompts and resources of an upstream exist for clients. One function decides for lists and for calls, so
 * nothing hidden can be called.
 */
import type { UpstreamConfig } from '../config/model.ts';
import { isNameable } from './names.ts';

export type Subject = 'tool' | 'prompt' | 'resource';

/** `name` is the upstream's own name or URI. Exclude wins; with an include list, what is not on it does not exist. */
export function decide(upstream: UpstreamConfig, subject: Subject, name: string): boolean {
  if (subject === 'resource') return true;
  return isNameable(subject, upstream, name) && (subject === 'prompt' || isSelected(upstream, name));
}

function isSelected({ tools }: UpstreamConfig, name: string): boolean {
  return !tools.exclude.has(name) && (tools.include === undefined || tools.include.has(name));
}

/** Whether some of an upstream's names may be hidden by configuration. */
export function isSelective({ tools }: UpstreamConfig, subject: Subject): boolean {
  return subject === 'tool' && (tools.include !== undefined || tools.exclude.size > 0);
}
