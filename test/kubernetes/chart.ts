/**
 * `npm run chart`: makes the Helm chart from the manifests of k8s/, which are the only ones written by hand. A place of a manifest
 * that is a value of the chart is listed here; its default is what the manifest has there.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { isRecord } from '../../src/kubernetes/objects.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Value {
  /** Path in values.yaml. */
  readonly name: string;
  readonly says: string;
  /** Where it stands in the manifest; none for a switch. */
  readonly at?: readonly (string | number)[];
}

interface Template {
  readonly file: string;
  readonly values?: readonly Value[];
  /** A switch of values.yaml, without which the objects are left out, and whether it is on by default. */
  readonly only?: { readonly name: string; readonly isOn: boolean; readonly says: string };
}

const container = ['spec', 'template', 'spec', 'containers', 0] as const;

const templates: readonly Template[] = [
  { file: 'base/service-account.yaml' },
  {
    file: 'base/settings.yaml',
    values: [
      {
        name: 'settings',
        says: 'Flags of the command as environment variables, see docs/configuration.md. Set MANIFOLD_PUBLIC_URL.',
        at: ['data'],
      },
    ],
  },
  {
    file: 'base/servers.yaml',
    values: [{ name: 'files', says: 'Configuration files, by name; `args` gives the one to run.', at: ['data'] }],
  },
  {
    file: 'base/keys-job.yaml',
    only: {
      name: 'makeKeys.enabled',
      isOn: true,
      says: 'A Job that makes the Secret manifold-keys unless it is there.',
    },
  },
  {
    file: 'base/deployment.yaml',
    values: [
      {
        name: 'args',
        says: 'Arguments of the command; kubernetes.enabled takes their place.',
        at: [...container, 'args'],
      },
      { name: 'resources', says: 'The heap is 60 % of the memory limit.', at: [...container, 'resources'] },
      {
        name: 'terminationGracePeriodSeconds',
        says: 'Longer than the preStop pause (5 s) and MANIFOLD_DRAIN_TIMEOUT together.',
        at: ['spec', 'template', 'spec', 'terminationGracePeriodSeconds'],
      },
      {
        name: 'topologySpreadConstraints',
        says: 'How replicas are spread over nodes and zones.',
        at: ['spec', 'template', 'spec', 'topologySpreadConstraints'],
      },
    ],
  },
  {
    file: 'base/service.yaml',
    values: [{ name: 'service.ports', says: 'Ports of the Service.', at: ['spec', 'ports'] }],
  },
  { file: 'base/peers-service.yaml' },
  {
    file: 'base/autoscaler.yaml',
    only: { name: 'autoscaling.enabled', isOn: true, says: 'Without it there is one replica.' },
    values: [
      { name: 'autoscaling.minReplicas', says: '', at: ['spec', 'minReplicas'] },
      { name: 'autoscaling.maxReplicas', says: '', at: ['spec', 'maxReplicas'] },
      {
        name: 'autoscaling.metrics',
        says: 'manifold_streams needs a metrics adapter.',
        at: ['spec', 'metrics'],
      },
    ],
  },
  {
    file: 'base/disruption-budget.yaml',
    only: { name: 'podDisruptionBudget.enabled', isOn: true, says: 'One replica at a time is taken by maintenance.' },
  },
  {
    file: 'base/network-policy.yaml',
    only: { name: 'networkPolicy.enabled', isOn: true, says: 'Who may reach the pods, and what they may reach.' },
    values: [
      { name: 'networkPolicy.ingress', says: '', at: ['spec', 'ingress'] },
      { name: 'networkPolicy.egress', says: '', at: ['spec', 'egress'] },
    ],
  },
  {
    file: 'overlays/cluster-mode/role.yaml',
    only: {
      name: 'kubernetes.enabled',
      isOn: false,
      says: 'Reads MCPRoutes from the cluster, and not from a file. Needs their definitions.',
    },
    values: [
      {
        name: 'kubernetes.secrets',
        says: 'Secrets that routes use. An empty list means all of the namespace.',
        at: ['rules', 9, 'resourceNames'],
      },
      {
        name: 'kubernetes.configMaps',
        says: 'ConfigMaps that routes use. An empty list means all of the namespace.',
        at: ['rules', 10, 'resourceNames'],
      },
    ],
  },
  {
    file: 'components/http-route/http-route.yaml',
    only: { name: 'httpRoute.enabled', isOn: false, says: 'Needs Gateway API.' },
    values: [
      { name: 'httpRoute.parentRefs', says: '', at: ['spec', 'parentRefs'] },
      { name: 'httpRoute.hostnames', says: '', at: ['spec', 'hostnames'] },
    ],
  },
  {
    file: 'components/monitoring/metrics-service.yaml',
    only: { name: 'serviceMonitor.enabled', isOn: false, says: 'Needs the Prometheus operator.' },
  },
  {
    file: 'components/monitoring/service-monitor.yaml',
    only: { name: 'serviceMonitor.enabled', isOn: false, says: 'Needs the Prometheus operator.' },
  },
  {
    file: 'components/monitoring/prometheus-rule.yaml',
    only: { name: 'prometheusRule.enabled', isOn: false, says: 'Alerts. Needs the Prometheus operator.' },
  },
];

/** The alerts for the Prometheus operator, from k8s/monitoring/rules.yaml. */
export function prometheusRule(): string {
  const rules = record(parse(readFileSync(path.join(root, 'k8s/monitoring/rules.yaml'), 'utf8')));
  const object = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'manifold' },
    spec: rules,
  };
  return `# Generated by test/kubernetes/chart.ts from k8s/monitoring/rules.yaml. Edit that.\n${stringify(object, { lineWidth: 0 })}`;
}

export const prometheusRuleFile = path.join(root, 'k8s/components/monitoring/prometheus-rule.yaml');

const head = '# Generated by test/kubernetes/chart.ts from the manifests of k8s/. Edit those.\n';

/** The files of the chart by their path in it. */
export function chartFiles(): Map<string, string> {
  const values: Record<string, unknown> = {};
  const comments: [name: string, says: string][] = [];
  const files = new Map<string, string>();
  setAt(values, ['image'], 'manifold');
  comments.push(['image', 'The image: Dockerfile. Name it by digest.']);
  for (const template of templates) files.set(templatePath(template), templateText(template, values, comments));
  const { version } = record(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));
  files.set(
    'Chart.yaml',
    `${head}${stringify({
      apiVersion: 'v2',
      name: 'manifold',
      description: 'A stateless MCP gateway: many MCP servers behind one endpoint, on any replica.',
      type: 'application',
      version,
      appVersion: version,
    })}`,
  );
  files.set(
    'values.yaml',
    `${head}#\n${comments.map(([name, says]) => `# ${name}: ${says}\n`).join('')}\n${stringify(values)}`,
  );
  return files;
}

function templatePath({ file }: Template): string {
  return `templates/${path.basename(file)}`;
}

function templateText(template: Template, values: Record<string, unknown>, comments: [string, string][]): string {
  const text = readFileSync(path.join(root, 'k8s', template.file), 'utf8');
  const marks = new Map<string, string>();
  const mark = (expression: string): string => {
    const key = `VALUE_${marks.size}_`;
    marks.set(key, expression);
    return key;
  };
  if (template.only !== undefined && !has(values, template.only.name.split('.'))) {
    setAt(values, template.only.name.split('.'), template.only.isOn);
    comments.push([template.only.name, template.only.says]);
  }
  const objects = parseAllDocuments(text).map((document) => record(document.toJS()));
  for (const object of objects) {
    setAt(object, ['metadata', 'namespace'], mark('{{ .Release.Namespace }}'));
    setAt(object, ['metadata', 'labels', 'app.kubernetes.io/managed-by'], mark('{{ .Release.Service }}'));
    for (const subject of Array.isArray(object['subjects']) ? object['subjects'] : [])
      setAt(record(subject), ['namespace'], mark('{{ .Release.Namespace }}'));
  }
  const first = objects[0] ?? {};
  for (const { name, says, at } of template.values ?? []) {
    setAt(values, name.split('.'), getAt(first, at ?? []));
    if (says !== '') comments.push([name, says]);
    setAt(first, at ?? [], mark(`{{ toJson .Values.${name} }}`));
  }
  for (const object of objects) {
    if (object['kind'] !== 'Deployment' && object['kind'] !== 'Job') continue;
    setAt(object, [...container, 'image'], mark('{{ toJson .Values.image }}'));
    if (object['kind'] === 'Job') continue;
    setAt(
      object,
      [...container, 'args'],
      mark('{{ if .Values.kubernetes.enabled }}["run", "--kubernetes"]{{ else }}{{ toJson .Values.args }}{{ end }}'),
    );
    setAt(
      object,
      ['spec', 'template', 'spec', 'automountServiceAccountToken'],
      mark('{{ .Values.kubernetes.enabled }}'),
    );
    // Settings and files are read at the start, so that a change of them has to start new pods.
    setAt(
      object,
      ['spec', 'template', 'metadata', 'annotations', 'checksum/configuration'],
      mark('{{ printf "%s%s" (toJson .Values.settings) (toJson .Values.files) | sha256sum }}'),
    );
  }
  let made = objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n');
  for (const [key, expression] of marks) made = made.replaceAll(key, () => expression);
  if (template.file.endsWith('prometheus-rule.yaml')) made = escaped(made);
  const open = template.only === undefined ? '' : `{{- if .Values.${template.only.name} }}\n`;
  return `${head}${open}${made}${template.only === undefined ? '' : '{{- end }}\n'}`;
}

/** Alerts have templates of their own, which Helm is to leave alone. */
function escaped(text: string): string {
  return text.replaceAll(/\{\{ (\$[^}]*) \}\}/g, (whole) => `{{ ${JSON.stringify(whole)} }}`);
}

function record(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new Error('not an object');
  return value;
}

function has(object: unknown, at: readonly string[]): boolean {
  return at.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), object) !== undefined;
}

function getAt(object: unknown, at: readonly (string | number)[]): unknown {
  const found = at.reduce<unknown>((inner, key) => child(inner, key), object);
  if (found === undefined) throw new Error(`nothing at ${at.join('.')}`);
  return found;
}

function setAt(object: Record<string, unknown>, at: readonly (string | number)[], value: unknown): void {
  const keys = at.slice(0, -1);
  let inner: unknown = object;
  for (const key of keys) {
    if (child(inner, key) === undefined && isRecord(inner)) record(inner)[key] = {};
    inner = child(inner, key);
  }
  record(inner)[String(at.at(-1))] = value;
}

function child(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isRecord(value) ? value[key] : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(prometheusRuleFile, prometheusRule());
  const folder = path.join(root, 'k8s/chart');
  rmSync(folder, { recursive: true, force: true });
  for (const [file, text] of chartFiles()) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
}
