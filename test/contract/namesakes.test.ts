/** Tests mirror the source: whoever changes `src/a/b.ts` finds its tests in `test/a/b.test.ts`. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
/** Lines of code from which a file needs a test of its own. */
const substance = 40;

/**
 * Files and folders that may go without, and why: where their behaviour is tested. A folder ends with a slash. Whoever writes a
 * namesake takes its line out.
 */
const elsewhere: Readonly<Record<string, string>> = {
  'aggregate/content.ts': 'part of rewrite.ts: test/aggregate/rewrite.test.ts',
  'aggregate/known-names.ts': 'part of the catalogue: test/aggregate/catalogue.test.ts, test/aggregate/owners.test.ts',
  'aggregate/overridden-tool.ts': 'test/flow/overrides.test.ts',
  'aggregate/shelf.ts': 'part of the catalogue: test/aggregate/catalogue.test.ts',
  'calls/inbound.ts': 'whole flows: test/flow/notifications.test.ts, test/flow/server-requests.test.ts',
  'calls/questions/': 'whole flows: test/flow/questions',
  'cli/flags.ts': 'a table: test/cli/arguments.test.ts, test/cli/help.test.ts',
  'cli/given.ts': 'part of arguments.ts: test/cli/arguments.test.ts',
  'cli/plan-diff.ts': 'the command as a whole: test/cli/check.test.ts',
  'clients/client.ts': 'its parts: test/clients/registry.test.ts, test/transport/upstream/client-sessions.test.ts',
  'clients/translate.ts':
    'test/streams/upstream-listener.test.ts, test/calls/dispatcher.test.ts, test/flow/lossless.test.ts',
  'config/headers.ts': 'part of both readers: test/config/mcp-servers/read.test.ts, test/config/mcp-route/read.test.ts',
  'config/mcp-route/': 'one reader of many parts: test/config/mcp-route',
  'config/mcp-servers/': 'one reader of many parts: test/config/mcp-servers',
  'config/model.ts': 'types',
  'config/security.ts': 'types and a few predicates: test/config/mcp-route/read.test.ts',
  'config/text-file.ts': 'part of every reader: test/flow/files.test.ts',
  'errors.ts': 'a table: test/errors/page.test.ts',
  'gateway.ts': 'the way of a request: test/flow',
  'kubernetes/': 'against a real API server: test/kubernetes',
  'lists/discover.ts': 'whole flows: test/flow/modern/content.test.ts, test/flow/modern/caching.test.ts',
  'lists/lists.ts': 'whole flows: test/flow/lists.test.ts, test/flow/lists',
  'main.ts': 'the program: test/flow',
  'oauth/cel-cost.ts': 'part of cel.ts: test/oauth/cel.test.ts',
  'process/admin-access.ts': 'test/flow/telemetry/admin.test.ts',
  'process/admin-pages.ts': 'test/flow/telemetry/admin.test.ts',
  'process/admin.ts': 'test/flow/telemetry/admin.test.ts',
  'process/cluster.ts': 'against a real API server: test/kubernetes',
  'process/greeting.ts': 'test/process/columns.test.ts, test/process/greeting-live.test.ts',
  'process/live-lines.ts': 'test/process/greeting-live.test.ts',
  'process/options.ts': 'types',
  'process/plan.ts': 'the command as a whole: test/cli/check.test.ts',
  'process/prepare.ts': 'the program: test/flow',
  'process/run.ts': 'the program: test/flow',
  'process/sealing-keys.ts': 'the program: test/flow/tokens.test.ts',
  'process/serve.ts': 'the program: test/flow',
  'process/sources.ts': 'the program: test/flow/files.test.ts',
  'process/tls-files.ts': 'test/flow/listener-tls.test.ts',
  'process/worker.ts': 'several processes: test/flow/streams/workers.test.ts',
  'process/workers.ts': 'several processes: test/flow/streams/workers.test.ts',
  'protocol/checked.ts': 'part of the scanner: test/protocol/walk.test.ts',
  'protocol/found.ts': 'part of the scanner: test/protocol/scan.test.ts',
  'protocol/grammar.ts': 'part of the scanner: test/protocol/scan.test.ts, test/properties/scan.test.ts',
  'protocol/message-shapes.ts': 'a table: test/protocol/envelope.test.ts',
  'protocol/message.ts': 'part of the envelope: test/protocol/envelope.test.ts',
  'protocol/shape.ts': 'part of the scanner: test/protocol/scan.test.ts',
  'route/authentication.ts': 'test/flow/oauth/callers.test.ts, test/flow/oauth/kinds.test.ts',
  'route/compose.ts': 'wiring: test/flow',
  'route/consents.ts': 'test/flow/oauth/consent.test.ts',
  'route/credentials.ts': 'test/flow/oauth/upstream-tokens.test.ts, test/flow/oauth/consent.test.ts',
  'route/hear.ts':
    'several replicas: test/flow/streams/workers.test.ts, test/flow/streams/changes-told.test.ts, test/flow/oauth/consent-asked.test.ts',
  'route/state.ts': 'test/flow/telemetry/admin.test.ts',
  'route/route.ts': 'wiring: test/flow/reload.test.ts, test/flow/streams/drain.test.ts',
  'session/key-spec.ts': 'part of the keys: test/session/key-file.test.ts, test/session/kdf.test.ts',
  'telemetry/': 'test/telemetry, and what is counted in test/flow',
  'transport/authorization/': 'test/transport/authorization',
  'transport/bridge/': 'one machine of many parts: test/transport/bridge',
  'transport/downstream/modern.ts': 'one reader: test/transport/downstream/read.test.ts',
  'transport/egress/guarded-grpc.ts': 'test/transport/authorization/ext-auth-grpc.test.ts',
  'transport/http/body.ts': 'test/flow/bounds.test.ts, test/flow/http-rules.test.ts',
  'transport/http/caller.ts': 'test/flow/oauth/callers.test.ts, test/flow/oauth/isolation.test.ts',
  'transport/http/client-certificate.ts': 'test/flow/listener-tls.test.ts',
  'transport/http/connection.ts': 'test/flow/upstream-tls.test.ts',
  'transport/http/cors.ts': 'test/flow/edge/cors.test.ts',
  'transport/http/limits.ts': 'numbers',
  'transport/http/pipeline.ts': 'test/flow/http-rules.test.ts',
  'transport/http/server.ts': 'test/transport/http/connections.test.ts',
  'transport/peers/hop-server.ts': 'both ends together: test/transport/peers/hop.test.ts',
  'transport/upstream/adapter.ts': 'types',
  'transport/upstream/limited-request.ts': 'test/flow/limits.test.ts',
  'transport/upstream/limiter.ts': 'test/flow/limits.test.ts',
  'transport/upstream/upstream.ts':
    'test/transport/upstream/upstreams.test.ts, test/transport/upstream/session.test.ts',
};

const sources = globSync('src/**/*.ts', { cwd: root })
  .map((file) => file.replaceAll('\\', '/').slice('src/'.length))
  .toSorted();

function hasNamesake(file: string): boolean {
  return existsSync(join(root, 'test', file.replace(/\.ts$/, '.test.ts')));
}

function isOfSubstance(file: string): boolean {
  const lines = readFileSync(join(root, 'src', file), 'utf8').split('\n');
  return lines.filter((line) => !/^\s*(?:\/\/|\/\*|\*|$)/.test(line)).length > substance;
}

function reasonOf(file: string): string | undefined {
  return Object.keys(elsewhere).find((place) => place === file || (place.endsWith('/') && file.startsWith(place)));
}

test('each file of substance has a namesake, or a reason', () => {
  const missing = sources.filter((file) => isOfSubstance(file) && !hasNamesake(file) && reasonOf(file) === undefined);
  expect(missing).toEqual([]);
});

test('no reason outlives its file, and each place that it names exists', () => {
  for (const [place, where] of Object.entries(elsewhere)) {
    const covered = sources.filter((file) => reasonOf(file) === place && !hasNamesake(file));
    expect([place, covered.length > 0]).toEqual([place, true]);
    for (const [path] of where.matchAll(/(?:src|test)\/[\w./-]+/g))
      expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  }
});
