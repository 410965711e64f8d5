/** The folder of a configuration file: its relative paths begin there, and editors call it the workspace. */
import { basename, dirname, resolve } from 'node:path';

export interface Place {
  /** Absolute path of the folder a project is in; undefined for a configuration that is no file. */
  readonly workspace: string | undefined;
}

/**
 * `source` is a path, or the flag that a text came with. A file of a project stands in its folder (`.mcp.json`) or in a hidden
 * folder of it (`.vscode/mcp.json`, `.cursor/mcp.json`, `.kiro/settings/mcp.json`).
 */
export function placeOf(source: string): Place {
  if (source.startsWith('--')) return { workspace: undefined };
  const folder = dirname(resolve(source));
  const hidden = [folder, dirname(folder)].find((path) => basename(path).startsWith('.'));
  return { workspace: hidden === undefined ? folder : dirname(hidden) };
}
