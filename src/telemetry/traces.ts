/**
 * `tracing` is undefined unless the standard variables of OpenTelemetry ask for traces; only then the SDK is loaded. The names of
 * spans and attributes are those of the semantic conventions for MCP.
 */
import type { Tracing } from './noted.ts';

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
