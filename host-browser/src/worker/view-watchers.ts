/** Those who are told how something of the worker looks now, until they want to hear no more. */

/** Changes are gathered for this long: a call makes several. */
const GATHER_MS = 50;

export interface WatchedView<View> {
  view(): View;
  /** What passes without a change (an age, a rate) is told this often, milliseconds, */
  tickMs: number;
  /** as long as there is something that passes. */
  isMoving(): boolean;
}

export class ViewWatchers {
  readonly #watchers = new Set<() => void>();

  changed(): void {
    for (const changed of this.#watchers) changed();
  }

  /** Tells the view now and with each change; resolves when `signal` is aborted. */
  async watch<View>(
    { signal, progress }: { signal: AbortSignal; progress(view: View): void },
    { view, tickMs, isMoving }: WatchedView<View>,
  ): Promise<null> {
    if (signal.aborted) return null;
    let gathering: ReturnType<typeof setTimeout> | undefined;
    const tell = (): void => {
      gathering = undefined;
      progress(view());
    };
    const changed = (): void => {
      gathering ??= setTimeout(tell, GATHER_MS);
    };
    this.#watchers.add(changed);
    const tick = setInterval(() => {
      if (isMoving()) changed();
    }, tickMs);
    tell();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#watchers.delete(changed);
    clearInterval(tick);
    clearTimeout(gathering);
    return null;
  }
}
