/**
 * A peer without a place for a stream acks no frame of it, its end neither. With epochs as short as
 * a rekey may make them that must not keep the session in one of them, where data would wait.
 */
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { expect, it } from 'vitest';
import { PERFECT } from '../simulation/network.ts';
import { next } from './endpoint-world.ts';
import { VirtualWorld } from './virtual-world.ts';

const DELAY_US = 200_000;
const HANDSHAKE_US = 10_000_000;
const EPOCH_S = 2;
/** Those that find a place at the peer, and those that do not. */
const TAKEN = 7;
const REFUSED = 6;
const BEAT_US = 500_000;
const BEATS = 60;
/** Some losses, each seen by the ack of what went behind: at 400 ms. A rekey is in it. */
const GAP_US = 4_000_000;

/** A stream that is read, beside others of which some find no place and are given up. */
class Crowd {
  readonly world = new VirtualWorld(1);
  session: TransferSession | undefined;
  rekeys = 0;
  received = 0;
  /** The longest time in which nothing came. */
  gapUs = 0;
  private lastUs = 0;
  private main: WritableStreamDefaultWriter<Uint8Array> | undefined;

  async open(): Promise<void> {
    const { world } = this;
    for (const host of [1, 2]) world.network.setLink(host, { ...PERFECT, delayUs: DELAY_US });
    const caller = await world.endpoint(1, { rekeySeconds: EPOCH_S, places: { sessions: 2 } });
    const called = await world.endpoint(2, { places: { sessions: 1, streams: TAKEN + 1 } });
    const calling = caller.connect(world.identity(2).peerId, world.address(2));
    const coming = next(called.incoming);
    await world.run(HANDSHAKE_US, Promise.all([calling, coming]));
    this.session = await calling;
    this.session.events = { rekeyed: () => this.rekeys++ };
    this.main = await this.stream(10);
    const opened = next((await coming).incoming);
    await world.run(HANDSHAKE_US, opened);
    void this.read((await opened).readable as ReadableStream<Uint8Array>);
  }

  /** A stream of ours on which so many bytes have been given to the engine. */
  private async stream(bytes: number): Promise<WritableStreamDefaultWriter<Uint8Array>> {
    const opening = (this.session as TransferSession).openStream({ bidi: false });
    if (!(await this.world.run(HANDSHAKE_US, opening))) throw new Error('no stream');
    const writer = (await opening).writable?.getWriter() as typeof this.main;
    if (!writer) throw new Error('nothing to write to');
    writer.write(new Uint8Array(bytes)).catch(() => {});
    return writer;
  }

  private async read(readable: ReadableStream<Uint8Array>): Promise<void> {
    for await (const bytes of readable) {
      this.received += bytes.length;
      const now = this.world.clock.nowUs;
      if (this.lastUs) this.gapUs = Math.max(this.gapUs, now - this.lastUs);
      this.lastUs = now;
    }
  }

  async refuse(): Promise<void> {
    const streams = [];
    for (let i = 0; i < TAKEN + REFUSED; i++) streams.push(await this.stream(100));
    await this.world.run(2 * DELAY_US);
    for (const writer of streams.slice(TAKEN)) void writer.abort().catch(() => {});
    await this.world.run(2 * DELAY_US);
  }

  /** Writes something now and then. */
  async beat(): Promise<number> {
    this.lastUs = this.world.clock.nowUs;
    const before = this.received;
    for (let i = 0; i < BEATS; i++) {
      this.main?.write(new Uint8Array(1000)).catch(() => {});
      await this.world.run(BEAT_US);
    }
    this.gapUs = Math.max(this.gapUs, this.world.clock.nowUs - this.lastUs);
    return this.received - before;
  }
}

it('data go on though ends of streams are refused, while epochs last 2 s', async () => {
  const crowd = new Crowd();
  await crowd.open();
  await crowd.refuse();
  expect(crowd.session?.rekey()).toBe(true);
  expect(await crowd.beat()).toBeGreaterThan((BEATS - 4) * 1000);
  expect(crowd.gapUs).toBeLessThan(GAP_US);
  expect(crowd.rekeys).toBeGreaterThan(8);
});

it('that they do not would be seen', async () => {
  const crowd = new Crowd();
  await crowd.open();
  await crowd.refuse();
  const { clock, network } = crowd.world;
  clock.at(clock.nowUs + 1_000_000, () => network.cut(1, 2, true));
  clock.at(clock.nowUs + 9_000_000, () => network.cut(1, 2, false));
  await crowd.beat();
  expect(crowd.gapUs).toBeGreaterThan(GAP_US);
});
