import type { MessageChannel } from '../channel.ts';

/** A channel whose network takes nothing until it is told to. */
export class StuckChannel implements MessageChannel {
  readonly transport = 'websocket';
  readonly remoteAddress = 'test';
  bufferedBytes = 0;
  paused = false;
  sent = 0;
  closedWith: number | undefined;

  send(message: Uint8Array): void {
    this.sent++;
    this.bufferedBytes += message.length;
  }

  known(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code: number): void {
    this.closedWith = code;
  }
}
