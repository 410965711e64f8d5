/** Preloaded with --expose-gc: SIGUSR2 collects all garbage, so that memory in use can be told from memory not yet collected. */
process.on('SIGUSR2', () => globalThis.gc?.());
