/** Lets several wait for the next time that something may have changed. */
export class WakeSignal {
  private promise: Promise<void> | undefined;
  private resolve: (() => void) | undefined;

  /** Resolves at the next raise(). */
  wait(): Promise<void> {
    this.promise ??= new Promise((resolve) => {
      this.resolve = resolve;
    });
    return this.promise;
  }

  raise(): void {
    this.resolve?.();
    this.promise = undefined;
    this.resolve = undefined;
  }
}
