/** A gateway in the process of the test, whose clock the test may turn. All else is as in gateway-process.ts. */
import { randomBytes } from 'node:crypto';
import { parseCommand } from '../../src/cli/arguments.ts';
import { run } from '../../src/process/run.ts';
import { loopbackUrls } from './program.ts';
import { closedAtTheEnd } from './started.ts';

const never = (): Promise<never> => Promise.reject(new Error('no file is needed'));

/** Gives the MCP endpoint, once the upstreams have been looked at. */
export async function startInside(mcpServers: object): Promise<string> {
  const command = parseCommand(
    [
      'run',
      '--mcp-json',
      JSON.stringify({ mcpServers }),
      '--port',
      '0',
      '--admin-port',
      'off',
      '--log-level',
      'silent',
    ],
    {},
  );
  if (command.kind !== 'run') throw new Error('not the command that was asked for');
  const quiet = { write: () => true };
  const running = await run(
    command.options,
    {
      stdout: quiet,
      stderr: quiet,
      env: {},
      readDirectory: never,
      readFile: never,
      createFile: never,
      random: randomBytes,
      nowSeconds: () => Math.floor(Date.now() / 1_000),
    },
    '0.0.0',
  );
  closedAtTheEnd(() => running.drain(0));
  const [endpoint] = loopbackUrls([await running.greeting]);
  if (endpoint === undefined) throw new Error('the greeting names no endpoint');
  return endpoint.href;
}
