/**
 * Endpoints over transports that work in their engines' memory: packets lie still until the
 * transport has sent them, and those that came are taken from where they were laid.
 */
import { TransferBlock, TransferPacket } from '@andvari/host-common/engine/generated/transfer';
import type {
  Datagram,
  DatagramTransport,
  PacketPlaces,
} from '@andvari/host-common/transfer/datagram-transport';
import { afterEach, expect, it } from 'vitest';
import { hostAt, MemoryNetwork } from './memory-network.ts';
import { meet, read, UdpPlace, write } from './udp-place.ts';

const STRIDE = 9000;

/** Every `period`th batch waits for `delayMs`, as if the kernel had no room. */
class PlacedTransport implements DatagramTransport {
  readonly maxDatagramBytes = 1472;
  blocked = 0;
  /** Calls while a batch waited, and bytes that changed meanwhile. */
  early = 0;
  changed = 0;
  placed = 0;
  /** Packets that the engine was shown elsewhere than where they had been laid. */
  moved = 0;
  private readonly inner: DatagramTransport;
  private readonly delayMs: number;
  private readonly period: number;
  private places: PacketPlaces | undefined;
  private batches = 0;
  private isBlocked = false;

  constructor(inner: DatagramTransport, period: number, delayMs: number) {
    this.inner = inner;
    this.period = period;
    this.delayMs = delayMs;
  }

  async open(sink: (datagrams: readonly Datagram[]) => void, places?: PacketPlaces): Promise<void> {
    if (!places) throw new Error('no places');
    this.places = places;
    const memory = new Uint8Array(places.memory.buffer);
    await this.inner.open((datagrams) => {
      const laid = datagrams.map(({ bytes, farEnd }, i) => {
        const at = places.incoming + i * STRIDE;
        memory.set(bytes, at);
        return { bytes: memory.subarray(at, at + bytes.length), farEnd };
      });
      this.placed += laid.length;
      sink(laid);
      const table = places.sent - TransferBlock.SENT + TransferBlock.RECEIVED;
      const offset = new DataView(memory.buffer).getUint32(table + TransferPacket.BYTES, true);
      if (laid.length > 1 && (offset - places.incoming) % STRIDE) this.moved++;
      memory.fill(0xa5, places.incoming, places.incoming + places.incomingBytes);
    });
  }

  send(datagrams: readonly Datagram[]): void {
    this.inner.send(datagrams);
  }

  sendPlaced(count: number): boolean {
    if (this.isBlocked) this.early++;
    const datagrams = this.table(count);
    if (++this.batches % this.period) {
      this.inner.send(datagrams);
      return true;
    }
    this.blocked++;
    this.isBlocked = true;
    const before = datagrams.map(({ bytes, farEnd }) => Buffer.concat([bytes, farEnd]));
    setTimeout(() => {
      datagrams.forEach(({ bytes, farEnd }, i) => {
        if (!before[i]?.equals(Buffer.concat([bytes, farEnd]))) this.changed++;
      });
      this.inner.send(datagrams);
      this.isBlocked = false;
      this.places?.drained();
    }, this.delayMs);
    return false;
  }

  close(): Promise<void> | void {
    return this.inner.close();
  }

  private table(count: number): Datagram[] {
    const { memory, sent } = this.places as PacketPlaces;
    const words = new DataView(memory.buffer);
    return Array.from({ length: count }, (_, i) => {
      const entry = sent + i * TransferPacket.BYTES;
      const view = (offset: number, length: number) =>
        new Uint8Array(memory.buffer, offset, length);
      const offset = words.getUint32(entry + TransferPacket.OFFSET, true);
      const length = words.getUint32(entry + TransferPacket.LENGTH, true);
      return { bytes: view(offset, length), farEnd: view(entry + TransferPacket.PATH, 24) };
    });
  }
}

const place = new UdpPlace();
afterEach(() => place.close());

it.each([
  { period: 1, delayMs: 2 },
  { period: 3, delayMs: 0 },
  { period: 20, delayMs: 60 },
  { period: Number.POSITIVE_INFINITY, delayMs: 0 },
])('every batch of $period waits $delayMs ms, and lies still', async ({ period, delayMs }) => {
  const network = new MemoryNetwork();
  const [one, two] = [1, 2].map(
    (name) => new PlacedTransport(network.at(hostAt(name)), period, delayMs),
  );
  if (!one || !two) throw new Error('two transports');
  const [caller, called] = [await place.endpoint(1, one), await place.endpoint(2, two)];
  const [ours, theirs] = await meet(caller, called, hostAt(2));
  const bytes = 2_000_000;
  const [got] = await Promise.all([read(theirs), write(ours, bytes)]);
  expect(got).toEqual({ bytes, wrong: 0 });
  expect(Math.sign(one.blocked)).toBe(Number.isFinite(period) ? 1 : 0);
  expect([one.early, one.changed, two.early, two.changed]).toEqual([0, 0, 0, 0]);
  expect(two.placed).toBeGreaterThan(bytes / 1472);
  // But for a batch in which a message of the handshake was repeated, as on a busy machine.
  expect(two.moved).toBeLessThan(3);
});
