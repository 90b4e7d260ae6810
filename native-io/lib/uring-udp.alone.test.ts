import { closeSync, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Flag } from './generated/border.ts';
import { loadNative, type NativeAddon, type PacketSocket } from './index.ts';
import { BurstClient } from './testing/burst-client.ts';
import { pinnedKiB } from './testing/process-holdings.ts';
import {
  type DescriptorFields,
  RingEngine,
  type RingEngineOptions,
} from './testing/ring-engine.ts';
import { packetSocketCompliance } from './testing/socket-compliance.ts';
import { URING_FRAMES_PER_BUFFER, type UringOptions } from './uring.ts';

const native = loadNative();
const why = 'missing' in native ? native.missing : native.probe().uring.why;
const addon = native as NativeAddon;
if (why !== '') console.warn(`the tests of io_uring are left out: ${why}`);

const long = process.env['ANDVARI_LONG'] === '1';
/** One at a time, and in bursts. */
const [SINGLE, MANY] = long ? [3000, 20_000] : [600, 4000];
/** Openings one after the other. */
const LIVES = long ? 100 : 30;
const BUFFERS = 64;
const FRAMES = { frameCount: BUFFERS * (URING_FRAMES_PER_BUFFER + 2) };
const SIZES = [
  1, 2, 63, 64, 1472, 1473, 4031, 4032, 4033, 4095, 4096, 4097, 20_000, 65_506, 65_507,
];

type Own = Partial<UringOptions>;

/** A socket, its engine and one client, all on this thread's event loop. */
class Place {
  readonly engine: RingEngine;
  readonly socket: PacketSocket;
  client!: BurstClient;

  constructor(own: Own = {}, sizes: RingEngineOptions = FRAMES) {
    this.engine = new RingEngine(sizes);
    this.socket = addon.openUring({ ...this.engine.port, host: '127.0.0.1', port: 0, ...own });
  }

  static async open(own: Own = {}, sizes: RingEngineOptions = FRAMES): Promise<Place> {
    const place = new Place(own, sizes);
    place.client = await BurstClient.open({
      host: own.host === '::' ? '::1' : place.socket.host,
      port: place.socket.port,
    });
    return place;
  }

  /** Echoes whatever comes, from now on. */
  echo(): void {
    this.socket.watch(() => this.engine.serve(this.socket));
  }

  /** Turns until `count` requests have come, and gives them. */
  async requests(count: number): Promise<DescriptorFields[]> {
    const all: DescriptorFields[] = [];
    while (all.length < count) {
      this.engine.turn(this.socket);
      all.push(...this.engine.takeAll());
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return all;
  }

  close(): void {
    this.socket.close();
    this.client?.close();
  }
}

let place: Place;
afterEach(() => place?.close());

describe.runIf(why === '').each<[string, Own]>([
  ['as it is', {}],
  ['with a thread of the kernel', { sqpoll: true }],
  ['polling', { busyPoll: 50 }],
  ['polling, with a thread of the kernel', { sqpoll: true, busyPoll: 50 }],
])('io_uring, %s', (_, own) => {
  packetSocketCompliance((options) => addon.openUring({ ...options, ...own }), {
    shared: own.sqpoll === true,
  });

  it.each(['127.0.0.1', '::1', '0.0.0.0', '::'])('answers on %s', async (host) => {
    place = await Place.open({ ...own, host });
    expect(place.socket.backend).toBe('io_uring');
    expect(place.socket.host).toBe(host);
    place.echo();
    expect(await place.client.ask(Buffer.from('hello'))).toEqual(Buffer.from('hello'));
  });

  it('takes datagrams of every size, whole', async () => {
    place = await Place.open(own);
    place.echo();
    for (const bytes of SIZES) {
      const request = Buffer.from(
        Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + bytes) & 255),
      );
      const reply = await place.client.ask(request);
      expect(reply.equals(request), `${bytes} bytes`).toBe(true);
    }
    expect(place.socket.counters()).toMatchObject({ dropped: 0, refused: 0 });
  });

  it('goes on after an empty datagram', async () => {
    place = await Place.open(own);
    place.echo();
    for (let i = 0; i < 5; i++) {
      place.client.send(Buffer.alloc(0));
      expect((await place.client.ask(Buffer.from([i])))[0]).toBe(i);
    }
    expect(place.socket.counters().silent).toBe(5);
  });

  it('loses no wake-up, one request at a time and in bursts', async () => {
    place = await Place.open(own);
    place.echo();
    expect((await place.client.burst(SINGLE, { window: 1 })).size).toBe(SINGLE);
    expect((await place.client.burst(MANY, { window: 200 })).size).toBe(MANY);
    expect((await place.client.burst(300, { window: 20, bytes: 9000 })).size).toBe(300);
    const received = SINGLE + MANY + 300;
    expect(place.socket.counters()).toMatchObject({ dropped: 0, refused: 0, received });
  });

  it('receives again when buffers have come back', async () => {
    place = await Place.open(own);
    const count = 3 * BUFFERS;
    for (let i = 0; i < count; i++) place.client.send(Buffer.from([i]));
    const first = await place.requests(BUFFERS);
    expect(place.engine.turn(place.socket)).toBe(0);
    const replies: number[] = [];
    place.client.onReply = (reply) => replies.push(reply[0] ?? -1);
    for (const request of first) place.engine.echo(request);
    place.echo();
    place.engine.serve(place.socket);
    await expect.poll(() => replies.length).toBe(count);
    expect(replies.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
  });
});

describe.runIf(why === '')('replies of io_uring', () => {
  beforeEach(async () => {
    place = await Place.open();
  });

  it('leave later than their frames, when the store has committed', async () => {
    const { engine, socket, client } = place;
    const count = 500; // more than there are frames to copy to, and buffers
    const replies: string[] = [];
    client.onReply = (reply) => replies.push(reply.toString());
    let held = 0;
    while (held < count) {
      for (let i = 0; i < 50; i++) client.send(Buffer.from([i]));
      for (const request of await place.requests(50)) {
        engine.giveFrame(request);
        const text = Buffer.from(`held reply ${held}`);
        const offset = engine.port.replyLow + 64 * held;
        engine.bytes.set(text, offset);
        const position = ++held;
        engine.put(engine.port.held, { offset, length: text.length, peer: request.peer, position });
      }
    }
    engine.turn(socket);
    expect(replies).toEqual([]);
    engine.commit(count / 2);
    engine.turn(socket);
    // The engine may write there again at once.
    engine.bytes.fill(0xee, engine.port.replyLow, engine.port.replyLow + 64 * (count / 2));
    await expect.poll(() => replies.length).toBe(count / 2);
    engine.commit(count);
    engine.turn(socket);
    engine.bytes.fill(0xee, engine.port.replyLow, engine.port.replyLow + 64 * count);
    await expect.poll(() => replies.length).toBe(count);
    const wanted = Array.from({ length: count }, (_, i) => `held reply ${i}`);
    expect(replies.toSorted()).toEqual(wanted.toSorted());
  });

  it.each([1, 4096, 4097, 65_507])('come from a reply frame, %i bytes', async (bytes) => {
    const { engine, socket, client } = place;
    const content = Buffer.alloc(bytes, 0x5a);
    const answer = new Promise<Buffer>((resolve) => {
      client.onReply = resolve;
    });
    client.send(Buffer.from('request'));
    const [request] = await place.requests(1);
    const { offset } = engine.keep(content);
    const { frame, peer } = request!;
    engine.put(engine.port.ready, { frame, offset, length: bytes, peer, flags: Flag.REPLY_FRAME });
    engine.turn(socket);
    engine.bytes.fill(0, offset, offset + bytes);
    expect((await answer).equals(content)).toBe(true);
    expect([...socket.releases()]).toEqual([offset]);
  });

  it('go to whoever asked, among many', async () => {
    place.echo();
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => BurstClient.open(place.socket)),
    );
    const results = await Promise.all(clients.map((client) => client.burst(100, { window: 5 })));
    for (const result of results) expect(result.size).toBe(100);
    for (const client of clients) client.close();
  });

  it('come from every socket that shares the port', async () => {
    place.socket.close();
    const [first, second] = [0, 1].map(() => new RingEngine(FRAMES));
    const options = { host: '127.0.0.1', reusePort: true };
    const one = addon.openUring({ ...first!.port, ...options, port: 0 });
    const two = addon.openUring({ ...second!.port, ...options, port: one.port });
    one.watch(() => first!.serve(one));
    two.watch(() => second!.serve(two));
    const clients = await Promise.all(Array.from({ length: 32 }, () => BurstClient.open(one)));
    await Promise.all(clients.map((client) => client.burst(20, { window: 4 })));
    expect(one.counters().received).toBeGreaterThan(0);
    expect(two.counters().received).toBeGreaterThan(0);
    expect(one.counters().received + two.counters().received).toBe(640);
    for (const closing of [...clients, one, two]) closing.close();
  });

  it('with a descriptor of what is not theirs do not leave', async () => {
    const { engine, socket, client } = place;
    let replies = 0;
    client.onReply = () => replies++;
    for (let i = 0; i < 12; i++) client.send(Buffer.from([i]));
    const [first, second, ...others] = await place.requests(12);
    const { frame, peer } = first!;
    const { frames, frameCount, replyEnd, replyLow } = engine.port;
    const framesEnd = frames + frameCount * 4096;
    const hostile = [
      { frame, offset: frame + 4095, length: 2, peer }, // over its frame's end
      { frame: second!.frame, offset: frame, length: 8, peer: second!.peer }, // another's frame
      ...[
        { frame: 0, offset: 0xffff_fff0, length: 0x20 }, // wraps
        { frame: 0, offset: replyEnd - 1, length: 2 },
        { frame: 0, offset: replyLow - 1, length: 2 },
        { frame: framesEnd, offset: framesEnd, length: 8 },
        { frame: frames + 4096, offset: frames + 4096, length: 8 }, // inside a buffer, not a frame
        { frame: frames + 64, offset: frames + 64, length: 8 },
        { frame: 0xffff_f000, offset: 0xffff_f000, length: 4096 },
        { frame: 0, offset: engine.port.rx, length: 8 },
      ].map((fields, index) => ({ ...fields, peer: others[index]!.peer })),
      { frame, offset: frame, length: 8, peer }, // given back already
      { frame: 0, offset: replyLow, length: 8, peer: 0x8000_0000 + engine.port.peers }, // no peer
    ];
    for (const fields of hostile) engine.put(engine.port.ready, fields);
    engine.turn(socket);
    const { refused } = socket.counters();
    expect(refused).toBeGreaterThanOrEqual(hostile.length);
    // It still serves; and the two good requests that are left are answered.
    for (const request of others.slice(8)) engine.echo(request);
    place.echo();
    engine.serve(socket);
    await expect.poll(() => replies).toBe(2);
    expect((await client.burst(1000)).size).toBe(1000);
    expect(socket.counters().refused).toBe(refused);
  });
});

/** The lowest descriptor that is free: it rises when one is left behind. */
function firstFree(): number {
  const fd = openSync('/dev/null', 'r');
  closeSync(fd);
  return fd;
}

/** Starts sending and does not wait for the replies. */
function load(client: BurstClient, count = 500): void {
  for (let i = 0; i < count; i++) client.send(Buffer.alloc(64 + (i % 3) * 3000, i));
}

describe.runIf(why === '')('the end of io_uring', () => {
  it.each<Own>([{}, { sqpoll: true }])(
    `leaves nothing behind, ${LIVES} times (%o)`,
    async (own) => {
      place = await Place.open();
      const { port } = place.socket;
      const before = [pinnedKiB(), firstFree()];
      const engine = new RingEngine({ frameCount: 300 });
      place.socket.close();
      for (let i = 0; i < LIVES; i++) {
        // The same port at once: nothing of the one before holds it.
        const socket = addon.openUring({ ...engine.port, host: '127.0.0.1', port, ...own });
        if (i % 2) socket.watch(() => engine.serve(socket));
        load(place.client, 20);
        await new Promise((resolve) => setTimeout(resolve, i % 3));
        engine.turn(socket);
        socket.close();
        socket.close();
        expect(engine.turn(socket)).toBe(0);
      }
      expect(pinnedKiB()).toBeLessThanOrEqual(before[0]!);
      expect(firstFree()).toBeLessThanOrEqual(before[1]!);
    },
  );

  it('comes under load, also from inside the callback', async () => {
    for (let i = 0; i < 20; i++) {
      place = await Place.open({}, { frameCount: 300 });
      const { socket, engine, client } = place;
      const closed = new Promise<void>((resolve) => {
        let calls = 0;
        socket.watch(() => {
          engine.serve(socket);
          if (++calls < 3) return load(client, 50);
          load(client, 50);
          engine.turn(socket);
          socket.close();
          resolve();
        });
      });
      load(client);
      await closed;
      client.close();
    }
  });

  it('comes with its worker, under load, and frees all', async () => {
    place = await Place.open();
    place.echo();
    const before = [pinnedKiB(), firstFree()];
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(new URL('./testing/uring-worker.ts', import.meta.url));
      const port = await new Promise<number>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      const client = await BurstClient.open({ host: '127.0.0.1', port });
      let replies = 0;
      client.onReply = () => {
        replies++;
        load(client, 2);
      };
      load(client, 50);
      await expect.poll(() => replies).toBeGreaterThan(100);
      await worker.terminate();
      client.close();
      const again = addon.openUring({ ...new RingEngine().port, host: '127.0.0.1', port });
      again.close();
    }
    await expect.poll(() => [pinnedKiB(), firstFree()]).toEqual(before);
  });
});

describe.runIf(why === '')('openUring refuses', () => {
  const open = (own: Record<string, unknown>, sizes: RingEngineOptions = FRAMES) =>
    new Place(own as Own, sizes).close();

  it('what it does not know', () => {
    expect(() => open({ busyPoll: -1 })).toThrow('busyPoll');
    expect(() => open({ busyPoll: 10_001 })).toThrow('busyPoll');
    expect(() => open({ sqpoll: 1 })).toThrow('sqpoll: wanted true or false');
    expect(() => open({ batch: 1 })).toThrow('batch: no such option');
  });

  it('fewer frames than one buffer', () => {
    expect(() => open({}, { frameCount: 16 })).toThrow('at least 18 frames');
    expect(() => open({}, { frameCount: 18 })).not.toThrow();
  });

  it('a port that somebody has, and leaves no descriptor behind', () => {
    place = new Place();
    const free = firstFree();
    for (let i = 0; i < 10; i++) {
      expect(() => open({ port: place.socket.port })).toThrow(
        expect.objectContaining({ code: 'ANDVARI_PORT_IN_USE' }),
      );
    }
    expect(firstFree()).toBe(free);
  });
});
