/**
 * Flags of Node for a process that serves: short pauses rather than a small heap
 * (docs/decisions.md, "A young space of 8 MB"). The least sizes of young and old space are set too,
 * or a server that rests comes back to small ones and collects the old space within a second.
 */
const HEAP_FLAGS = [
  '--min-semi-space-size=8',
  '--max-semi-space-size=8',
  '--initial-old-space-size=64',
  '--no-memory-reducer',
];

/**
 * On one core V8 has the fewest threads that Node allows, one: four would take the core from the
 * server while they collect.
 * @param {number} cores that the process may use
 */
export function serveFlags(cores) {
  return cores > 1 ? HEAP_FLAGS : [...HEAP_FLAGS, '--v8-pool-size=0'];
}
