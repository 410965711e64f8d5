/** Reads a configuration file of whatever kind; its content decides, not its name. */
import { type ReadOptions, readMcpServers } from './mcp-servers/read.ts';
import type { Config, Naming } from './model.ts';
import { ConfigError } from './model.ts';
import { defaultNaming } from './naming.ts';
import type { Environment } from './variables.ts';

/** Throws `ConfigError` with every fault. */
export function readConfig(
  text: string,
  source: string,
  env: Environment,
  naming: Naming = defaultNaming,
  options: ReadOptions = {},
): Config {
  if (contentKind(text) === 'mcp-servers') return readMcpServers(text, source, env, naming, options);
  throw new ConfigError(source, [
    {
      path: '(root)',
      problem: 'not JSON; MCPRoute YAML is not read by this version',
      remedy: 'Give the mcpServers file of Claude, Cursor or VS Code',
    },
  ]);
}

/* JSON begins with a brace, or with a comment in front of one, which no YAML document can. */
function contentKind(text: string): 'mcp-servers' | 'yaml' {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  return start === '' ||
    start.startsWith('{') ||
    start.startsWith('[') ||
    start.startsWith('//') ||
    start.startsWith('/*')
    ? 'mcp-servers'
    : 'yaml';
}
