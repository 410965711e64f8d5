/** A `fetch` that sends each request to the next of several gateways in turn, as a balancer without affinity does. */

export interface Rotating {
  /** For the `fetch` option of a client's transport. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** Which gateway got each request until now, such as `POST 0`, in order of sending. */
  readonly turns: readonly string[];
}

/** `urls` of gateways with one path; the first request goes to the first. */
export function rotating(urls: readonly string[]): Rotating {
  const turns: string[] = [];
  return {
    turns,
    fetch: (url, init) => {
      const turn = turns.length % urls.length;
      turns.push(`${init?.method ?? 'GET'} ${turn}`);
      const { origin } = new URL(urls[turn] ?? url);
      const { pathname, search } = new URL(url);
      return fetch(`${origin}${pathname}${search}`, init);
    },
  };
}
