/** Reads the settings of one backend. */
import type { JsonPath } from '../mcp-servers/jsonc.ts';
import { defaultTimeoutMs, maxTimeoutMs, minTimeoutMs } from '../limits.ts';
import type { JsonValue, ToolOverride, UpstreamConfig, UpstreamLimits } from '../model.ts';
import type { RouteContext } from './context.ts';
import { fault } from './context.ts';
import { durationMs } from './duration.ts';
import { grantOf } from './security-settings.ts';
import { readSelector } from './selector.ts';
import type { BackendSettings } from './settings-shape.ts';

export type Tuned = Pick<
  UpstreamConfig,
  'timeoutMs' | 'era' | 'onSessionLoss' | 'prompts' | 'resources' | 'limits' | 'overrides' | 'grant' | 'isPublic'
>;

/** `path` is that of the settings; faults go to the context. */
export function tuned(context: RouteContext, path: JsonPath, settings: BackendSettings | undefined): Tuned {
  const { timeouts, promptSelector, resourceSelector, tools } = settings ?? {};
  const limits = limitsOf(context, path, settings ?? {});
  const overrides = overridesOf(context, [...path, 'tools'], tools ?? {});
  const grant = settings?.grant === undefined ? undefined : grantOf(context, [...path, 'grant'], settings.grant);
  return {
    timeoutMs: span(context, [...path, 'timeouts', 'silence'], timeouts?.silence) ?? defaultTimeoutMs,
    era: settings?.era ?? 'auto',
    onSessionLoss: settings?.onSessionLoss ?? 'reinitialize',
    ...(promptSelector !== undefined && {
      prompts: readSelector(context, [...path, 'promptSelector'], promptSelector),
    }),
    ...(resourceSelector !== undefined && {
      resources: readSelector(context, [...path, 'resourceSelector'], resourceSelector),
    }),
    ...(limits !== undefined && { limits }),
    ...(overrides.size > 0 && { overrides }),
    ...(grant !== undefined && { grant }),
    ...(settings?.public === true && { isPublic: true }),
  };
}

function limitsOf(context: RouteContext, path: JsonPath, settings: BackendSettings): UpstreamLimits | undefined {
  const { timeouts, retries, breaker, concurrency } = settings;
  const time = (name: 'connect' | 'firstByte' | 'call'): number | undefined =>
    span(context, [...path, 'timeouts', name], timeouts?.[name]);
  const connectTimeoutMs = time('connect');
  const firstByteTimeoutMs = time('firstByte');
  const callTimeoutMs = time('call');
  const limits: UpstreamLimits = {
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
    ...(firstByteTimeoutMs !== undefined && { firstByteTimeoutMs }),
    ...(callTimeoutMs !== undefined && { callTimeoutMs }),
    ...(retries !== undefined && {
      retries: {
        attempts: retries.attempts,
        baseDelayMs: durationMs(retries.baseDelay),
        maxDelayMs: durationMs(retries.maxDelay),
      },
    }),
    ...(breaker !== undefined && {
      breaker: breaker === 'off' ? breaker : { failures: breaker.failures, openMs: durationMs(breaker.open) },
    }),
    ...(concurrency !== undefined && { concurrency }),
  };
  if (retries !== undefined && durationMs(retries.baseDelay) > durationMs(retries.maxDelay))
    fault(context, [...path, 'retries'], 'baseDelay is longer than maxDelay', 'Swap the two');
  return Object.keys(limits).length === 0 ? undefined : Object.freeze(limits);
}

function span(context: RouteContext, path: JsonPath, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms < minTimeoutMs || ms > maxTimeoutMs)
    fault(context, path, `outside of ${minTimeoutMs}ms to 24h`, 'Give a time such as 500ms, 30s or 5m');
  return ms;
}

function overridesOf(
  context: RouteContext,
  path: JsonPath,
  written: NonNullable<BackendSettings['tools']>,
): ReadonlyMap<string, ToolOverride> {
  const names = new Map<string, string>();
  const overrides = new Map<string, ToolOverride>();
  for (const [tool, { rename, title, description, annotations, arguments: changed }] of Object.entries(written)) {
    const shown = rename ?? tool;
    if (names.has(shown))
      fault(context, [...path, tool], `two tools would be called ${JSON.stringify(shown)}`, 'Choose another name');
    names.set(shown, tool);
    overrides.set(tool, {
      ...(rename !== undefined && { rename }),
      ...(title !== undefined && { title }),
      ...(description !== undefined && { description }),
      ...(annotations !== undefined && { annotations: defined(annotations) }),
      ...(changed !== undefined && {
        arguments: new Map(
          Object.entries(changed).map(([name, { preset, hidden }]) => [
            name,
            { hidden, ...(preset !== undefined && { preset: preset as JsonValue }) },
          ]),
        ),
      }),
    });
  }
  return overrides;
}

function defined(
  of: Readonly<Record<string, boolean | string | undefined>>,
): Readonly<Record<string, boolean | string>> {
  return Object.fromEntries(Object.entries(of).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
