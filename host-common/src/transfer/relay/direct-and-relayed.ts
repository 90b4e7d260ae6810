/**
 * Datagrams of an endpoint both ways at once: directly, as by UDP, and through a relay. The far end
 * says which: that of a peer at a relay has the relay's number as its handle (far-end.ts). What
 * comes from either lies in memory of its own: each could write over the other's in the engine's.
 */
import { checkMethods } from '../argument-checks.ts';
import type { Datagram, DatagramTransport } from '../datagram-transport.ts';
import { hasHandle } from '../far-end.ts';

export class DirectAndRelayed implements DatagramTransport {
  private readonly direct: DatagramTransport;
  private readonly relayed: DatagramTransport;

  /** @throws TypeError: one of them is none */
  constructor(direct: DatagramTransport, relayed: DatagramTransport) {
    checkMethods('direct', direct, ['open', 'send', 'close']);
    checkMethods('relayed', relayed, ['open', 'send', 'close']);
    this.direct = direct;
    this.relayed = relayed;
  }

  /** What both take: a session may move from one to the other. */
  get maxDatagramBytes(): number {
    return Math.min(this.direct.maxDatagramBytes, this.relayed.maxDatagramBytes);
  }

  /**
   * Nothing is handed over before both are open. From then on each is for itself: a relay that is
   * away ends nothing of what goes directly.
   * @throws what either says that cannot be opened; the other one is closed then
   */
  async open(sink: (datagrams: readonly Datagram[]) => void): Promise<void> {
    let isOpen = false;
    const take = (datagrams: readonly Datagram[]) => {
      if (isOpen) sink(datagrams);
    };
    await this.direct.open(take);
    try {
      await this.relayed.open(take);
    } catch (error) {
      await this.direct.close();
      throw error;
    }
    isOpen = true;
  }

  send(datagrams: readonly Datagram[]): void {
    const relayed = datagrams.filter(({ farEnd }) => hasHandle(farEnd));
    if (relayed.length < datagrams.length) {
      const isMixed = relayed.length > 0;
      this.direct.send(isMixed ? datagrams.filter((one) => !hasHandle(one.farEnd)) : datagrams);
    }
    if (relayed.length > 0) this.relayed.send(relayed);
  }

  /** Only one of them may look for packets of sessions before they come. */
  prefixChanged(place: number, prefix: number): void {
    this.direct.prefixChanged?.(place, prefix);
  }

  async close(): Promise<void> {
    await Promise.all([this.relayed.close(), this.direct.close()]);
  }
}
