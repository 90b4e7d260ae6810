/** Endpoints on real sockets of this machine, by each way of datagrams that it has. */
import { createSocket } from 'node:dgram';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { farEndOf } from '@andvari/host-node/transfer/socket-address';
import { UdpTransport } from '@andvari/host-node/transfer/udp-transport';
import { afterEach, describe, expect, it } from 'vitest';
import { identity, meet, read, UdpPlace, udpBackends, write } from './udp-place.ts';

const here = { host: '127.0.0.1', port: 0 };
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(udpBackends)('endpoints by %s', (backend) => {
  const place = new UdpPlace();
  afterEach(() => place.close());

  const transport = () => new UdpTransport(here, { backend });

  async function pair() {
    const [one, two] = [transport(), transport()];
    const [caller, called] = [await place.endpoint(1, one), await place.endpoint(2, two)];
    const [ours, theirs] = await meet(caller, called, farEndOf(two.bound));
    return { one, two, caller, called, ours, theirs };
  }

  it('64 sessions on one socket, all at once', async () => {
    const [one, two] = [transport(), transport()];
    const sizes = { sessions: 64, blocks: 2048 };
    const caller = await place.endpoint(1, one, sizes);
    const called = await place.endpoint(2, two, sizes);
    const calls = [];
    for (let i = 0; i < 64; i++) calls.push(await meet(caller, called, farEndOf(two.bound)));
    expect(new Set(calls.map(([{ authenticationString }]) => authenticationString)).size).toBe(64);
    const results = await Promise.all(
      calls.map(async ([ours, theirs], i) => {
        const [got] = await Promise.all([read(theirs), write(ours, 20_000 + i)]);
        return got;
      }),
    );
    expect(results).toEqual(results.map((_, i) => ({ bytes: 20_000 + i, wrong: 0 })));
  });

  it('both ways at once', async () => {
    const { ours, theirs } = await pair();
    const bytes = 3_000_000;
    const results = await Promise.all([
      ...[read(theirs), read(ours)],
      ...[write(ours, bytes), write(theirs, bytes)],
    ]);
    expect(results.slice(0, 2)).toEqual(Array(2).fill({ bytes, wrong: 0 }));
  });

  it('a flood of noise from a stranger, while a stream goes on', async () => {
    const { two, ours, theirs } = await pair();
    const stranger = createSocket('udp4');
    const sizes = [0, 1, 51, 52, 200, 1252, 1472, 8973, 65_507];
    const noise = sizes.map((length) => Buffer.alloc(length, 0x5a));
    let isOver = false;
    const flooding = (async () => {
      for (let i = 0; !isOver; i++) {
        for (const bytes of noise) if (bytes.length) bytes[i % bytes.length] = i & 255;
        for (const bytes of noise) stranger.send(bytes, two.bound.port, two.bound.host);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const [got] = await Promise.all([read(theirs), write(ours, 3_000_000)]);
    isOver = true;
    await flooding;
    expect(got).toEqual({ bytes: 3_000_000, wrong: 0 });
    expect(theirs.isOpen).toBe(true);
    await new Promise<void>((resolve) => stranger.close(resolve));
  });

  it('endpoints close while they send; the other hears of it', async () => {
    const { caller, ours, theirs } = await pair();
    const both = Promise.allSettled([write(ours, 500_000_000), read(theirs)]);
    await later(100);
    await caller.close();
    const reason = expect.objectContaining({ code: 'ANDVARI_SESSION_CLOSED' });
    expect(await both).toEqual(Array(2).fill({ status: 'rejected', reason }));
    expect((await theirs.closed).byPeer).toBe(true);
  });

  it('who calls port 0 or nobody gets no session, and the endpoint goes on', async () => {
    const { caller, ours, two } = await pair();
    const gone = createSocket('udp4');
    await new Promise<void>((resolve) => gone.bind(0, here.host, resolve));
    const { port } = gone.address();
    await new Promise<void>((resolve) => gone.close(resolve));
    for (const nobody of [0, port]) {
      const signal = AbortSignal.timeout(100);
      const calling = caller.connect(identity(2).peerId, farEndOf({ ...here, port: nobody }), {
        signal,
      });
      await expect(calling).rejects.toThrow();
    }
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    expect(two.bound.port).toBeGreaterThan(0);
  });

  it('an address that is taken opens no endpoint, and a free one does', async () => {
    const { one } = await pair();
    const taken = new UdpTransport(one.bound, { backend });
    await expect(place.endpoint(3, taken)).rejects.toMatchObject({ code: 'ANDVARI_PORT_IN_USE' });
    expect(await place.endpoint(3, transport())).toBeInstanceOf(TransferEndpoint);
  });
});
