import { collectDefaultMetrics, Registry } from 'prom-client';

let shared: Registry | undefined;

/**
 * Memory, CPU, event loop and garbage collection of this process. There is one such registry
 * however many nodes the process holds: each collector keeps hooks in the runtime.
 */
export function processRegistry(): Registry {
  if (!shared) {
    shared = new Registry();
    collectDefaultMetrics({ register: shared });
  }
  return shared;
}
