// Replies behind a device that takes them more slowly than they are made.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadNative, type NativeAddon } from './index.ts';
import { RingEngine } from './testing/ring-engine.ts';
import { Veth, whyNoXdp } from './testing/veth.ts';
import { vethNetwork } from './testing/veth-network.ts';

/** With 1400 bytes each more than the kernel keeps for a socket, 8 MiB. */
const REPLIES = 8000;
const BATCH = 200;
const MEGABITS = 20;

const why = whyNoXdp();
const native = loadNative() as NativeAddon;
let veth: Veth;
let shaped = false;
const network = vethNetwork(() => veth);
const reply = (i: number) => Buffer.alloc(i % 3 ? 1400 : 1300, `${i} `);

const label = `behind a slow device${why ? ` (DID NOT RUN: ${why})` : ''}`;
describe.skipIf(why !== undefined)(label, () => {
  beforeEach(() => {
    veth = new Veth();
    shaped = veth.slowDown(MEGABITS);
  });
  afterEach(() => veth.remove());

  it.each([
    ['mmsg', native.openMmsg],
    ['io_uring', native.openUring],
  ] as const)('%s sends what it has not counted as dropped, and goes on', async (kind, open) => {
    if (!shaped) return console.warn(`${kind}: this kernel cannot slow a device down (tbf)`);
    const engine = new RingEngine({ frameCount: 8192 });
    const [host] = network.hosts;
    const socket = network.inside(() => open({ ...engine.port, host, port: 0 }));
    const client = await network.client(socket);
    let answered = 0;
    for (let asked = 0; answered < REPLIES; ) {
      for (const end = asked + BATCH; asked < end; asked++) await client.send('?');
      for (const end = Date.now() + 5000; answered < asked && Date.now() < end; ) {
        engine.turn(socket);
        for (const request of engine.takeAll()) engine.answer(request, reply(answered++));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(answered).toBe(asked);
    }
    engine.turn(socket);
    // From now on the loop alone sees to it.
    socket.watch(() => void engine.serve(socket));
    const counts = () => socket.counters();
    const wait = { timeout: 60_000, interval: 10 };
    await vi.waitFor(() => expect(counts().sent + counts().dropped).toBe(REPLIES), wait);
    const { sent, dropped } = counts();
    // The kernel said no: mmsg keeps 256 replies and drops the rest, io_uring keeps all it has.
    if (kind === 'mmsg') expect(dropped).toBeGreaterThan(0);
    else expect(dropped).toBe(0);
    await vi.waitFor(() => expect(client.received.length).toBe(sent), wait);
    const wanted = new Set(Array.from({ length: REPLIES }, (_, i) => reply(i).toString('latin1')));
    for (const got of client.received) expect(wanted.delete(got.toString('latin1'))).toBe(true);
    await client.send('the last');
    expect(String((await client.wait(sent + 1))[sent])).toBe('the last');
    socket.close();
    client.close();
  });
});
