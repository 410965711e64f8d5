/**
 * Preloaded with --expose-gc: SIGUSR2 collects all garbage and gives free pages back, so that memory in use can be told from
 * memory that V8 has not yet seen a reason to collect.
 */
process.on('SIGUSR2', () => globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }));
