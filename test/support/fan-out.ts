/** In the place of a DNS name that gives the addresses of all replicas: tells each of them what comes, as `--peers` would. */
import { buffer } from 'node:stream/consumers';
import { listen } from './listener.ts';
import { closedAtTheEnd } from './started.ts';

export interface FanOut {
  /** For `--peers`: `HOST:PORT`. */
  readonly name: string;
  /** The endpoints of the replicas, once they are there. */
  readonly to: string[];
}

/** Starts it on a free port. */
export async function startFanOut(): Promise<FanOut> {
  const to: string[] = [];
  const listener = await listen((request, response) => {
    const { 'content-type': type = '', 'manifold-signature': signature = '' } = request.headers;
    const headers = { 'content-type': type, 'manifold-signature': String(signature) };
    const path = request.url ?? '/';
    buffer(request)
      .then((body) => Promise.all(to.map((url) => fetch(new URL(path, url), { method: 'POST', headers, body }))))
      .then(
        (answers) => response.writeHead(Math.max(...answers.map(({ status }) => status))).end(),
        () => response.destroy(),
      );
  });
  closedAtTheEnd(() => listener.stop());
  return { name: `127.0.0.1:${listener.port}`, to };
}
