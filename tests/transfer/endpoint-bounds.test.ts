/** Peers that do their worst to the host of an endpoint: what they can fill is bounded. */
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import { WebTransportDatagrams } from '@andvari/host-common/transfer/web-transports';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern, pause, writeAll } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

/** Streams that one side may hold open. */
const STREAMS = 8;

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** Opens streams as fast as it can, and gives how many it could when `ms` have passed. */
async function openMany(session: TransferSession, end: (stream: TransferStream) => unknown) {
  let opened = 0;
  let isOver = false;
  const opening = (async () => {
    while (!isOver) {
      end(await session.openStream({ bidi: false, metadata: Uint8Array.of(opened & 255) }));
      opened++;
    }
  })();
  opening.catch(() => {});
  const settle = async () => {
    for (let before = -1; before !== opened; await pause(300)) before = opened;
    return opened;
  };
  const stop = () => {
    isOver = true;
  };
  return { settle, stop };
}

describe('a peer that opens and ends streams while nobody takes them', () => {
  it.each([
    ['ended', (stream: TransferStream) => void stream.writable?.close()],
    ['given up', (stream: TransferStream) => void stream.writable?.abort()],
  ])('%s: it comes to a stop, and all are there when they are taken', async (_, end) => {
    const [ours, theirs] = await world.pair({}, { maxStreams: STREAMS });
    const peer = await openMany(ours, end);
    const opened = await peer.settle();
    // Those that were told of, and those that the peer counts as open since nobody acked them.
    expect(opened).toBeLessThanOrEqual(3 * STREAMS);
    expect(opened).toBeGreaterThanOrEqual(2 * STREAMS);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    peer.stop();
    const reader = theirs.incoming.getReader();
    const names = new Set<number>();
    const all = Array.from({ length: opened }, (_, i) => i);
    while (!all.every((name) => names.has(name))) {
      const { value } = await reader.read();
      names.add(value?.metadata[0] ?? -1);
      await value?.readable?.cancel().catch(() => {});
    }
    expect(ours.isOpen && theirs.isOpen).toBe(true);
  });

  it('a reader that takes them keeps thousands going, and none lies in the host', async () => {
    const [ours, theirs] = await world.pair({}, { maxStreams: STREAMS });
    let taken = 0;
    const taking = (async () => {
      for await (const stream of theirs.incoming) {
        if ((await bytesOf(stream)).length > 0) throw new Error('a byte too many');
        if (++taken === 500) return;
      }
    })();
    for (let i = 0; i < 500; i++)
      await writeAll(await ours.openStream({ bidi: false }), pattern(0));
    await taking;
    expect(openOf(theirs)).toBeLessThanOrEqual(1);
  });

  it('other streams of the session go on at their speed', async () => {
    const [ours, theirs] = await world.pair({}, { maxStreams: 64 });
    const bulk = await ours.openStream({ bidi: false });
    const taken = await next(theirs.incoming);
    const peer = await openMany(ours, (stream) => void stream.writable?.close());
    await peer.settle();
    const writing = writeAll(bulk, pattern(4_000_000));
    expect((await bytesOf(taken)).length).toBe(4_000_000);
    await writing;
    peer.stop();
  });

  it('a session whose streams nobody wants refuses them', async () => {
    const [ours, theirs] = await world.pair({}, { maxStreams: STREAMS });
    await theirs.incoming.cancel();
    for (let i = 0; i < 4 * STREAMS; i++) {
      const stream = await ours.openStream();
      await stream.done.catch(() => {});
    }
    expect(theirs.isOpen).toBe(true);
  });
});

/** Streams that a session keeps. */
function openOf(session: TransferSession): number {
  const { streams } = session as unknown as { streams: Map<number, unknown> };
  return [...streams.values()].filter((stream) => stream instanceof TransferStream).length;
}

describe('sessions that nobody takes', () => {
  it('that are over give way to those that live, unless there is something in them', async () => {
    world.sessions = 100;
    const one = await world.endpoint(1);
    const two = await world.endpoint(2);
    const call = () => one.connect(world.identity(2).peerId, hostAt(2));
    const first = await call();
    await writeAll(await first.openStream({ bidi: false }), pattern(3));
    await pause(50);
    await first.close();
    for (let i = 0; i < 70; i++) {
      await (await call()).close();
      await pause(5);
    }
    const last = await call();
    const reader = two.incoming.getReader();
    const taken: TransferSession[] = [];
    while (!taken.at(-1)?.isOpen) {
      const { value } = await reader.read();
      if (value) taken.push(value);
    }
    expect(taken.length).toBeLessThanOrEqual(64);
    expect(taken.at(-1)?.authenticationString).toBe(last.authenticationString);
    expect(taken[0]?.authenticationString).toBe(first.authenticationString);
    const [kept] = taken;
    if (kept) expect(await bytesOf(await next(kept.incoming))).toEqual(pattern(3));
  });

  it('are refused once nobody wants any', async () => {
    const one = await world.endpoint(1);
    const two = await world.endpoint(2);
    const first = await one.connect(world.identity(2).peerId, hostAt(2));
    await two.incoming.cancel();
    expect((await first.closed).byPeer).toBe(true);
    const calling = one.connect(world.identity(2).peerId, hostAt(2));
    await expect(calling).rejects.toMatchObject({ code: 'ANDVARI_SESSION_CLOSED', error: 2 });
  });
});

it('datagrams that a browser does not send are lost, not kept', () => {
  const writable = new WritableStream<Uint8Array>({ write: () => new Promise(() => {}) });
  const session = { datagrams: { writable, readable: undefined, maxDatagramSize: 1200 } };
  const transport = new WebTransportDatagrams(session as unknown as WebTransport, hostAt(1));
  let copies = 0;
  const bytes = pattern(1200);
  bytes.slice = () => {
    copies++;
    return Uint8Array.from(bytes) as Uint8Array<ArrayBuffer>;
  };
  for (let i = 0; i < 10_000; i++) transport.send([{ bytes, farEnd: hostAt(1) }]);
  expect(copies).toBe(256);
});

describe('a PING', () => {
  it('that is lost goes again, and its answer too', async () => {
    const [ours] = await world.pair();
    await pause(100);
    let lost = 0;
    world.network.loses = () => lost++ < 3;
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    expect(lost).toBeGreaterThan(3);
  });

  it('that nobody answers ends with a code, and the next one is asked', async () => {
    const [ours] = await world.pair();
    await ours.ping();
    world.network.loses = () => true;
    const late = { code: 'ANDVARI_PING_TIMEOUT' };
    const asked = [ours.ping({ timeoutMs: 200 }), ours.ping({ timeoutMs: 50 })];
    await expect(asked[1]).rejects.toMatchObject(late);
    await expect(asked[0]).rejects.toMatchObject(late);
    world.network.loses = () => false;
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
  });

  it('asked for while another is under way is answered too', async () => {
    const [ours] = await world.pair();
    world.network.delayMs = 30;
    const trips: Promise<number>[] = [];
    for (let i = 0; i < 20; i++) {
      trips.push(ours.ping());
      await pause(7);
    }
    for (const trip of await Promise.all(trips)) expect(trip).toBeGreaterThanOrEqual(0);
  });

  it('is one of 1024 that wait; one more is told so, and goes when one has ended', async () => {
    const [ours] = await world.pair();
    world.network.loses = () => true;
    const tooMany = { name: 'TransferError', code: 'ANDVARI_TOO_MANY_PINGS' };
    const soon = expect(ours.ping({ timeoutMs: 500 })).rejects.toMatchObject({
      code: 'ANDVARI_PING_TIMEOUT',
    });
    const asked = Array.from({ length: 1023 }, () => ours.ping({ timeoutMs: 60_000 }));
    await expect(ours.ping()).rejects.toMatchObject(tooMany);
    await soon;
    const last = ours.ping({ timeoutMs: 60_000 });
    await expect(ours.ping()).rejects.toMatchObject(tooMany);
    world.network.loses = () => false;
    for (const trip of await Promise.all([...asked, last])) expect(trip).toBeGreaterThanOrEqual(0);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
  });

  it('ends with its session', async () => {
    const [ours] = await world.pair();
    world.network.loses = () => true;
    const asked = [ours.ping(), ours.ping()];
    const ends = asked.map((one) =>
      expect(one).rejects.toMatchObject({ code: 'ANDVARI_SESSION_CLOSED' }),
    );
    void ours.close();
    await Promise.all(ends);
  });
});

it('a stream that found no room in the engine is opened when there is some', async () => {
  world.sessions = 16;
  const [ours, theirs] = await world.pair({}, { maxStreams: 64 });
  // The pool of metadata is the first to be empty: 64 streams whose STREAM_OPEN nobody acks.
  world.network.loses = () => true;
  for (let i = 0; i < 64; i++) await ours.openStream({ bidi: false, metadata: pattern(10) });
  const opening = ours.openStream({ bidi: false, metadata: pattern(10), expedited: true });
  expect(await Promise.race([opening, pause(100)])).toBeUndefined();
  world.network.loses = () => false;
  expect((await opening).local).toBe(true);
  expect((await next(theirs.incoming)).metadata).toEqual(pattern(10));
});

it('streams of ours leave places to the peer, and wait for one of them to end', async () => {
  const [ours, theirs] = await world.pair({ maxStreams: 256 }, { maxStreams: 256 });
  const first = await ours.openStream({ bidi: false });
  let count = 1;
  let opening = ours.openStream({ bidi: false });
  for (; await Promise.race([opening, pause(200)]); count++) {
    opening = ours.openStream({ bidi: false });
  }
  expect(count).toBeGreaterThan(32);
  expect((await theirs.openStream({ bidi: false })).local).toBe(true);
  expect((await next(ours.incoming)).local).toBe(false);
  await first.writable?.close();
  expect((await opening).local).toBe(true);
});

describe('who waits to open a stream', () => {
  const tooMany = { name: 'TransferError', code: 'ANDVARI_TOO_MANY_OPENS' };

  it('is one of 1024; one more is told so, and waits when one has its stream', async () => {
    const [ours, theirs] = await world.pair({}, { maxStreams: 1 });
    const first = await ours.openStream({ bidi: false });
    const waiting = Array.from({ length: 1024 }, () => ours.openStream({ bidi: false }));
    await expect(ours.openStream({ bidi: false })).rejects.toMatchObject(tooMany);
    await writeAll(first, pattern(3));
    expect(await bytesOf(await next(theirs.incoming))).toEqual(pattern(3));
    expect((await waiting[0])?.local).toBe(true);
    waiting[0] = ours.openStream({ bidi: false });
    await expect(ours.openStream({ bidi: false })).rejects.toMatchObject(tooMany);
    const closed = { code: 'ANDVARI_SESSION_CLOSED' };
    const ends = waiting.map((one) => expect(one).rejects.toMatchObject(closed));
    await ours.close();
    await Promise.all(ends);
    await expect(ours.openStream()).rejects.toMatchObject(closed);
  });

  it('twin: who need not wait is no one more', async () => {
    const [ours, theirs] = await world.pair({}, { maxStreams: 1 });
    await ours.openStream({ bidi: false });
    const waiting = Array.from({ length: 1024 }, () => ours.openStream({ bidi: false }));
    for (const one of waiting) one.catch(() => {});
    // Expedited ones count apart.
    expect((await ours.openStream({ bidi: false, expedited: true })).expedited).toBe(true);
    await expect(ours.openStream({ expedited: true })).rejects.toMatchObject(tooMany);
    expect((await next(theirs.incoming)).local).toBe(false);
  });
});
