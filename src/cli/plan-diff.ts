/** Compares two configurations: what a reload would change, by name; never a value, which may be a secret. */
import { isDeepStrictEqual } from 'node:util';
import type { Config, RouteConfig, UpstreamConfig } from '../config/model.ts';
import { routeKey } from '../config/model.ts';

export interface Change {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly name: string;
  /** The changed fields of an item that both have. */
  readonly fields?: readonly string[];
  readonly upstreams?: readonly Change[];
}

/** Routes of the new configuration in its order, then the removed ones. Empty: nothing changes. */
export function changesOf(before: Config, after: Config): readonly Change[] {
  return compared(before.routes, after.routes, routeKey, (a, b, name) => {
    const fields = differing<RouteConfig>(a, b, ['upstreams']);
    const upstreams = compared(a.upstreams, b.upstreams, (one) => one.id, upstreamChange);
    const isReordered = upstreams.length === 0 && a.upstreams.some((one, i) => one.id !== b.upstreams[i]?.id);
    const told = isReordered ? [...fields, 'order of upstreams'] : fields;
    if (told.length === 0 && upstreams.length === 0) return undefined;
    return { kind: 'changed', name, fields: told, upstreams };
  });
}

function upstreamChange(a: UpstreamConfig, b: UpstreamConfig, name: string): Change | undefined {
  const fields = [
    ...differing<UpstreamConfig>(a, b, ['transport']),
    ...differing<UpstreamConfig['transport']>(a.transport, b.transport, []),
  ];
  return fields.length === 0 ? undefined : { kind: 'changed', name, fields };
}

function compared<T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (one: T) => string,
  change: (a: T, b: T, name: string) => Change | undefined,
): readonly Change[] {
  const old = new Map(before.map((one) => [nameOf(one), one]));
  const kept = new Set(after.map(nameOf));
  return [
    ...after.flatMap((one): readonly Change[] => {
      const name = nameOf(one);
      const earlier = old.get(name);
      if (earlier === undefined) return [{ kind: 'added', name }];
      const changed = change(earlier, one, name);
      return changed === undefined ? [] : [changed];
    }),
    ...[...old.keys()].filter((name) => !kept.has(name)).map((name): Change => ({ kind: 'removed', name })),
  ];
}

/* The names of the members that differ; within objects that both have, with the names around them: `security.oauth.issuer`. */
function differing<T extends object>(a: T, b: T, but: readonly string[]): readonly string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].flatMap((name) => {
    const [one, other]: readonly unknown[] = [Reflect.get(a, name), Reflect.get(b, name)];
    if (but.includes(name) || isDeepStrictEqual(one, other)) return [];
    return isPlain(one) && isPlain(other) ? differing(one, other, []).map((inner) => `${name}.${inner}`) : [name];
  });
}

function isPlain(value: unknown): value is object {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}

const marks = { added: '+', removed: '-', changed: '~' } as const;

export function diffText(changes: readonly Change[]): string {
  if (changes.length === 0) return 'no difference\n';
  const line = ({ kind, name, fields = [] }: Change, what: string): string =>
    `${marks[kind]} ${what} ${name}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}\n`;
  return changes
    .map((route) => line(route, 'route') + (route.upstreams ?? []).map((one) => `  ${line(one, 'upstream')}`).join(''))
    .join('');
}
