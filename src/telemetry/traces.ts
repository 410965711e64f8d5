/**
 * Where traces are made, if they are: `tracing` is undefined unless the standard variables of OpenTelemetry ask for them, and nothing
 * of them is loaded then. The names of spans and attributes are those of the semantic conventions for MCP.
 */
import type { Tracing } from './noted.ts';

/** A live binding: one comparison on the way of a request. */
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

/** Loads what traces need, if the environment asks for them. Throws what the exporter throws for a wrong setting. */
export async function startTracing(env: Variables, version: string): Promise<void> {
  if (!wantsTraces(env) || tracing !== undefined) return;
  const { openTracing } = await import('./spans.ts');
  tracing = openTracing(version);
}

/** For a process that ends: the last spans leave. */
export async function stopTracing(): Promise<void> {
  const ended = tracing;
  tracing = undefined;
  await ended?.close();
}
