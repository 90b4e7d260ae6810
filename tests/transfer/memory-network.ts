/** Datagrams between endpoints of one process: by address, late if wished, lost if wished. */
import type { Datagram, DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import { writeFarEnd } from '@andvari/host-common/transfer/far-end';

/** Largest UDP payload over Ethernet and IPv4. */
const DATAGRAM_BYTES = 1472;
/** Datagrams of one batch for a sink. */
const BATCH = 64;

export function hostAt(number: number, port = 8420): Uint8Array {
  const address = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, number);
  return writeFarEnd({ address, port, handle: 0 });
}

export class MemoryNetwork {
  /** The largest datagram; what is longer is lost. */
  datagramBytes = DATAGRAM_BYTES;
  delayMs = 0;
  /** True: this datagram, on its way to a far end, is lost. */
  loses: (datagram: Uint8Array, to: Uint8Array) => boolean = () => false;
  sent = 0;
  private readonly sinks = new Map<string, (datagrams: readonly Datagram[]) => void>();
  private readonly waiting = new Map<string, Datagram[]>();

  /** A transport for a host at an address. */
  at(address: Uint8Array): DatagramTransport {
    const name = address.join();
    return {
      maxDatagramBytes: this.datagramBytes,
      open: (sink) => void this.sinks.set(name, sink),
      send: (datagrams) => {
        for (const { bytes, farEnd } of datagrams) {
          this.sent++;
          if (bytes.length <= this.datagramBytes && !this.loses(bytes, farEnd))
            this.carry(farEnd.join(), { bytes: bytes.slice(), farEnd: address });
        }
      },
      close: () => void this.sinks.delete(name),
    };
  }

  private carry(to: string, datagram: Datagram): void {
    const queue = this.waiting.get(to) ?? [];
    this.waiting.set(to, queue);
    queue.push(datagram);
    if (queue.length > 1) return;
    setTimeout(() => this.deliver(to), this.delayMs);
  }

  private deliver(to: string): void {
    const queue = this.waiting.get(to) ?? [];
    this.waiting.delete(to);
    for (let at = 0; at < queue.length; at += BATCH) {
      this.sinks.get(to)?.(queue.slice(at, at + BATCH));
    }
  }
}
