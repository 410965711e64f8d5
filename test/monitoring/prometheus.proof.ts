/**
 * What k8s/monitoring asks for is there: a real Prometheus scrapes loaded gateways and runs every query of the dashboard and every
 * expression of the rules. None may come back empty or be no number.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { modernRequest } from '../support/modern-client.ts';
import { send } from '../support/plain-client.ts';
import { startReplicasUnderLoad, type Replicas } from './load.ts';
import { hasPrometheus, monitoring, promtool, startPrometheus, type Prometheus } from './prometheus.ts';

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly record?: string; readonly alert?: string; readonly expr: string }[];
  }[];
}

const rulesText = readFileSync(join(monitoring, 'rules.yaml'), 'utf8');
const rules = (parse(rulesText) as Rules).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(join(monitoring, 'dashboard.json'), 'utf8')) as Dashboard;

/** As Grafana fills them in, with all jobs chosen. */
const filled = (query: string): string => query.replaceAll('$job', '.*').replaceAll('$__rate_interval', '30s');

/** What an alert looks at, without the threshold: load alone need not cross it. */
const lookedAt = (expression: string): string =>
  expression.replace(/^absent\((.*)\)$/, '$1').replaceAll(/\s(?:==|>)\s[\d.]+/g, '');

const wanted: readonly (readonly [what: string, query: string])[] = [
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, filled(expr)] as const)),
  ...rules
    // No load makes the gateway fail by itself; alerts.yaml has it.
    .filter(({ alert }) => alert !== 'ManifoldInternalErrors')
    .map(({ record, alert, expr }) => [record ?? alert ?? '', lookedAt(expr)] as const),
  ...rules.flatMap(({ record }) => (record === undefined ? [] : [[record, record] as const])),
];

const metricsOf = async ({ adminUrl }: GatewayProcess): Promise<string> =>
  await (await fetch(`${adminUrl}/metrics`)).text();

describe('the files', () => {
  test.skipIf(!hasPrometheus)('are valid rules, and each alert is sent when it should be', () => {
    expect(promtool(['check', 'rules', join(monitoring, 'rules.yaml')])).toContain(`${rules.length} rules found`);
    expect(promtool(['test', 'rules', join(import.meta.dirname, 'alerts.yaml')])).toContain('SUCCESS');
    const tested = readFileSync(join(import.meta.dirname, 'alerts.yaml'), 'utf8');
    for (const { alert } of rules) if (alert !== undefined) expect(tested).toContain(`alertname: ${alert}\n`);
  });
});

describe.skipIf(!hasPrometheus)('a loaded gateway', () => {
  let replicas: Replicas;
  let prometheus: Prometheus;
  const load = { isOver: false, done: Promise.resolve() };
  beforeAll(async () => {
    replicas = await startReplicasUnderLoad();
    const targets = { one: replicas.one.adminUrl!, two: replicas.two.adminUrl! };
    prometheus = await startPrometheus(
      Object.fromEntries(Object.entries(targets).map(([pod, url]) => [pod, new URL(url).host])),
      rulesText.replaceAll('interval: 30s', 'interval: 1s'),
    );
  });
  afterAll(async () => {
    load.isOver = true;
    await load.done;
  });

  test('exposes what promtool takes for well-formed metrics', async () => {
    await replicas.round();
    promtool(['check', 'metrics'], await metricsOf(replicas.one));
  });

  test('adds no series for 10,000 names that clients made up', async () => {
    const { url } = replicas.one;
    const series = async (): Promise<string[]> =>
      (await metricsOf(replicas.one))
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.slice(0, line.lastIndexOf(' ')));
    const invent = (n: number): Promise<unknown> =>
      [
        () => send(url, modernRequest('tools/call', { params: { name: `lively__made-up-${n}`, arguments: {} } })),
        () => send(url, modernRequest('tools/call', { params: { name: `made-up-${n}__echo`, arguments: {} } })),
        () => send(url, modernRequest(`made-up/${n}`)),
        () => send(url.replace('/mcp', `/made-up-${n}`), modernRequest('ping')),
      ][n % 4]!();
    for (let n = 0; n < 8; n += 1) await invent(n);
    // What the gateway asks by itself now and then has been asked.
    await expect
      .poll(async () => (await series()).join('\n'), { timeout: 60_000 })
      .toMatch(/upstream="gone",reason="probe"/);
    const before = await series();
    for (let n = 8; n < 10_000; n += 40) await Promise.all(Array.from({ length: 40 }, (_, at) => invent(n + at)));
    expect((await series()).filter((one) => !before.includes(one))).toEqual([]);
  });

  test('answers every query of the dashboard and of the rules', async () => {
    load.done = (async (): Promise<void> => {
      while (!load.isOver) {
        await replicas.round();
        await sleep(500);
      }
    })();
    const empty = async (): Promise<string[]> => {
      const found = await Promise.all(
        wanted.map(async ([what, query]) => {
          const samples = await prometheus.query(query);
          return samples.some(({ value }) => !Number.isNaN(value)) ? [] : [`${what}: ${query}`];
        }),
      );
      return found.flat();
    };
    await Promise.race([expect.poll(empty, { timeout: 120_000, interval: 1_000 }).toEqual([]), load.done]);
    expect(await prometheus.ruleFaults()).toEqual([]);
    for (const { name, query } of dashboard.templating.list) {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
      if (name === 'datasource') continue;
      expect(metric).toBeDefined();
      expect((await prometheus.query(metric!)).map((sample) => sample.metric[label!])).toContain('manifold');
    }
  });
});
