/** `includeTools` and `excludeTools` of a server → which of its tools are shown and callable. Names are compared exactly. */
import type { Findings } from '../findings.ts';
import type { JsonPath } from './jsonc.ts';
import type { ToolSelector } from '../model.ts';
import type { Written } from './server-keys.ts';

export function readSelector({ text, at }: Written, prefix: string, findings: Findings): ToolSelector {
  const include = text.includeTools?.length === 1 && text.includeTools[0] === '*' ? undefined : text.includeTools;
  if (include?.length === 0) findings.warn(at('includeTools'), 'an empty list shows no tool at all');
  return {
    include: include === undefined ? undefined : readNames(at('includeTools'), include, prefix, findings),
    exclude: readNames(at('excludeTools'), text.excludeTools ?? [], prefix, findings),
  };
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
        'Name each tool; ["*"] alone in "includeTools" stands for all',
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
