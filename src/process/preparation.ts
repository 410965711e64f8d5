/** What a process waits for at its start before clients should come: the keys by which its routes judge access tokens. */
import { routeKey } from '../config/model.ts';
import type { Route } from '../route/route.ts';

export interface Preparation {
  /** In words; undefined: nothing, from now on. */
  waitsFor(): string | undefined;
  /** Resolves when it waits for nothing. */
  readonly prepared: Promise<void>;
}

/** `routes` are those of the start: one that comes later must not take a process that serves away from its clients. */
export function preparationOf(routes: readonly Pick<Route, 'config' | 'parts'>[]): Preparation {
  const open = new Set(routes);
  const all = routes.map(async (route) => {
    await route.parts.prepared;
    open.delete(route);
  });
  return {
    prepared: Promise.all(all).then(() => {}),
    waitsFor: () => {
      const [first] = open;
      return first && `the keys for the tokens of route ${routeKey(first.config)} have not come`;
    },
  };
}
