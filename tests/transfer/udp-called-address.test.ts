/** Endpoints at all addresses of a machine: callers hear from the address that they called. */
import { createSocket } from 'node:dgram';
import { PathField } from '@andvari/host-common/engine/generated/transfer';
import type { Datagram, PacketPlaces } from '@andvari/host-common/transfer/datagram-transport';
import { readFarEnd } from '@andvari/host-common/transfer/far-end';
import { farEndOf } from '@andvari/host-node/transfer/socket-address';
import { UdpTransport } from '@andvari/host-node/transfer/udp-transport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { identity, meet, read, UdpPlace, udpBackends, write } from './udp-place.ts';

const BYTES = 300_000;
const SOON = { timeout: 60_000, interval: 5 };
const place = new UdpPlace();
afterEach(() => place.close());

const at = (host: string, backend: 'mmsg' | 'portable' = 'mmsg') =>
  new UdpTransport({ host, port: 0 }, { backend });

describe.skipIf(!udpBackends.includes('mmsg'))('by mmsg', () => {
  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
  ])('at %s, called from %s at any address of the machine', async (host, from) => {
    const [one, two] = [at(from), at(host)];
    const [caller, called] = [await place.endpoint(1, one), await place.endpoint(2, two)];
    for (const to of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      const far = farEndOf({ host: to, port: two.bound.port });
      const [ours, theirs] = await meet(caller, called, far);
      const all = [read(theirs), read(ours), write(ours, BYTES), write(theirs, BYTES)];
      const [there, back] = await Promise.all(all);
      expect([there, back]).toEqual(Array(2).fill({ bytes: BYTES, wrong: 0 }));
      void ours.close();
      await theirs.closed;
    }
  });

  it('a session goes on when its caller calls another address, and that one answers', async () => {
    const [one, two] = [at('127.0.0.1'), at('0.0.0.0')];
    const [caller, called] = [await place.endpoint(1, one), await place.endpoint(2, two)];
    const far = (host: string) => farEndOf({ host, port: two.bound.port });
    const [ours, theirs] = await meet(caller, called, far('127.0.0.2'));
    const moved: Uint8Array[] = [];
    ours.events = { migrated: (farEnd) => moved.push(farEnd) };
    expect(ours.migrate(far('127.0.0.3'))).toBe(true);
    await vi.waitFor(() => expect(moved).toEqual([far('127.0.0.3')]), SOON);
    const [got] = await Promise.all([read(theirs), write(ours, BYTES)]);
    expect(got).toEqual({ bytes: BYTES, wrong: 0 });
    expect(moved).toHaveLength(1);
  });

  it('a session outlives that more addresses were called than are remembered', async () => {
    const [one, two] = [at('127.0.0.1'), at('0.0.0.0')];
    const [caller, called] = [await place.endpoint(1, one), await place.endpoint(2, two)];
    const { port } = two.bound;
    const [ours, theirs] = await meet(caller, called, farEndOf({ host: '127.0.0.2', port }));
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    const stray = createSocket('udp4');
    const before = two.received;
    for (let i = 0; i < 300; i++) {
      const host = `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`;
      await new Promise((resolve) => stray.send(new Uint8Array(60), port, host, resolve));
    }
    await vi.waitFor(() => expect(two.received - before).toBeGreaterThanOrEqual(300), SOON);
    stray.close();
    expect(await theirs.ping()).toBeGreaterThanOrEqual(0);
    const [got] = await Promise.all([read(ours), write(theirs, BYTES)]);
    expect(got).toEqual({ bytes: BYTES, wrong: 0 });
    expect([ours.isOpen, theirs.isOpen]).toEqual([true, true]);
  });

  it('tells the application places, not what they called', async () => {
    const asked: Uint8Array[] = [];
    const [one, two] = [at('127.0.0.1'), at('0.0.0.0')];
    const caller = await place.endpoint(1, one);
    const trust = ({ farEnd }: { farEnd: Uint8Array }) => asked.push(farEnd) > 0;
    const called = await place.endpoint(2, two, { trust });
    const port = two.bound.port;
    await meet(caller, called, farEndOf({ host: '127.0.0.2', port }));
    expect(asked).toEqual([farEndOf(one.bound)]);
    expect(readFarEnd(asked[0] as Uint8Array).port).toBe(one.bound.port);
    // A number that is left over from elsewhere says nothing.
    const numbered = farEndOf({ host: '127.0.0.3', port }).with(PathField.LOCAL, 7);
    const [ours] = await meet(caller, called, numbered);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
  });

  it('a session that the called side has lost is reset from the called address', async () => {
    const [one, two] = [new Interrupted(at('0.0.0.0')), at('0.0.0.0')];
    const caller = await place.endpoint(1, one, { resets: true });
    const called = await place.endpoint(2, two, { resets: true, idleMs: 300 });
    const far = farEndOf({ host: '127.0.0.2', port: two.bound.port });
    const [ours, theirs] = await meet(caller, called, far);
    await ours.ping(); // tokens have come by now
    await new Promise((resolve) => setTimeout(resolve, 60)); // and acks
    one.isOff = true;
    expect((await theirs.closed).byPeer).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    one.isOff = false;
    ours.ping().catch(() => {});
    expect(await ours.closed).toMatchObject({ byPeer: true, reset: true });
  });
});

describe('by node:dgram', () => {
  it('at 0.0.0.0 a caller hears from another address, and takes it for somebody else', async () => {
    const [one, two] = [at('127.0.0.1', 'portable'), at('0.0.0.0', 'portable')];
    const [caller, called] = [await place.endpoint(1, one), await place.endpoint(2, two)];
    const far = (host: string) => farEndOf({ host, port: two.bound.port });
    const signal = AbortSignal.timeout(600);
    const calling = caller.connect(identity(2).peerId, far('127.0.0.2'), { signal });
    await expect(calling).rejects.toThrow();
    const [ours] = await meet(caller, called, far('127.0.0.1'));
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
  });

  it('at the address that is called it does not', async () => {
    const [one, two] = [at('127.0.0.1', 'portable'), at('127.0.0.2', 'portable')];
    const [caller, called] = [await place.endpoint(1, one), await place.endpoint(2, two)];
    const [ours] = await meet(caller, called, farEndOf(two.bound));
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
  });
});

/** A transport by which nothing comes or goes while it is off. */
class Interrupted {
  isOff = false;
  sendPlaced?: (count: number) => boolean;
  private readonly inner: UdpTransport;

  constructor(inner: UdpTransport) {
    this.inner = inner;
  }
  get maxDatagramBytes(): number {
    return this.inner.maxDatagramBytes;
  }
  async open(sink: (datagrams: readonly Datagram[]) => void, places?: PacketPlaces): Promise<void> {
    await this.inner.open((datagrams) => this.isOff || sink(datagrams), places);
    const { sendPlaced } = this.inner;
    if (sendPlaced) this.sendPlaced = (count) => this.isOff || sendPlaced(count);
  }
  send(datagrams: readonly Datagram[]): void {
    if (!this.isOff) this.inner.send(datagrams);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}
