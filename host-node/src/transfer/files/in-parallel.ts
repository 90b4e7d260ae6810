/** Work on many files: what the system does for each takes longer than what is done here. */

/** Files at once: the system has four threads for them. */
const AT_ONCE = 8;

/** Rejects with the first error, when all have ended. */
export async function inParallel<T>(
  all: Iterable<T>,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const rest = [...all].values();
  const worker = async () => {
    for (const one of rest) await work(one);
  };
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
