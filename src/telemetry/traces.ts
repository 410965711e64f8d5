/**
 * `tracing` is undefined unless the standard variables of OpenTelemetry ask for traces; only then the SDK is loaded. The names of
 * spans and attributes are those of the semantic conventions for MCP.
 */
import { catalogue, GatewayError } from '../errors.ts';
import type { Carried, Tracing } from './noted.ts';

/** A live binding: costs one comparison per request. */
export let tracing: Tracing | undefined;

type Variables = Readonly<Record<string, string | undefined>>;

/** Whether the environment asks for traces (OpenTelemetry, "Environment Variable Specification"). */
function wantsTraces(env: Variables): boolean {
  if (env['OTEL_SDK_DISABLED'] === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER'] ?? '';
  if (exporter !== '') return exporter !== 'none';
  return [env['OTEL_EXPORTER_OTLP_ENDPOINT'], env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']].some(
    (endpoint) => endpoint !== undefined && endpoint !== '',
  );
}

/** Loads the tracing code if the environment asks for it. Throws the exporter's error for an invalid setting. */
export async function startTracing(env: Variables, version: string): Promise<void> {
  if (!wantsTraces(env) || tracing !== undefined) return;
  const { openTracing } = await import('./spans.ts');
  tracing = openTracing(version);
}

/** For a process that ends: sends the last spans. */
export async function stopTracing(): Promise<void> {
  const ended = tracing;
  tracing = undefined;
  await ended?.close();
}

/**
 * Does `work`, a request of the gateway's own, as a span below the request of the caller that needs it, where there is one. `carried`
 * is what the upstream is told. Gives and throws what `work` does.
 */
export async function traced<T>(
  { caller, method, upstream }: { readonly caller: object; readonly method: string; readonly upstream: string },
  work: (carried: Carried | undefined) => Promise<T>,
): Promise<T> {
  const part = tracing?.of(caller)?.part(method, upstream);
  if (part === undefined) return await work(undefined);
  try {
    const result = await work(part.carried);
    part.end('ok');
    return result;
  } catch (fault) {
    const code = fault instanceof GatewayError ? fault.code : 'internal';
    part.end(code, catalogue[code].message);
    throw fault;
  }
}
