/** The served routes as shown to an operator: contains no header, query, argument, variable or key. */
import type { Config } from '../config/model.ts';
import { shownTarget } from '../config/shown.ts';

export function shownRoutes({ routes, unusable = [] }: Config): object {
  return {
    routes: routes.map(({ name, namespace, path, hosts, upstreams }) => ({
      name,
      namespace,
      path,
      hosts,
      upstreams: upstreams.map(({ id, name: written, transport, era, timeoutMs }) => ({
        id,
        name: written,
        transport: transport.kind,
        target: shownTarget(transport),
        era,
        timeoutMs,
      })),
    })),
    unusable: unusable.map(({ name }) => name),
  };
}
