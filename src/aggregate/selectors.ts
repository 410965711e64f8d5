/**
 * Which tools, prompts and resources of an upstream clients may see. Lists and calls use the same function, so that a hidden item
 * cannot be called.
 */
import { RE2JS } from 're2js';
import type { NameSelector, UpstreamConfig } from '../config/model.ts';
import { isNameable } from './names.ts';
import { hasRenamed, keepsItsName } from './overrides.ts';

export type Selectable = 'tool' | 'prompt' | 'resource';

/**
 * `name` is the upstream's own name; for a resource its URI, for a resource template the template. Exclude has precedence; with
 * an include list, everything else is hidden.
 */
export function decide(upstream: UpstreamConfig, subject: Selectable, name: string): boolean {
  switch (subject) {
    case 'tool':
      return isNameable('tool', upstream, name) && isSelected(upstream.tools, name) && keepsItsName(upstream, name);
    case 'prompt':
      return (
        isNameable('prompt', upstream, name) && (upstream.prompts === undefined || isSelected(upstream.prompts, name))
      );
    case 'resource':
      return upstream.resources === undefined || isSelected(upstream.resources, name);
  }
}

function isSelected(selector: NameSelector, name: string): boolean {
  const { include, exclude, includePatterns } = selector;
  if (exclude.has(name)) return false;
  if (selector.excludePatterns === undefined && includePatterns === undefined) return include?.has(name) ?? true;
  const patterns = patternsOf(selector);
  if (matches(patterns.exclude, name)) return false;
  if (include === undefined && includePatterns === undefined) return true;
  return include?.has(name) === true || matches(patterns.include, name);
}

interface Patterns {
  readonly include: readonly RE2JS[];
  readonly exclude: readonly RE2JS[];
}

/*
 * A configuration contains the text of its patterns, so that it can be cloned to a worker; each selector is compiled once per
 * process.
 */
const compiled = new WeakMap<NameSelector, Patterns>();

function patternsOf(selector: NameSelector): Patterns {
  let patterns = compiled.get(selector);
  if (patterns === undefined) {
    patterns = {
      include: (selector.includePatterns ?? []).map((text) => RE2JS.compile(text)),
      exclude: (selector.excludePatterns ?? []).map((text) => RE2JS.compile(text)),
    };
    compiled.set(selector, patterns);
  }
  return patterns;
}

/* Matches anywhere in the name, like RE2's MatchString. */
function matches(patterns: readonly RE2JS[], name: string): boolean {
  return patterns.some((pattern) => pattern.test(name));
}

/** Whether some of an upstream's names may be hidden by configuration, such as the old name of a renamed tool. */
export function isSelective(upstream: UpstreamConfig, subject: Selectable): boolean {
  if (subject === 'tool' && hasRenamed(upstream)) return true;
  const { tools, prompts, resources } = upstream;
  const selector = { tool: tools, prompt: prompts, resource: resources }[subject];
  if (selector === undefined) return false;
  const { include, exclude, includePatterns, excludePatterns } = selector;
  return [include, includePatterns, excludePatterns].some((part) => part !== undefined) || exclude.size > 0;
}
