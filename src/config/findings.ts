/** Collects the faults of a configuration while it is read, so that all of them are reported at once. */
import type { JsonPath } from './mcp-servers/jsonc.ts';
import type { ConfigFault } from './model.ts';

export class Findings {
  readonly faults: ConfigFault[] = [];
  readonly warnings: string[] = [];

  /** `problem` and `remedy` never contain a value of the file, which may be a secret. `place` is `file:line:column` if known. */
  fault(path: JsonPath, problem: string, remedy: string, place?: string): void {
    this.faults.push({ path: pathText(path), problem, remedy, ...(place !== undefined && { place }) });
  }

  /** Once, also where several routes lead to the object that it is about. */
  warn(path: JsonPath, text: string, place?: string): void {
    // Of a whole file its name says enough.
    const where = [place, path.length === 0 && place !== undefined ? undefined : pathText(path)];
    const warning = [...where, text].filter((part) => part !== undefined).join(': ');
    if (!this.warnings.includes(warning)) this.warnings.push(warning);
  }
}

/** `mcpServers.github.args[0]`; a key that is not a plain word is quoted: `mcpServers["my server"]`. The root is `(root)`. */
function pathText(path: JsonPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z_$][A-Za-z0-9_$-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text === '' ? '(root)' : text;
}
