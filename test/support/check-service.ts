/** A service that decides about requests over gRPC, as those behind Envoy do. */
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import { closedAtTheEnd } from './started.ts';

/** Of a request: what Envoy says of it. */
export interface Checked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Where it is shown bodies. */
  readonly body?: string;
}

interface Asked {
  readonly attributes: { readonly request: { readonly http: Checked } };
}

const proto = fileURLToPath(new URL('../transport/authorization/envoy-check.proto', import.meta.url));

/** `decide` gives the headers to add, or nothing for a refusal. Gives the URL of the service. */
export async function startCheckService(
  decide: (request: Checked) => Readonly<Record<string, string>> | undefined,
): Promise<string> {
  const services = loadSync(proto, { keepCase: true, longs: Number, enums: String, oneofs: true });
  const server = new Server();
  server.addService(services['envoy.service.auth.v3.Authorization'] as ServiceDefinition, {
    Check: ({ request }: ServerUnaryCall<Asked, object>, done: sendUnaryData<object>) => {
      const added = decide(request.attributes.request.http);
      const headers = Object.entries(added ?? {}).map(([key, value]) => ({ header: { key, value } }));
      done(null, added === undefined ? { status: { code: 7 } } : { status: { code: 0 }, ok_response: { headers } });
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (fault, bound) =>
      fault === null ? resolve(bound) : reject(fault),
    ),
  );
  closedAtTheEnd(async () => server.forceShutdown());
  return `http://127.0.0.1:${port}`;
}
