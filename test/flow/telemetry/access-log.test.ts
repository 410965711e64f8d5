/** The access log: one line a request, with what an operator needs to know of it and nothing of its content. */
import { afterAll, expect, test } from 'vitest';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { authorizationServer, type AuthorizationServer } from '../../support/oidc.ts';
import { openSession } from '../../support/plain-client.ts';
import { oauthOf, startProtected } from '../../support/protected.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';

let as: AuthorizationServer | undefined;
afterAll(() => as?.close());

type Line = Readonly<Record<string, unknown>>;

const linesOf = ({ stderr }: GatewayProcess): Line[] =>
  stderr
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Line)
    .filter(({ msg }) => msg === 'call' || msg === 'request' || msg === 'refused');

test.each([
  ['hashed', /^[0-9a-f]{12}$/],
  ['named', /^alice$/],
])('a request is a line; its principal is %s', { timeout: 60_000 }, async (how, principal) => {
  as ??= await authorizationServer();
  const { issuer } = as;
  const [upstream, other] = [
    await startStatefulServer({ name: 'one', tools: ['echo'] }),
    await startStatefulServer({ name: 'two', tools: [] }),
  ];
  const gateway = await startProtected(
    {
      backends: { one: { url: upstream.url }, two: { url: other.url } },
      securityPolicy: (resource) => ({ oauth: oauthOf(issuer, resource) }),
    },
    ['--log-format', 'json', '--log-principals', how],
  );
  const token = await as.token({ resource: gateway.url });
  const headers = ['Authorization', `Bearer ${token}`];
  const session = await openSession(gateway.url, { headers });
  await session.ask('tools/list', {}, ...headers);
  const answer = await session.ask('tools/call', { name: 'one__echo', arguments: { text: 'mARKer' } }, ...headers);
  await session.ask('tools/call', { name: 'one__nothing' }, ...headers);
  await session.ask('resources/read', { uri: 'nowhere://mARKer' }, ...headers);

  const found = (wanted: Line): Line | undefined =>
    linesOf(gateway).find((line) => Object.entries(wanted).every(([name, value]) => line[name] === value));
  await expect.poll(() => found({ msg: 'refused', method: 'resources/read' })).toBeDefined();
  const every = { route: 'default/protected', principal: expect.stringMatching(principal) };
  const call = found({ msg: 'call', tool: 'echo' });
  expect(call).toMatchObject({
    ...every,
    method: 'tools/call',
    upstream: 'one',
    outcome: 'ok',
    ms: expect.any(Number),
    upstreamMs: expect.any(Number),
    bytes: expect.any(Number),
    session: expect.stringMatching(/^[0-9a-f]{8}$/),
  });
  // The ids and the names of its own that the answer has on the way make a few bytes of difference.
  expect(Number(call?.['answerBytes'])).toBe(Buffer.byteLength(JSON.stringify(answer)));
  const list = found({ msg: 'request', method: 'tools/list' });
  expect(list).toMatchObject({ ...every, outcome: 'ok' });
  expect(Number(list?.['answerBytes'])).toBeGreaterThan(100);
  expect(found({ msg: 'refused', method: 'resources/read' })).toMatchObject({ ...every, code: 'resource_unknown' });
  // One line each.
  expect(linesOf(gateway).filter(({ method }) => method === 'tools/call')).toHaveLength(2);
  const text = gateway.stderr.join('\n');
  for (const hidden of ['mARKer', token, session.token]) expect(text).not.toContain(hidden);
  if (how === 'hashed') expect(text).not.toContain('alice');
});
