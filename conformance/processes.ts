/** The programs of a run: each prints its endpoint when it is ready, and none outlives the run. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Program } from '../test/support/program.ts';
import { loopbackUrls, startProgram } from '../test/support/program.ts';

const everythingServer = fileURLToPath(new URL('everything-server.ts', import.meta.url));
const otherServer = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
/** The command `manifold`; the build makes it. */
export const gatewayCommand = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export class Processes {
  readonly #programs: Program<string>[] = [];

  /** Gives the endpoint of our everything-server. */
  everything(era: 'both' | 'legacy' | 'modern'): Promise<string> {
    return this.#start([everythingServer, '--port', '0', '--era', era]);
  }

  /** Gives the endpoint of the gateway in front of `upstreams`, which are endpoints by name. */
  gateway(upstreams: Readonly<Record<string, string>>): Promise<string> {
    const mcpServers = Object.fromEntries(Object.entries(upstreams).map(([name, url]) => [name, { url }]));
    const config = JSON.stringify({ mcpServers });
    return this.#start([gatewayCommand, 'run', '--mcp-json', config, '--port', '0', '--admin-port', 'off']);
  }

  /**
   * Gives the endpoint of a server that has nothing to do with the suite. It prints the port that it was given, so 0 would tell
   * nothing: a port that was free a moment ago is given.
   */
  async other(): Promise<string> {
    const port = await freePort();
    const program = await startProgram([otherServer, 'streamableHttp'], {
      env: { ...process.env, PORT: String(port) },
      ready: (stdout, stderr) => [...stdout, ...stderr].find((line) => line.includes('listening')),
    });
    this.#programs.push(program);
    return `http://localhost:${port}/mcp`;
  }

  /** The last started is stopped first. */
  async stop(): Promise<void> {
    for (const program of this.#programs.splice(0).toReversed()) await program.stop();
  }

  async #start(nodeArguments: readonly string[]): Promise<string> {
    const program = await startProgram(nodeArguments, {
      ready: (stdout) => loopbackUrls(stdout).find(({ pathname }) => pathname === '/mcp')?.href,
    });
    this.#programs.push(program);
    return program.ready;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
