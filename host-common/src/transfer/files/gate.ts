/** Something that lets pass, or holds until it does. */
export class Gate {
  private closed: PromiseWithResolvers<void> | undefined;

  get isOpen(): boolean {
    return this.closed === undefined;
  }

  close(): void {
    this.closed ??= Promise.withResolvers<void>();
  }

  open(): void {
    this.closed?.resolve();
    this.closed = undefined;
  }

  /** Resolves when it is open. */
  async passed(): Promise<void> {
    while (this.closed) await this.closed.promise;
  }
}
