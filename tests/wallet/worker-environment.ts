/**
 * The environment of tests that drive a browser: Node's, and what is done when the worker ends.
 * Vitest loads it apart from the tests, so that the two meet in the global object.
 */
import type { Environment } from 'vitest/runtime';

type End = () => Promise<unknown>;

declare global {
  var andvariWorkerEnds: End[] | undefined;
}

/** @throws where the environment of a project is another one */
export function atWorkerEnd(end: End): void {
  if (!globalThis.andvariWorkerEnds) throw new Error('wanted the environment of this file');
  globalThis.andvariWorkerEnds.push(end);
}

export default {
  name: 'worker',
  viteEnvironment: 'ssr',
  setup(global) {
    global.andvariWorkerEnds = [];
    return {
      async teardown() {
        await Promise.all((global.andvariWorkerEnds as End[]).map((end) => end()));
      },
    };
  },
} satisfies Environment;
