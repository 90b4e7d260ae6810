// What an engine may not say: descriptors that name frames, peers or bytes that they cannot have
// are refused in C, counted, and neither send nor damage anything.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Flag, FRAME_BYTES, LARGE_FRAME_BYTES } from './generated/border.ts';
import { loadNative, type PacketSocket, TURN_BITS_SHIFT, TurnBits } from './index.ts';
import { type DescriptorFields, RingEngine } from './testing/ring-engine.ts';
import { UdpClient } from './testing/udp-client.ts';

const native = loadNative();
const U32 = 2 ** 32;
const LARGE_FRAMES = 8;

type Lie = (request: DescriptorFields, engine: RingEngine) => Partial<DescriptorFields>;

describe.skipIf('missing' in native)('a port', () => {
  let engine: RingEngine;
  let socket: PacketSocket;
  let client: UdpClient;

  beforeEach(async () => {
    if ('missing' in native) return;
    engine = new RingEngine({ ringEntries: 128, frameCount: 100, peers: 100 });
    socket = native.openMmsg({ ...engine.port, host: '127.0.0.1', port: 0 });
    client = await UdpClient.open(socket);
  });
  afterEach(() => {
    socket.close();
    client.close();
  });

  const bits = (turned: number) => turned >>> TURN_BITS_SHIFT;

  /** A request as the engine sees it. */
  async function receive(text = 'request'): Promise<DescriptorFields> {
    await client.send(text);
    expect(engine.turn(socket) & 0xffff).toBe(1);
    const request = engine.take();
    if (!request) throw new Error('nothing in the ring');
    expect(engine.textAt(request)).toBe(text);
    return request;
  }

  /** All frames and peers are there, each once, and replies reach whom they are for. */
  async function expectWhole(frames = 100): Promise<void> {
    const before = client.received.length;
    for (let i = 0; i < frames; i++) await client.send(`whole ${i}`);
    let requests: DescriptorFields[] = [];
    while (engine.turn(socket) !== 0) requests = [...requests, ...engine.takeAll()];
    const got = requests.map(({ frame }) => frame).sort((a, b) => a - b);
    expect(got).toEqual(
      Array.from({ length: frames }, (_, i) => engine.port.frames + i * FRAME_BYTES),
    );
    expect(new Set(requests.map(({ peer }) => peer)).size).toBe(frames);
    for (const request of requests) engine.echo(request);
    engine.turn(socket);
    const replies = (await client.wait(before + frames)).slice(before).map(String);
    expect(replies.sort()).toEqual(Array.from({ length: frames }, (_, i) => `whole ${i}`).sort());
  }

  it('tells sender, arrival and place, and sends the reply to whoever asked', async () => {
    const request = await receive();
    expect(request).toMatchObject({
      length: 7,
      flags: Flag.DATAGRAM | Flag.LOCAL,
      address: 0x7f000001,
      arrivalUs: 1_700_000_000_000_000,
    });
    expect(request.offset).toBe(request.frame);
    engine.echo(request);
    expect(engine.turn(socket)).toBe(0);
    expect(String((await client.wait(1))[0])).toBe('request');
    await expectWhole();
  });

  const frameLies: Record<string, Lie> = {
    'a frame behind the last': (_, { port }) => ({ frame: port.frames + 100 * FRAME_BYTES }),
    'a frame before the first': (_, { port }) => ({ frame: port.frames - FRAME_BYTES }),
    'a frame at no multiple of 4096': ({ frame }) => ({ frame: frame + 64 }),
    'a frame outside the memory': () => ({ frame: U32 - FRAME_BYTES }),
    'a frame that the kernel or the pool has': ({ frame }, { port }) => ({
      frame: frame === port.frames ? frame + FRAME_BYTES : port.frames,
    }),
  };
  const placeLies: Record<string, Lie> = {
    'an offset before the frame': ({ frame }) => ({ offset: frame - 1 }),
    'an offset behind the frame': ({ frame }) => ({ offset: frame + FRAME_BYTES, length: 1 }),
    'a length beyond the frame': ({ length }) => ({ length: FRAME_BYTES + length }),
    'a length that wraps': () => ({ length: U32 - 1 }),
    'a length that wraps to the frame': ({ offset }) => ({ offset: U32 - 16, length: offset }),
    'an offset outside the memory': () => ({ offset: U32 - 8 }),
    'an offset before the replies': (_, { port }) => ({ offset: port.replyLow - 1 }),
    'a length beyond the replies': (_, { port }) => ({ offset: port.replyEnd - 6 }),
    'offset 0': () => ({ offset: 0 }),
  };
  const peerLies: Record<string, Lie> = {
    'a peer that was never taken': ({ peer }) => ({ peer: peer ^ 1 }),
    'a peer that does not exist': ({ peer }) => ({ peer: (peer | 0x3ffff) >>> 0 }),
    'a peer from another time': ({ peer }) => ({ peer: (peer + (1 << 18)) >>> 0 }),
  };

  for (const [name, lie] of Object.entries({ ...frameLies, ...placeLies, ...peerLies })) {
    for (const ring of ['ready', 'held'] as const) {
      it(`refuses ${name} (${ring})`, async () => {
        const request = await receive();
        const { frame, offset, length, peer } = request;
        engine.put(engine.port[ring], {
          ...{ frame, offset, length, peer },
          ...lie(request, engine),
        });
        const changed = engine.bytes.slice();
        expect(engine.turn(socket)).toBe(0);
        expect(socket.counters()).toMatchObject({ refused: 1, sent: 0 });
        // Nothing but the ring's tail has changed.
        const tail = engine.port[ring] + 64;
        expect(engine.bytes[tail]).toBe(1);
        engine.bytes[tail] = 0;
        expect(Buffer.compare(engine.bytes, changed)).toBe(0);
        engine.bytes[tail] = 1;
        if (name in frameLies) engine.giveFrame(request);
        if (name in peerLies) engine.put(engine.port.ready, { peer, flags: Flag.SILENT });
        engine.turn(socket);
        await expectWhole();
        expect(client.received.map(String)).not.toContain('request');
      });
    }
  }

  it('takes no frame back that the engine does not have', async () => {
    const { frame, peer } = await receive();
    const { port } = engine;
    let lies = 0;
    for (let other = port.frames; other < port.frames + 100 * FRAME_BYTES; other += FRAME_BYTES) {
      if (other === frame) continue;
      engine.put(port.ready, { frame: other });
      lies++;
    }
    engine.turn(socket);
    expect(socket.counters().refused).toBe(lies);
    engine.put(port.ready, { frame });
    engine.put(port.ready, { frame });
    engine.turn(socket);
    expect(socket.counters().refused).toBe(lies + 1);
    engine.put(port.ready, { peer, flags: Flag.SILENT });
    engine.turn(socket);
    await expectWhole();
  });

  it('answers a peer once', async () => {
    const request = await receive();
    const { port } = engine;
    engine.put(port.ready, request);
    engine.put(port.ready, { ...engine.keep(Buffer.from('again')), peer: request.peer });
    engine.turn(socket);
    expect(socket.counters()).toMatchObject({ refused: 1, sent: 1 });
    // Whoever has the peer next does not get what was meant for the one before.
    const other = await receive('other');
    expect(other.peer & 0x3ffff).toBe(request.peer & 0x3ffff);
    engine.put(port.ready, { ...engine.keep(Buffer.from('late')), peer: request.peer });
    engine.echo(other);
    engine.turn(socket);
    expect(socket.counters()).toMatchObject({ refused: 2, sent: 2 });
    expect((await client.wait(2)).map(String)).toEqual(['request', 'other']);
    await expectWhole();
  });

  it('reads nothing of a ring whose head is further ahead than the ring is long', async () => {
    const request = await receive();
    const { ready } = engine.port;
    engine.put(ready, request);
    for (const head of [129, 200, U32 - 1]) {
      engine.setHead(ready, head);
      engine.turn(socket);
    }
    expect(socket.counters()).toMatchObject({ refused: 3, sent: 0 });
    engine.setHead(ready, 1);
    engine.turn(socket);
    expect(String((await client.wait(1))[0])).toBe('request');
    await expectWhole();
  });

  it('receives nothing while the receive ring looks full', async () => {
    await client.send('request');
    engine.setHead(engine.port.rx, 128);
    expect(engine.turn(socket)).toBe(0);
    engine.setHead(engine.port.rx, U32 - 5);
    expect(engine.turn(socket)).toBe(0);
    engine.setHead(engine.port.rx, 0);
    expect(engine.turn(socket)).toBe(1);
    expect(engine.textAt(engine.take() as DescriptorFields)).toBe('request');
  });

  it('leaves to the host what is not of its requests, and goes on behind it', async () => {
    const request = await receive();
    const { ready } = engine.port;
    engine.put(ready, { peer: 7, offset: engine.port.replyLow, length: 3 });
    engine.put(ready, { frame: engine.largeFrames[0] ?? 0 });
    engine.echo(request);
    for (const left of [3, 2]) {
      expect(bits(engine.turn(socket))).toBe(TurnBits.READY);
      expect(engine.used(ready)).toBe(left);
      engine.take(ready);
    }
    expect(engine.turn(socket)).toBe(0);
    await client.wait(1);
    expect(socket.counters().refused).toBe(0);
  });

  it('holds replies back until they are committed', async () => {
    const [first, second] = [await receive('first'), await receive('second')];
    const { held } = engine.port;
    engine.put(held, { ...first, position: 10 });
    engine.put(held, { ...second, position: 20 });
    for (const [committed, left] of [
      [9, 2],
      [10, 1],
      [19, 1],
      [20, 0],
    ] as const) {
      engine.commit(committed);
      engine.turn(socket);
      expect(engine.used(held)).toBe(left);
    }
    expect((await client.wait(2)).map(String)).toEqual(['first', 'second']);
  });

  it('takes a frame back before its reply, and sends what is kept elsewhere', async () => {
    const request = await receive();
    engine.giveFrame(request);
    engine.turn(socket);
    const reply = engine.keep(Buffer.from('kept'));
    engine.put(engine.port.ready, { ...reply, peer: request.peer });
    engine.put(engine.port.ready, { ...engine.keep(Buffer.from('nobody')), peer: 0x80000000 });
    engine.turn(socket);
    expect(String((await client.wait(1))[0])).toBe('kept');
    expect(socket.counters()).toMatchObject({ sent: 1, refused: 1 });
    await expectWhole();
  });

  it('tells which reply frames have been sent, at most 64 at a time', async () => {
    const requests: DescriptorFields[] = [];
    for (let i = 0; i < 100; i++) requests.push(await receive());
    for (const { frame, peer } of requests) {
      const reply = engine.keep(Buffer.from('x'));
      engine.put(engine.port.ready, { frame, peer, flags: Flag.REPLY_FRAME, ...reply });
    }
    const released: number[] = [];
    for (const count of [64, 36]) {
      expect(bits(engine.turn(socket))).toBe(TurnBits.RELEASES);
      const list = socket.releases();
      expect(list.length).toBe(count);
      released.push(...list);
    }
    expect(socket.releases().length).toBe(0);
    expect(released.every((offset) => offset >= engine.port.replyLow)).toBe(true);
    await client.wait(100);
    await expectWhole();
  });

  it('counts requests that end in silence', async () => {
    const { frame, peer } = await receive();
    engine.put(engine.port.ready, { frame, peer, flags: Flag.SILENT });
    expect(engine.turn(socket)).toBe(0);
    expect(socket.counters()).toMatchObject({ silent: 1, sent: 0, refused: 0 });
    await expectWhole();
  });

  describe('with a datagram longer than a frame', () => {
    const long = Buffer.alloc(50_000, 'long');
    let place: number;

    beforeEach(async () => {
      place = engine.largeFrames[0] ?? 0;
      await client.send(long);
      expect(bits(engine.turn(socket))).toBe(TurnBits.LARGE);
      expect(engine.used(engine.port.rx)).toBe(0);
    });

    it('hands it over where the host says, and answers from there', async () => {
      const { peer, ...rest } = socket.large(place) ?? { peer: 0 };
      expect(rest).toEqual({ length: 50_000, flags: Flag.LOCAL, address: 0x7f000001 });
      expect(Buffer.compare(engine.bytes.subarray(place, place + 50_000), long)).toBe(0);
      expect(socket.large(place)).toBeUndefined();
      expect(socket.sendTo(peer, place + 1, 49_999)).toBe(true);
      expect(socket.sendTo(peer, place, 1)).toBe(false);
      expect(engine.turn(socket)).toBe(0);
      expect(Buffer.compare((await client.wait(1))[0] as Buffer, long.subarray(1))).toBe(0);
      expect(socket.counters()).toMatchObject({ received: 1, sent: 1, refused: 1 });
      await expectWhole();
    });

    const stride = LARGE_FRAME_BYTES;
    it.each<[string, (port: RingEngine['port']) => number]>([
      ['a byte behind the start', ({ largeFrames }) => largeFrames + 1],
      ['a cache line behind the start', ({ largeFrames }) => largeFrames + 64],
      ['a byte before the second', ({ largeFrames }) => largeFrames + stride - 1],
      ['before the first', ({ largeFrames }) => largeFrames - stride],
      ['behind the last', ({ largeFrames }) => largeFrames + LARGE_FRAMES * stride],
      ['the rings', ({ rx }) => rx],
      ['what the store has committed', ({ committed }) => committed],
      ['the key of hashes', ({ hashKey }) => hashKey],
      ['the replies', ({ replyLow }) => replyLow],
      ['frames of the kernel', ({ frames }) => frames],
      ['the end of the memory', ({ memory }) => memory.buffer.byteLength - stride],
      ['outside the memory', ({ memory }) => memory.buffer.byteLength - stride + 1],
      ['where it wraps', () => U32 - 1],
    ])('writes to no place but its large frames: %s', async (_, placeOf) => {
      const before = engine.bytes.slice();
      expect(() => socket.large(placeOf(engine.port))).toThrow(RangeError);
      expect(Buffer.compare(engine.bytes, before)).toBe(0);
      expect(socket.counters()).toMatchObject({ received: 0, dropped: 0, refused: 1 });
      // It still waits, and goes to the last one.
      const last = engine.largeFrames.at(-1) ?? 0;
      const { peer, length } = socket.large(last) ?? { peer: 0, length: 0 };
      expect(socket.sendTo(peer, last, length)).toBe(true);
      engine.turn(socket);
      expect(Buffer.compare((await client.wait(1))[0] as Buffer, long)).toBe(0);
      await expectWhole();
    });

    it('drops it at 0', () => {
      expect(socket.large(0)).toBeUndefined();
      expect(socket.counters()).toMatchObject({ dropped: 1, refused: 0 });
      expect(engine.turn(socket)).toBe(0);
    });

    it.each<[string, number, number]>([
      ['before its place', -1, 10],
      ['behind its place', LARGE_FRAME_BYTES - 5, 10],
      ['wrapping', 16, U32 - 8],
    ])('refuses a reply %s', async (_, offset, length) => {
      const { peer = 0 } = socket.large(place) ?? {};
      expect(socket.sendTo(peer, place + offset, length)).toBe(false);
      expect(socket.counters()).toMatchObject({ refused: 1, sent: 0 });
      await expectWhole();
    });

    it('is answered by sendTo() alone', async () => {
      const waiting = (0x80000000 | (1 << 18)) >>> 0;
      // Not while it waits in the inbox, whoever guesses its peer, nor afterwards by a descriptor.
      for (let index = 0; index < 100; index++) {
        engine.put(engine.port.ready, { ...engine.keep(long), peer: waiting + index });
        engine.turn(socket);
        expect(socket.sendTo(waiting + index, place, 10)).toBe(false);
      }
      const { peer = 0 } = socket.large(place) ?? {};
      engine.put(engine.port.ready, { ...engine.keep(long), peer });
      engine.turn(socket);
      expect(socket.counters()).toMatchObject({ refused: 201, sent: 0 });
      expect(socket.sendTo(peer, place, 0)).toBe(true);
      expect(socket.counters().silent).toBe(1);
      await expectWhole();
    });
  });
});
