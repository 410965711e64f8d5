/** Writes the settings of an upstream without a field in MCPRoute as this gateway's annotation. */
import type { NameSelector, UpstreamConfig } from '../model.ts';
import { durationText } from './duration.ts';

/** Undefined if all settings have their defaults. */
export function settingsText(
  upstream: UpstreamConfig,
  {
    defaultTimeoutMs,
    isAcknowledged,
    grant,
  }: { readonly defaultTimeoutMs: number; readonly isAcknowledged: boolean; readonly grant: object | undefined },
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
    ...(grant !== undefined && { grant }),
    ...(upstream.isPublic === true && { public: true }),
  };
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function time(name: string, ms: number | undefined): object {
  if (ms === undefined) return {};
  return { [name]: ms === 0 ? '0s' : durationText(ms) };
}

function selectorText({ include, exclude, includePatterns, excludePatterns }: NameSelector): object {
  return {
    ...(include !== undefined && { include: [...include] }),
    ...(includePatterns !== undefined && { includeRegex: includePatterns }),
    ...(exclude.size > 0 && { exclude: [...exclude] }),
    ...(excludePatterns !== undefined && { excludeRegex: excludePatterns }),
  };
}
