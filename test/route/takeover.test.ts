/** Which upstreams outlive a change of the configuration, and how the others go. */
import { request } from 'undici';
import { expect, test } from 'vitest';
import type { UpstreamConfig } from '../../src/config/model.ts';
import { isOtherwiseOffered, retired, takenOver } from '../../src/route/takeover.ts';
import type { Upstream } from '../../src/transport/upstream/upstream.ts';
import { anUpstream } from '../aggregate/an-upstream.ts';
import { answerJson, startRawServer } from '../support/raw-server.ts';
import { closedAtTheEnd } from '../support/started.ts';

const urlOf = ({ transport }: UpstreamConfig): string =>
  transport.kind === 'http' ? transport.url : 'http://127.0.0.1:1/bridge';

function over(before: readonly Upstream[], configs: readonly UpstreamConfig[], at = urlOf): Upstream[] {
  const after = takenOver(before, configs, at, '1');
  for (const upstream of after) closedAtTheEnd(() => upstream.close());
  return after;
}

test('an upstream that is configured as before stays, whatever its place and its neighbours', () => {
  const [a, b] = over([], [anUpstream('a', { isOnly: true }), anUpstream('b')]);
  const after = over([a!, b!], [anUpstream('c'), anUpstream('b'), anUpstream('a')]);
  expect(after[1]).toBe(b);
  expect(after[2]).toBe(a);
  // It has learnt that it is not alone any more.
  expect(a!.config.isOnly).toBeUndefined();
});

test('one whose configuration or address is another is new', () => {
  const [a] = over([], [anUpstream('a')]);
  const [slower] = over([a!], [anUpstream('a', { timeoutMs: 2_000 })]);
  const [moved] = over([a!], [anUpstream('a')], () => 'http://127.0.0.1:2/mcp');
  expect(slower).not.toBe(a);
  expect(moved).not.toBe(a);
});

const stdio = (command: string): UpstreamConfig =>
  anUpstream('a', {
    transport: { kind: 'stdio', command, args: ['--x'], env: {}, cwd: undefined } as UpstreamConfig['transport'],
  });

test('a bridged upstream has the same name in sealed identifiers at whatever port its bridge is', () => {
  const [one] = over([], [stdio('server')], () => 'http://127.0.0.1:1/a');
  const [again] = over([], [stdio('server')], () => 'http://127.0.0.1:2/a');
  const [other] = over([], [stdio('another')], () => 'http://127.0.0.1:1/a');
  expect(again!.hash).toBe(one!.hash);
  expect(other!.hash).not.toBe(one!.hash);
});

test('clients are shown other things when an upstream is new, gone or elsewhere in the order', () => {
  const [a, b] = over([], [anUpstream('a'), anUpstream('b')]);
  expect(isOtherwiseOffered([a!, b!], [a!, b!])).toBe(false);
  expect(isOtherwiseOffered([a!, b!], [b!, a!])).toBe(true);
  expect(isOtherwiseOffered([a!, b!], [a!])).toBe(true);
  expect(isOtherwiseOffered([a!], [a!, b!])).toBe(true);
});

test('one that is gone ends what it has under way before it closes', async () => {
  const { promise: isTime, resolve: finish } = Promise.withResolvers<void>();
  const server = await startRawServer(async (incoming, response) => {
    await isTime;
    await answerJson('{"late":true}')(incoming, response);
  });
  const [upstream] = over([], [anUpstream('a')], () => server.url);
  const under = request(server.url, { dispatcher: upstream!.pool });
  await expect.poll(() => server.requests.length).toBe(1);
  const gone = retired(upstream!);
  expect(upstream!.isClosed).toBe(false);
  finish();
  expect(await (await under).body.json()).toEqual({ late: true });
  await gone;
  expect(upstream!.isClosed).toBe(true);
});
