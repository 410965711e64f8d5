/**
 * Checks whether upstreams that are down are back, so that they join by themselves. A probe opens a session and ends it again;
 * clients open theirs at their next use.
 */
import { nobody } from '../http/caller.ts';
import { probeMs } from '../http/limits.ts';
import type { UpstreamAdapter } from './adapter.ts';
import { watcher, type SessionOpener } from './opener.ts';
import type { Upstream } from './upstream.ts';

/** Probes until `stop` is called. */
export function startProbing(
  upstreams: Iterable<Upstream>,
  opener: SessionOpener,
  adapter: UpstreamAdapter,
): { stop(): void } {
  // The transport must be known before a client comes back with a session.
  for (const upstream of upstreams) if (upstream.hasOther) void probe(upstream, opener, adapter);
  const timer = setInterval(() => {
    for (const upstream of upstreams) if (upstream.down) void probe(upstream, opener, adapter);
  }, probeMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

async function probe(upstream: Upstream, opener: SessionOpener, adapter: UpstreamAdapter): Promise<void> {
  try {
    const session = await opener.open(upstream, watcher, 'probe', nobody);
    await adapter.end({ session, caller: nobody });
  } catch {
    // Still down: the opener has counted and logged it.
  }
}
