/**
 * What a server of the kit offers, as plain data. A tool, prompt or resource is given whole, or a tool by the name of one of
 * those in fixture-tools.ts. What is left out gets the standard of `standardFixture`.
 */
import type { Prompt, PromptMessage, Resource, ResourceTemplate, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { ToolName } from './fixture-tools.ts';

/** A tool that always answers the same. */
interface FixtureTool extends Omit<Tool, 'inputSchema'> {
  readonly inputSchema?: Tool['inputSchema'];
  readonly result?: CallToolResult;
}

export interface FixturePrompt extends Prompt {
  readonly messages: PromptMessage[];
  /** Completions by argument name. */
  readonly completions?: Readonly<Record<string, readonly string[]>>;
}

export interface FixtureResource extends Resource {
  readonly text?: string;
  /** Base64. */
  readonly blob?: string;
}

/** `{x}` in the template matches anything but a slash; the contents are `text`. */
export interface FixtureTemplate extends ResourceTemplate {
  readonly text: string;
}

export interface Fixture {
  /** `serverInfo.name`. */
  readonly name: string;
  readonly version?: string;
  readonly instructions?: string;
  readonly tools?: readonly (ToolName | FixtureTool)[];
  readonly prompts?: readonly FixturePrompt[];
  readonly resources?: readonly FixtureResource[];
  readonly templates?: readonly FixtureTemplate[];
  /** Entries on a page of each of the four lists; all on one page unless given. */
  readonly pageSize?: number;
}

/** One prompt, two resources and one template, with the same names on every server, so that two servers collide. */
export const standardPrompts: readonly FixturePrompt[] = [
  {
    name: 'greet',
    description: 'Greets someone',
    arguments: [{ name: 'who', description: 'Whom to greet', required: true }],
    messages: [{ role: 'user', content: { type: 'text', text: 'Greet {who}.' } }],
    completions: { who: ['ada', 'alan', 'grace'] },
  },
];

export const standardResources: readonly FixtureResource[] = [
  { uri: 'memo://today', name: 'today', mimeType: 'text/plain', text: 'nothing today' },
  { uri: 'memo://logo', name: 'logo', mimeType: 'image/png', blob: 'iVBORw0KGgo=' },
];

export const standardTemplates: readonly FixtureTemplate[] = [
  { uriTemplate: 'memo://days/{day}', name: 'day', mimeType: 'text/plain', text: 'a day' },
];

/** The page of `entries` that `cursor` names, and the cursor of the next. Throws a RangeError for a cursor it did not give. */
export function pageOf<T>(
  entries: readonly T[],
  cursor: string | undefined,
  size = Infinity,
): { page: T[]; nextCursor?: string } {
  const from = cursor === undefined ? 0 : Number(cursor.replace('at-', ''));
  if (!Number.isInteger(from) || from < 0 || from > entries.length) throw new RangeError(`no such cursor: ${cursor}`);
  const page = entries.slice(from, from + size);
  return from + size < entries.length ? { page, nextCursor: `at-${from + size}` } : { page };
}

/** Whether `uri` is an expansion of `template`, whose expressions are all simple `{x}`. */
export function expands(template: string, uri: string): boolean {
  const literals = template.split(/\{[^}]*\}/);
  let at = 0;
  for (const [index, literal] of literals.entries()) {
    const isLast = index === literals.length - 1;
    const found =
      index === 0
        ? uri.startsWith(literal)
          ? 0
          : -1
        : isLast && literal === ''
          ? uri.length
          : uri.indexOf(literal, at);
    if (found < 0 || uri.slice(at, found).includes('/')) return false;
    at = found + literal.length;
  }
  return at === uri.length;
}
