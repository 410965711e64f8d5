/**
 * The command that the suite runs for each of its client scenarios. It puts the real gateway in front of the suite's server and
 * is the client of that gateway; or, for comparison, is the client of the suite's server itself.
 *
 *     node conformance/client/driver.ts gateway|direct URL
 */
import { fileURLToPath } from 'node:url';
import { loopbackUrls, startProgram } from '../../test/support/program.ts';
import { dealingsWith } from './dealings.ts';
import { grantFor } from './grants.ts';

const gatewayCommand = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const [, , way, upstream = ''] = process.argv;
const {
  MCP_CONFORMANCE_SCENARIO: scenario = '',
  MCP_CONFORMANCE_PROTOCOL_VERSION: revision = '',
  MCP_CONFORMANCE_CONTEXT: context = '{}',
} = process.env;
const deal = dealingsWith(scenario);

if (way === 'direct') await deal({ url: upstream, revision, context, isNaive: false });
else {
  // What the suite's servers of this revision judge is a client of it, and each would take an `initialize` as a fault of one.
  const era = revision === '2026-07-28' ? 'modern' : 'auto';
  const mcpServers = { suite: { url: upstream, era } };
  const grant = await grantFor(scenario, upstream, context);
  const config = { mcpServers, ...(grant !== undefined && { manifold: { backends: { suite: { grant } } } }) };
  const gateway = await startProgram(
    [gatewayCommand, 'run', '--mcp-json', JSON.stringify(config), '--port', '0', '--admin-port', 'off'],
    { ready: (stdout) => loopbackUrls(stdout).find(({ pathname }) => pathname === '/mcp')?.href },
  );
  try {
    await deal({ url: gateway.ready, revision, context, isNaive: true });
  } finally {
    await gateway.stop();
    // What the gateway warned of explains a check that failed; the suite keeps this output.
    process.stderr.write(`${gateway.stderr.join('\n')}\n`);
  }
}
// The clients' transports may still be waiting to reconnect.
process.exit();
