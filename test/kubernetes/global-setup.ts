/** Starts the API server once and stops it at the end, unless `MANIFOLD_KUBECONFIG` names one that runs. */
import type { TestProject } from 'vitest/node';
import { startKube, stopKube, whyNot } from './kube.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of a kubeconfig with all rights; empty where there is no API server. */
    kubeconfig: string;
  }
}

export default function setup(project: TestProject): (() => void) | undefined {
  const given = process.env['MANIFOLD_KUBECONFIG'];
  if (given !== undefined) {
    project.provide('kubeconfig', given);
    return undefined;
  }
  const reason = whyNot();
  if (reason !== undefined) {
    process.stderr.write(`test:kubernetes skips all that needs an API server: ${reason}\n`);
    project.provide('kubeconfig', '');
    return undefined;
  }
  const kubeconfig = startKube();
  project.provide('kubeconfig', kubeconfig);
  return () => stopKube(kubeconfig);
}
