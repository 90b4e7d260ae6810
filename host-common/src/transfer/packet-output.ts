/** Batches of the engine's packets on their way to a transport. */
import type { Datagram, DatagramTransport, PacketPlaces } from './datagram-transport.ts';
import type { EngineTransfer } from './engine-transfer.ts';

/** Batches sent in one turn: then others have theirs. */
const BATCHES_MAX = 64;
/** Before it is looked again whether a transport that is blocked has sent what it has. */
const BLOCKED_US = 10_000;

export class PacketOutput {
  private readonly transfer: EngineTransfer;
  private readonly transport: DatagramTransport;
  private blocked = false;

  constructor(transfer: EngineTransfer, transport: DatagramTransport) {
    this.transfer = transfer;
    this.transport = transport;
  }

  /** The last batch has not gone yet, and lies where the engine would write the next. */
  get isBlocked(): boolean {
    return this.blocked;
  }

  /** For the transport. `resume`: there may be packets to send that had to wait. */
  places(resume: () => void): PacketPlaces {
    const drained = () => {
      this.blocked = false;
      resume();
    };
    return { ...this.transfer.places, drained };
  }

  /**
   * Sends what may go, and calls `after` each batch, an empty one too: what is asked of the host (a
   * key, before anything may go) is asked there.
   */
  run(after: () => void): void {
    for (let batches = 0; batches < BATCHES_MAX && !this.blocked; batches++) {
      const count = this.transfer.send();
      if (count) this.send(count);
      after();
      if (count === 0) break;
    }
  }

  /** When to look again, of what the engine wants at `wakeUs`: a blocked one has no use for it. */
  wakeUs(wakeUs: number, nowUs: number): number {
    return this.blocked ? Math.max(wakeUs, nowUs + BLOCKED_US) : wakeUs;
  }

  private send(count: number): void {
    const { transfer, transport } = this;
    if (transport.sendPlaced) {
      this.blocked = !transport.sendPlaced(count);
      return;
    }
    const datagrams: Datagram[] = [];
    for (let i = 0; i < count; i++) {
      const { bytes, path } = transfer.sent(i);
      datagrams.push({ bytes, farEnd: path });
    }
    transport.send(datagrams);
  }
}
