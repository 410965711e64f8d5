/**
 * Parses YAML text, with one or many documents, and records the position of each field. Variables are replaced here, because only
 * files have them: objects of a cluster are passed on unchanged.
 */
import type { Document, Node, Pair } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { Findings } from '../findings.ts';
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { maxConfigChars } from '../limits.ts';
import type { Environment } from '../variables.ts';
import { expand } from '../variables.ts';
import { kinds } from './object-shapes.ts';

/** One Kubernetes object, from a file or a cluster. */
export interface SourceDocument {
  /** As parsed JSON. */
  readonly value: unknown;
  /** Identifies the document in messages, such as a file. */
  readonly source: string;
  /** `file:line:column` of a field, or of the nearest one around it; `source` or undefined if there is no text. */
  place(path: JsonPath): string | undefined;
  /** Whether the value at a path is an unquoted variable, which may stand for a number. */
  isBare(path: JsonPath): boolean;
}

/** An object that was not read from text. */
export function documentOf(value: unknown, source: string, place: string | undefined = source): SourceDocument {
  return { value, source, place: () => place, isBare: () => false };
}

/** A text with more aliases than this would try to fill the memory. */
const maxAliases = 100;

/** Faults go to `findings`; a text that is not YAML has no documents. Empty documents are skipped. */
export function documentsOf(text: string, source: string, env: Environment, findings: Findings): SourceDocument[] {
  if (text.length > maxConfigChars) {
    findings.fault([], `longer than ${maxConfigChars} characters`, 'Is it the right file?', source);
    return [];
  }
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    logLevel: 'silent',
  });
  const documents: SourceDocument[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    for (const error of document.errors)
      findings.fault(
        [],
        yamlProblem(error.code),
        'Mend the YAML; indentation is by spaces',
        at(source, lines, error.pos[0]),
      );
    if (document.errors.length > 0) continue;
    const bare = new Set<string>();
    expandScalars(document, env, bare, findings, (offset) => at(source, lines, offset));
    const value = valueOf(document, findings, source);
    if (value === null || value === undefined) continue;
    const read = {
      source,
      place: (path: JsonPath) => at(source, lines, offsetOf(document, path)),
      isBare: (path: JsonPath) => bare.has(JSON.stringify(path)),
    };
    const items = listItems(value);
    if (items === undefined) documents.push({ value, ...read });
    else
      for (const [i, item] of items.entries())
        documents.push({
          value: item,
          source,
          place: (path) => read.place(['items', i, ...path]),
          isBare: (path) => read.isBare(['items', i, ...path]),
        });
  }
  return documents;
}

function valueOf(document: Document, findings: Findings, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch {
    findings.fault([], 'more anchors and aliases than can be followed', 'Write the values out', source);
    return undefined;
  }
}

/* `kind: List`, as `kubectl get -o yaml` writes it. */
function listItems(value: unknown): readonly unknown[] | undefined {
  if (value === null || typeof value !== 'object' || !('kind' in value) || value.kind !== 'List') return undefined;
  return 'items' in value && Array.isArray(value.items) ? value.items : undefined;
}

/* The messages of the parser may quote the text, which may contain secrets. */
function yamlProblem(code: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'the key stands twice in its object';
    case 'BAD_ALIAS':
      return 'an alias without an anchor';
    case 'TAB_AS_INDENT':
      return 'a tab where only spaces may be';
    case 'BAD_INDENT':
      return 'not indented as what stands around it';
    case 'MISSING_CHAR':
      return 'a bracket, brace or quote that does not end';
    default:
      return 'not valid YAML';
  }
}

function at(source: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${source}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
}

/* The position of the last part of the path that exists: the key of a member, or the start of an entry. */
function offsetOf(document: Document, path: JsonPath): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? document.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
      node = node.items[step];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return node === null || typeof node !== 'object' ? undefined : ((node as Node).range?.[0] ?? undefined);
}

function expandScalars(
  document: Document,
  env: Environment,
  bare: Set<string>,
  findings: Findings,
  place: (offset: number) => string,
): void {
  visit(document, {
    Scalar(role, node, ancestors) {
      if (role === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const path = pathOf(ancestors, node);
      const isItem = path[0] === 'items' && document.get('kind') === 'List';
      const start = isItem ? 2 : 0;
      const kind = document.getIn([...path.slice(0, start), 'kind']);
      // Only kinds that are read are changed: a Deployment may contain `${…}` for a shell, an annotation a template.
      if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind) || path[start] === 'metadata') return;
      const expanded = expand(node.value, env);
      for (const { problem, remedy } of expanded.faults ?? [])
        findings.fault(path, problem, remedy, place(node.range?.[0] ?? 0));
      node.value = expanded.text ?? '';
      if (node.type === 'PLAIN') bare.add(JSON.stringify(path));
    },
  });
}

function pathOf(ancestors: readonly unknown[], node: unknown): JsonPath {
  const path: (string | number)[] = [];
  for (const [i, ancestor] of ancestors.entries()) {
    const next = ancestors[i + 1] ?? node;
    if (isSeq(ancestor)) path.push(ancestor.items.indexOf(next));
    if (isMap(ancestor)) {
      const { key } = next as Pair;
      path.push(isScalar(key) ? String(key.value) : String(key));
    }
  }
  return path;
}
