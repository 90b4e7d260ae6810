/**
 * One wallet, one tab: a Web Lock held from unlock to lock. Two tabs that each saved their own
 * idea of the wallet would overwrite each other's coins. The browser drops the lock by itself
 * when the tab, or the worker in it, ends.
 */

/** A worker that was just ended gives its lock back a moment later; a second tab never does. */
const WAIT_MS = 1_500;

export class TabLockError extends Error {
  override readonly name = 'TabLockError';
  readonly code = 'ANDVARI_WALLET_IN_USE';
}

/** Take the lock called `name` and give the function that releases it. Throws TabLockError. */
export async function takeTabLock(name: string): Promise<() => void> {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: taken, resolve: answer, reject } = Promise.withResolvers<void>();
  navigator.locks
    .request(name, { signal: AbortSignal.timeout(WAIT_MS) }, () => {
      answer();
      return held;
    })
    .catch(reject);
  try {
    await taken;
  } catch (cause) {
    throw new TabLockError(
      'This wallet is open in another tab. Lock or close it there, then try again.',
      { cause },
    );
  }
  return release;
}
