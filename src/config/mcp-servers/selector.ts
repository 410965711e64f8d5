/** Reads `includeTools` and `excludeTools` of a server: the tools that are shown and callable. Names are compared exactly. */
import type { Findings } from '../findings.ts';
import type { JsonPath } from './jsonc.ts';
import type { ToolSelector } from '../model.ts';
import type { WrittenKeys } from './server-keys.ts';

export function readSelector({ text, at }: WrittenKeys, prefix: string, findings: Findings): ToolSelector {
  const include = isAll(text.includeTools) ? undefined : text.includeTools;
  const named = include === undefined ? undefined : readNames(at('includeTools'), include, prefix, findings);
  // Kiro switches off all tools of a server in this way; its prompts and resources stay.
  if (isAll(text.excludeTools)) {
    findings.warn(at('excludeTools'), '["*"] shows no tool at all');
    return { include: new Set(), exclude: new Set() };
  }
  if (include?.length === 0) findings.warn(at('includeTools'), 'an empty list shows no tool at all');
  return { include: named, exclude: readNames(at('excludeTools'), text.excludeTools ?? [], prefix, findings) };
}

function isAll(names: readonly string[] | undefined): boolean {
  return names?.length === 1 && names[0] === '*';
}

function readNames(
  path: JsonPath,
  written: readonly string[],
  prefix: string,
  findings: Findings,
): ReadonlySet<string> {
  for (const [i, name] of written.entries()) {
    if (name.includes('*')) {
      findings.fault(
        [...path, i],
        'a pattern; names are compared exactly',
        'Name each tool; ["*"] alone stands for all',
      );
    } else if (name === '') {
      findings.fault([...path, i], 'empty', 'Give the name of a tool');
    } else if (prefix !== '' && name.startsWith(prefix)) {
      findings.warn(
        [...path, i],
        `begins with the prefix "${prefix}", which this gateway adds; give the name as the server has it`,
      );
    }
  }
  return new Set(written);
}
