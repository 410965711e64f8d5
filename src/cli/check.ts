/** `manifold check`: prints every fault of each file with its path, or the resolved configuration. It opens no connection. */
import type { Config, ToolSelector, UpstreamConfig } from '../config/model.ts';
import { ConfigError } from '../config/model.ts';
import { readConfig } from '../config/read.ts';
import { shownTarget } from '../config/shown.ts';
import type { CommandIo } from '../process/io.ts';
import { fileFault } from '../process/io.ts';
import { columns } from '../process/columns.ts';

/** Gives the exit code: 0 when every file is valid, else 1. Faults and warnings go to stderr, plans to stdout. */
export async function check(options: { readonly files: readonly string[] }, io: CommandIo): Promise<number> {
  let code = 0;
  for (const file of options.files) {
    try {
      const config = readConfig(await io.readFile(file), file, io.env);
      for (const warning of config.warnings) io.stderr.write(`${file}: warning: ${warning}\n`);
      io.stdout.write(`${file}: valid\n${planText(config)}`);
    } catch (fault) {
      io.stderr.write(`${fault instanceof ConfigError ? fault.message : fileFault(file, fault)}\n`);
      code = 1;
    }
  }
  return code;
}

function planText(config: Config): string {
  let text = '';
  for (const route of config.routes) {
    const count = route.upstreams.length;
    text += `  ${route.path}  route "${route.name}", ${count} upstream${count === 1 ? '' : 's'}\n`;
    for (const line of columns(route.upstreams.map(upstreamRow))) text += `    ${line}\n`;
  }
  return text;
}

function upstreamRow(upstream: UpstreamConfig): readonly string[] {
  const { transport } = upstream;
  const rest = [
    `timeout ${upstream.timeoutMs / 1_000} s`,
    selectorText(upstream.tools),
    upstream.onSessionLoss === 'error' ? 'a lost session is an error' : '',
    // The names of headers are no secrets; their values are.
    transport.kind !== 'stdio' && transport.headers.length > 0
      ? `headers ${transport.headers.map(([name]) => name).join(', ')}`
      : '',
    upstream.forwardHeaders.length > 0 ? `forwards ${upstream.forwardHeaders.join(', ')}` : '',
  ];
  return [upstream.id, transport.kind, shownTarget(transport), rest.filter((part) => part !== '').join('; ')];
}

function selectorText({ include, exclude }: ToolSelector): string {
  const shown = include === undefined ? 'all tools' : `tools ${[...include].join(', ') || 'none'}`;
  return exclude.size === 0 ? shown : `${shown} but ${[...exclude].join(', ')}`;
}
