/** Scripted upstream lists for tests: pages by cursor, a record of what was asked, and a view onto them. */
import type { View } from '../../src/aggregate/catalogue.ts';
import type { Stated } from '../../src/aggregate/hints.ts';
import { emptyPage } from '../../src/aggregate/page.ts';
import type { Page } from '../../src/aggregate/page.ts';

export function aPage(
  names: readonly string[],
  nextCursor?: string,
  stated: Stated = { ttlMs: undefined, isPublic: false },
): Page {
  return {
    ...emptyPage,
    body: Buffer.from(names.map((name) => `{"name":"${name}"}`).join()),
    count: names.length,
    keys: names,
    nextCursor,
    stated,
  };
}

/** What an upstream answers to a list request, under `<upstream> <cursor>`; `-` stands for no cursor. */
export type Script = Record<string, Page | Error>;

export interface Scripted {
  /** What was asked, in order. */
  readonly asked: string[];
  readonly view: (more?: Partial<View> & { readonly ttlMs?: number }) => View;
}

export function scripted(script: Script): Scripted {
  const asked: string[] = [];
  const load: View['load'] = async (upstream, _kind, cursor) => {
    const name = `${upstream.id} ${cursor ?? '-'}`;
    asked.push(name);
    await Promise.resolve();
    const answer = script[name];
    if (answer === undefined) throw new Error(`nothing scripted for ${name}`);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return {
    asked,
    view: ({ principal = 'me', ttlMs = 100, ...more } = {}) => ({
      kind: 'tools',
      principal,
      audienceOf: () => principal,
      publicAudienceOf: () => 'everyone',
      nowMs: 1000,
      ttlMsOf: () => ttlMs,
      load,
      ...more,
    }),
  };
}
