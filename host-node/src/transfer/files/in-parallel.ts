/** Work on many files: what the system does for each takes longer than what is done here. */

/** Files at once: the system has four threads for them. */
const AT_ONCE = 8;

/**
 * Rejects with the first error, when all that had begun have ended; none begins after an error.
 */
export async function inParallel<T>(
  all: Iterable<T>,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const rest = [...all].values();
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    for (const one of rest) {
      if (failure) return;
      try {
        await work(one);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failure) throw failure.error;
}
