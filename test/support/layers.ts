/**
 * `npm run layers`: holds the imports of src against the layers of ARCHITECTURE.md. A cruiser that reads no module passes
 * every rule, so the number of modules it saw is checked as well.
 */
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { globSync } from 'node:fs';
import { forbidden, options } from './layer-rules.ts';

const { output } = await cruise(['src'], { ruleSet: { forbidden }, validate: true, ...options });
const result = output as ICruiseResult;
const seen = result.modules.filter((module) => module.source.startsWith('src/')).length;
const there = globSync('src/**/*.ts').length;

for (const violation of result.summary.violations)
  console.error(`${violation.rule.name}: ${violation.from} → ${violation.to}`);
if (seen !== there) console.error(`${seen} modules were read, ${there} are there`);
const failed = result.summary.violations.length > 0 || seen !== there;
console.log(
  failed
    ? 'layers: FAILED'
    : `layers: ${seen} modules, ${result.summary.totalDependenciesCruised} imports, no violation`,
);
process.exitCode = failed ? 1 : 0;
