/** Settings of an upstream that an MCPRoute has no field for → the annotation of ours. */
import type { NameSelector, UpstreamConfig } from '../model.ts';

/** Undefined when all is as it is by default. */
export function settingsText(
  upstream: UpstreamConfig,
  { defaultTimeoutMs, isAcknowledged }: { readonly defaultTimeoutMs: number; readonly isAcknowledged: boolean },
): object | undefined {
  const { limits = {}, prompts, resources, overrides } = upstream;
  const { retries, breaker, concurrency } = limits;
  const timeouts = {
    ...time('connect', limits.connectTimeoutMs),
    ...time('firstByte', limits.firstByteTimeoutMs),
    ...(upstream.timeoutMs !== defaultTimeoutMs && time('silence', upstream.timeoutMs)),
    ...time('call', limits.callTimeoutMs),
  };
  const settings = {
    ...(Object.keys(timeouts).length > 0 && { timeouts }),
    ...(retries !== undefined && {
      retries: {
        attempts: retries.attempts,
        ...time('baseDelay', retries.baseDelayMs),
        ...time('maxDelay', retries.maxDelayMs),
      },
    }),
    ...(breaker !== undefined && {
      breaker: breaker === 'off' ? breaker : { failures: breaker.failures, ...time('open', breaker.openMs) },
    }),
    ...(concurrency !== undefined && { concurrency }),
    ...(upstream.era !== 'auto' && { era: upstream.era }),
    ...(upstream.onSessionLoss !== 'reinitialize' && { onSessionLoss: upstream.onSessionLoss }),
    ...(isAcknowledged && { acknowledgeTokenPassthrough: true }),
    ...(upstream.passedAudience !== undefined && { passthroughAudience: upstream.passedAudience }),
    ...(prompts !== undefined && { promptSelector: selectorText(prompts) }),
    ...(resources !== undefined && { resourceSelector: selectorText(resources) }),
    ...(overrides !== undefined && {
      tools: Object.fromEntries(
        Array.from(overrides, ([tool, { arguments: changed, ...rest }]) => [
          tool,
          { ...rest, ...(changed !== undefined && { arguments: Object.fromEntries(changed) }) },
        ]),
      ),
    }),
  };
  return Object.keys(settings).length === 0 ? undefined : settings;
}

/* At most five digits before a unit (GEP-2257). */
function time(name: string, ms: number | undefined): object {
  if (ms === undefined) return {};
  const rest = ms % 1_000;
  const seconds = Math.floor(ms / 1_000);
  return { [name]: rest === 0 ? `${seconds}s` : seconds === 0 ? `${rest}ms` : `${seconds}s${rest}ms` };
}

function selectorText({ include, exclude, includePatterns, excludePatterns }: NameSelector): object {
  return {
    ...(include !== undefined && { include: [...include] }),
    ...(includePatterns !== undefined && { includeRegex: includePatterns }),
    ...(exclude.size > 0 && { exclude: [...exclude] }),
    ...(excludePatterns !== undefined && { excludeRegex: excludePatterns }),
  };
}
