/** A pair of eras: real upstreams of one behind three replicas, each request of a real client of the other at the next replica. */
import { beforeAll } from 'vitest';
import { startModernAsking } from '../../support/asking-modern.ts';
import { askingToolNames } from '../../support/asking-tools.ts';
import { startFanOut } from '../../support/fan-out.ts';
import { startModernFixture } from '../../support/modern-fixture.ts';
import { startReplicas } from '../../support/replicas.ts';
import { startStatefulServer } from '../../support/stateful-server.ts';
import type { Connect, PairClient } from './clients.ts';

/** What a test does to the upstream `up`. */
interface Upstream {
  readonly url: string;
  /** Names of tools whose call was cancelled. */
  readonly cancelled: readonly string[];
  touch(uri: string): unknown;
  restart(): Promise<void>;
}

/** `up` has the tools, prompts and resources of the kit, `many` three pages of tools, `asks` the tools that ask. */
interface Upstreams {
  readonly up: Upstream;
  readonly many: { readonly url: string };
  readonly asks: { readonly url: string };
}

export interface Pair {
  readonly up: Upstream;
  /** Another client, whose first request goes to the first replica. */
  connect(): Promise<PairClient>;
}

/** More than the gateway has on a page. */
const manyTools = Array.from({ length: 1_800 }, (_, at) => `tool_${at}`);
const pageSize = 600;

/** Upstreams of 2025-11-25, on the first SDK. */
export async function legacyUpstreams(): Promise<Upstreams> {
  const tools = manyTools.map((name) => ({ name }));
  const [up, many, asks] = await Promise.all([
    startStatefulServer({ name: 'up', tools: ['echo', 'slow', 'log', 'fail', 'toggle'] }),
    startStatefulServer({ name: 'many', tools, pageSize, prompts: [], resources: [], templates: [] }),
    startStatefulServer({ name: 'asks', tools: askingToolNames, prompts: [], resources: [], templates: [] }),
  ]);
  return { up, many, asks };
}

/** Upstreams of 2026-07-28, on the second SDK. */
export async function modernUpstreams(): Promise<Upstreams> {
  const [up, many, asks] = await Promise.all([
    startModernFixture({ name: 'up' }),
    startModernFixture({ name: 'many', tools: manyTools, pageSize }),
    startModernAsking(),
  ]);
  return { up, many, asks };
}

/** Starts it before the first test of the file. */
export function pairOf(connect: Connect, start: () => Promise<Upstreams>): Pair {
  let up: Upstream;
  let urls: readonly string[] = [];
  beforeAll(async () => {
    const upstreams = await start();
    ({ up } = upstreams);
    const mcpServers = Object.fromEntries(Object.entries(upstreams).map(([name, { url }]) => [name, { url }]));
    const peers = await startFanOut();
    const args = ['--peers', peers.name, '--peer-address', '127.0.0.1:0'];
    const replicas = await startReplicas(3, { mcpServers }, { args });
    urls = replicas.map(({ url }) => url);
    peers.to.push(...urls);
  }, 60_000);
  return {
    get up() {
      return up;
    },
    connect: () => connect(urls),
  };
}
