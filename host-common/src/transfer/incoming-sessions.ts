/**
 * Sessions that peers began and the application has not taken yet: the queue behind
 * TransferEndpoint.incoming. A peer that calls, hangs up and calls again does not fill it: sessions
 * that are over, with nothing in them to read, give way to those that live.
 */
import type { TransferSession } from './transfer-session.ts';
import { WakeSignal } from './wake-signal.ts';

/**
 * Sessions that wait to be taken; further callers are refused. Of those that come in one turn of
 * the event loop, as a system hands over datagrams, any number waits that the engine has room for.
 */
export const INCOMING_MAX = 64;

export class IncomingSessions {
  readonly readable: ReadableStream<TransferSession>;
  private readonly arrived = new WakeSignal();
  private queue: TransferSession[] = [];
  /** Those that came in this turn of the event loop: nobody could have taken them yet. */
  private fresh = 0;
  private isOver = false;

  constructor() {
    this.readable = new ReadableStream<TransferSession>(
      {
        pull: (controller) => this.pull(controller),
        cancel: () => {
          this.isOver = true;
          for (const session of this.queue.splice(0)) void session.close();
          this.arrived.raise();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Whether one more can wait. */
  get hasRoom(): boolean {
    if (this.untaken >= INCOMING_MAX) {
      this.queue = this.queue.filter(({ isOpen, streamsWaiting }) => isOpen || streamsWaiting > 0);
    }
    return !this.isOver && this.untaken < INCOMING_MAX;
  }

  private get untaken(): number {
    return this.queue.length - this.fresh;
  }

  add(session: TransferSession): void {
    this.queue.push(session);
    this.fresh++;
    if (this.fresh === 1) {
      queueMicrotask(() => {
        this.fresh = 0;
      });
    }
    this.arrived.raise();
  }

  /** No more will come, and those that wait are over. */
  end(): void {
    this.isOver = true;
    this.arrived.raise();
  }

  private async pull(controller: ReadableStreamDefaultController<TransferSession>): Promise<void> {
    for (;;) {
      const session = this.queue.shift();
      if (session) return controller.enqueue(session);
      if (this.isOver) {
        // Cancelled meanwhile: it is closed already.
        if (controller.desiredSize !== null) controller.close();
        return;
      }
      await this.arrived.wait();
    }
  }
}
