/**
 * Sixty-four principals at three replicas in turn, each with tokens of a real issuer and with markers in all that it sends and is sent:
 * lists, results, logs, progress, prompts, resources, questions, streams, resumption, rounds, tasks. No marker of one ever
 * reaches another, and nothing that is stolen is worth more than something made up. `npm run test:principals` goes on for
 * ten minutes (PRINCIPAL_SECONDS).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizationServer, type AuthorizationServer } from '../support/oidc.ts';
import { startReplicas } from '../support/replicas.ts';
import { startMarking, groups } from './marking-server.ts';
import { markerOf, ownersIn } from './markers.ts';
import { audience, startMember, takeTurn, type Member, type Turn } from './member.ts';
import { startModernMarking } from './modern-marking.ts';
import { steal } from './thefts.ts';

const principals = 64;
const replicas = 3;
const seconds = Number(process.env['PRINCIPAL_SECONDS'] ?? 20);
/** Turns taken at the same time. */
const atOnce = 8;

let as: AuthorizationServer;
let any: Turn;
const members: Member[] = [];

const path = (pathname: string): boolean => pathname === '/plain';

beforeAll(async () => {
  as = await authorizationServer();
  const mcpServers = { marks: { url: await startMarking() }, modern: { url: await startModernMarking() } };
  const started = await startReplicas(replicas, { mcpServers, manifold: { routes: routesOf(as.issuer) } }, { path });
  const origins = started.map(({ url }) => new URL(url).origin);
  let turns = 0;
  any = () => origins[(turns += 1) % origins.length]!;
  for (let number = 0; number < principals; number += 1) members.push(await startMember(number, any, as));
}, 120_000);
afterAll(async () => {
  for (const { streams } of members) for (const stream of streams) stream.close();
  await as.close();
});

const scopes = { jwt: { scopes: ['read'] } };
const of = (group: string): object => ({ jwt: { claims: [{ name: 'group', values: [group] }] } });
const own = (names: readonly string[]): object => ({ tools: names.map((tool) => ({ backend: 'marks', tool })) });

function routesOf(issuer: string): object {
  const route = (path: string, more: object = {}): object => ({
    path,
    servers: ['marks', 'modern'],
    securityPolicy: {
      oauth: {
        issuer,
        audiences: [audience],
        protectedResourceMetadata: { resource: `https://gw.example.com${path}`, scopesSupported: ['read'] },
        ...more,
      },
      authorization: {
        rules: [
          { source: scopes, target: own(['mark', 'touch', 'ask']) },
          {
            source: scopes,
            target: { tools: ['mark', 'touch', 'round', 'job'].map((tool) => ({ backend: 'modern', tool })) },
          },
          ...groups.map((group) => ({ source: of(group), target: own([`only_${group}`]) })),
        ],
      },
    },
    security: {
      authorization: {
        rules: [
          {
            source: scopes,
            target: {
              prompts: [{ backend: 'marks', prompt: 'recall' }],
              resources: [
                { backend: 'marks', uri: 'mark://state' },
                { backend: 'marks', uri: 'mark://watch/{who}' },
                { backend: 'modern', uri: 'mark://watch/{who}' },
              ],
            },
          },
          { source: scopes, cel: 'request.mcp.kind == "template"' },
          ...groups.map((group) => ({
            source: of(group),
            target: {
              prompts: [{ backend: 'marks', prompt: `only_${group}` }],
              resources: [{ backend: 'marks', uri: `mark://${group}` }],
            },
          })),
        ],
      },
    },
  });
  return {
    told: route('/told', { claimToHeaders: [{ claim: 'sub', header: 'X-User' }] }),
    plain: route('/plain'),
  };
}

/** Whose markers a member was told, besides its own; and what else was wrong. */
function faultsOf({ name, heard, streams, faults }: Member): readonly string[] {
  const foreign = [...heard.splice(0), ...streams.map((stream) => stream.text())].flatMap((text) =>
    [...ownersIn(text)].filter((owner) => owner !== name).map((owner) => `${name} was told of ${owner}: ${text}`),
  );
  return [...faults, ...foreign];
}

test(
  'no marker of one ever reaches another, and what is stolen opens nothing',
  async () => {
    const endMs = performance.now() + seconds * 1_000;
    let next = 0;
    let turns = 0;
    const work = async (): Promise<void> => {
      // Everyone has its turn at least once.
      while (turns < principals || performance.now() < endMs) {
        const member = members[(next += 1) % principals]!;
        const victim = members[Math.floor(Math.random() * principals)]!;
        turns += 1;
        await takeTurn(member, any, markerOf(member.name, turns));
        if (victim !== member) await steal(member, victim, any);
        expect(faultsOf(member)).toEqual([]);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    for (const { name, streams } of members) {
      // What it watches is told on its own streams, and nowhere else.
      for (const stream of streams) await stream.until(({ method }) => method === 'notifications/resources/updated');
      expect(ownersIn(streams.map((stream) => stream.text()).join(''))).toEqual(new Set([name]));
    }
    console.info(`${turns} turns of ${principals} principals at ${replicas} replicas`);
  },
  (seconds + 100) * 1_000,
);
