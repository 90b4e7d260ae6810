/**
 * The random pool when it is dry, descriptors that lie, and what a batch leaves behind of its keys.
 */
import { Flag, Region } from '@andvari/host-common/engine/generated/layout';
import {
  FRAME_BYTES,
  RANDOM_POOL_BYTES,
  SCRATCH_BYTES,
  WORKERS_MAX,
} from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import { describe, expect, it } from 'vitest';
import type { Harness } from './harness.ts';
import { anOf, BUILDS, coin, joined, newAn, pageOf, Rig } from './rig.ts';

const move = (serial: number, from: Uint8Array, to: Uint8Array) => coin(1, serial, from, to);

describe.each(BUILDS)('random pool, $build build', ({ shared }) => {
  it('dry: 252 for every request, the host is asked once, and service resumes', async () => {
    const rig = await Rig.make({ shared, fillRandom: false });
    const { server } = rig;
    for (let round = 0; round < 2; round++) {
      server.engine.random.fill();
      expect(rig.ask('echo').status).toBe(Status.SUCCESS);
      drainPool(server);
      for (let i = 0; i < 3; i++) {
        expect(rig.ask('echo')).toMatchObject({ status: Status.INTERNAL, payload: noBytes });
      }
      expect(server.fills).toBe(round + 1);
    }
    server.engine.random.fill();
    expect(rig.ask('version').status).toBe(Status.SUCCESS);
  });

  it('dry: a pown changes nothing and claims nothing, also one that was parked', async () => {
    const rig = await Rig.make({ shared, fillRandom: false, holdLoads: true });
    const { server } = rig;
    const { engine } = server;
    engine.random.fill();
    const pown = () => rig.seal('pown', move(5, anOf(1, 5), newAn(1)));
    rig.send(pown());
    server.turn();
    drainPool(server);
    server.load();
    server.turn();
    rig.send(pown());
    server.turn();
    const replies = [...rig.replies().values()];
    expect(replies.map(({ status }) => status)).toEqual([Status.INTERNAL, Status.INTERNAL]);
    expect(replies.every(({ held }) => !held)).toBe(true);
    expect(engine.journalHead()).toBe(0);
    expect(server.record(1, 5)).toEqual(pageOf(1, 0).slice(5 * 17, 6 * 17));
    engine.random.fill();
    expect(rig.ask('pown', move(5, anOf(1, 5), newAn(1))).status).toBe(Status.ALL_PASS);
  });

  it('wire legacy needs none for a pown, but a ticket does', async () => {
    const rig = await Rig.make({ shared, wire: 'legacy', fillRandom: false });
    expect(rig.ask('pown', move(5, anOf(1, 5), newAn(1))).status).toBe(Status.ALL_PASS);
    const ticket = () => rig.ask('getTicket', coin(1, 5, newAn(1))).status;
    expect(ticket()).toBe(Status.INTERNAL);
    expect(rig.server.fills).toBe(1);
    rig.server.engine.random.fill();
    expect(ticket()).toBe(Status.ALL_PASS);
  });

  it('dry: the 252 is a reply that its client accepts, in every encryption', async () => {
    const rig = await Rig.make({ shared, fillRandom: false });
    rig.server.engine.random.fill();
    rig.warm([0, 100]);
    drainPool(rig.server);
    const key = { denomination: 0, serialNumber: 100, key: anOf(0, 100) };
    for (const type of [1, 4] as const) {
      expect(rig.ask('echo', noBytes, { type, ...key }).status).toBe(Status.INTERNAL);
    }
  });

  it('a byte is used once: what was taken is wiped', async () => {
    const rig = await Rig.make({ shared });
    const { engine } = rig.server;
    const start = engine.region(Region.RANDOM) + 64;
    const first = engine.u8.slice(start, start + 24);
    expect(rig.server.ask(rig.seal('echo').bytes)?.slice(16, 28)).toEqual(first.slice(0, 12));
    expect(rig.server.ask(rig.seal('echo').bytes)?.slice(16, 28)).toEqual(first.slice(12));
    expect(engine.u8.slice(start, start + 24)).toEqual(new Uint8Array(24));
  });
});

describe.each(BUILDS)('descriptors that lie, $build build', ({ shared }) => {
  it.each([
    [
      'an offset in the coin pages',
      (at: Places) => ({ ...at.good, frame: at.pages, offset: at.pages }),
    ],
    [
      'an offset in another frame',
      (at: Places) => ({ ...at.good, offset: at.frame + FRAME_BYTES }),
    ],
    ['an offset before its frame', (at: Places) => ({ ...at.good, offset: at.frame - 4 })],
    ['an offset far away', (at: Places) => ({ ...at.good, offset: 0xffff_fff0 })],
    ['no frame', (at: Places) => ({ ...at.good, frame: 0 })],
    ['no frame and no offset', (at: Places) => ({ ...at.good, frame: 0, offset: 0 })],
    [
      'a frame behind the last one',
      (at: Places) => ({ ...at.good, frame: at.end, offset: at.end }),
    ],
    ['a frame that begins inside a frame', (at: Places) => ({ ...at.good, frame: at.frame + 64 })],
    [
      'that, and an offset in it',
      (at: Places) => ({ ...at.good, frame: at.frame + 64, offset: at.frame + 64 }),
    ],
    ['more bytes than the frame has', (at: Places) => ({ ...at.good, length: FRAME_BYTES + 1 })],
    [
      'more bytes than the rest of it',
      (at: Places) => ({ ...at.good, offset: at.frame + 64, length: FRAME_BYTES - 63 }),
    ],
    ['4 GiB', (at: Places) => ({ ...at.good, length: 0xffff_ffff })],
  ])('%s: refused, nothing is read or changed', async (_what, lie) => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    const { engine } = server;
    const frame = engine.frames.take();
    const echo = rig.seal('echo').bytes;
    const end = engine.region(Region.LARGE_FRAMES) + 12 * engine.largeFrames.frameBytes;
    // A sound request stands wherever the descriptor may point.
    for (const at of [
      engine.region(Region.PAGE_DATA),
      frame,
      frame + 64,
      frame + FRAME_BYTES,
      end,
    ]) {
      engine.u8.set(echo, at);
    }
    engine.u8.set(echo, frame - 4);
    engine.u8.set(echo, frame);
    const good = { frame, offset: frame, length: echo.length };
    const at = lie({ good, frame, end, pages: engine.region(Region.PAGE_DATA) });
    const before = engine.u8.slice(engine.region(Region.PAGE_INDEX));
    engine.rx.push(at.frame, at.offset, at.length, 77, Flag.DATAGRAM, server.nowUs);
    expect(engine.process(64, server.nowUs)).toBe(1);
    const first = engine.ready.first();
    const [, , length, peer, flags] = engine.u32.subarray(first, first + 5);
    expect({ length, peer, flags }).toEqual({ length: 0, peer: 77, flags: Flag.SILENT });
    const changed = changedRegions(
      engine.u8.slice(engine.region(Region.PAGE_INDEX)),
      before,
      server,
    );
    expect(changed.filter((name) => name !== 'statistics' && name !== 'requests')).toEqual([
      'ready',
      'rx',
    ]);
  });

  it('a reply never grows over the end of its frame', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    const { engine } = server;
    const frames = [engine.frames.take(), engine.frames.take()].sort((a, b) => a - b);
    const [frame = 0, next = 0] = frames;
    expect(next - frame).toBe(FRAME_BYTES);
    for (const command of ['echo', 'version', 'audit'] as const) {
      const { bytes } = rig.seal(command);
      const offset = frame + FRAME_BYTES - bytes.length;
      engine.u8.set(bytes, offset);
      engine.u8.fill(0xa5, next, next + 256);
      engine.rx.push(frame, offset, bytes.length, 1, Flag.DATAGRAM, server.nowUs);
      engine.process(1, server.nowUs);
      expect(engine.u8.slice(next, next + 256), command).toEqual(new Uint8Array(256).fill(0xa5));
    }
  });
});

describe.each(BUILDS)('keys, $build build', ({ shared }) => {
  const SECRET = Uint8Array.from({ length: 16 }, (_, i) => 0xc0 + ((i * 7) % 64));
  const OTHER = Uint8Array.from({ length: 16 }, (_, i) => 0x40 + ((i * 5) % 64));

  /**
   * All scratch after one request under `key`; nonces, time and randomness are the same in every
   * call.
   */
  async function scratchAfter(type: 1 | 4 | 5, key: Uint8Array, bodyBytes: number) {
    const rig = await Rig.make({
      shared,
      fillRandom: false,
      pages: (denomination, page) => {
        const bytes = pageOf(denomination, page);
        if (denomination === 0 && page === 0) bytes.set(key, 100 * 17);
        return bytes;
      },
    });
    const { engine } = rig.server;
    const pool = engine.region(Region.RANDOM);
    engine.u8.fill(0x33, pool + 64, pool + 64 + RANDOM_POOL_BYTES);
    engine.u32[pool >>> 2] = RANDOM_POOL_BYTES;
    const one = { denomination: 0, serialNumber: 100, key };
    const two = { denomination2: 0, serialNumber2: 100, key2: key };
    const encryption = type === 5 ? { type, ...one, ...two } : { type, ...one };
    const list = coin(1, 5, newAn(1));
    const payload = joined(...Array(bodyBytes / 21).fill(list), coin(1, 5, anOf(1, 5)));
    const reply = rig.ask('detect', payload, encryption);
    expect(reply.status).toBe(Status.MIXED); // decrypted, executed, encrypted
    const from = engine.region(Region.CONTROL) - WORKERS_MAX * SCRATCH_BYTES;
    return { scratch: engine.u8.slice(from, from + SCRATCH_BYTES), server: rig.server };
  }

  it.each([
    [1, 21],
    [1, 21 * 40],
    [4, 21],
    [4, 21 * 40],
    [5, 21],
  ] as const)('type %i, %i bytes: no byte of scratch tells of the key', async (type, bytes) => {
    const { scratch, server } = await scratchAfter(type, SECRET, bytes);
    const other = await scratchAfter(type, OTHER, bytes);
    expect(positionsOf(scratch, SECRET.slice(0, 4))).toEqual([]);
    // Nor anything made from it: the runs differ in the key alone, and in nonce and challenge of
    // the request, of which nothing stays either. The first 32 bytes of WORK (before the client
    // block) are left out: the HMAC of the message, which travels in clear.
    const { engine } = server;
    const base = engine.region(Region.CONTROL) - WORKERS_MAX * SCRATCH_BYTES;
    const work = engine.region(Region.CLIENT_BLOCK) - base - 128;
    const told = differences(scratch, other.scratch).filter((at) => at < work || at >= work + 32);
    expect(told).toEqual([]);
    // Parked copies (it parked twice) are wiped too.
    const parked = engine.region(Region.PARKED);
    expect(engine.u8.slice(parked, parked + 512 * 16).every((byte) => byte === 0)).toBe(true);
  });
});

interface Places {
  good: { frame: number; offset: number; length: number };
  frame: number;
  /** First byte behind the large frames. */
  end: number;
  pages: number;
}

const noBytes = new Uint8Array(0);

/** The engine takes random bytes until fewer than a request needs are left. */
function drainPool(server: Harness): void {
  const { engine } = server;
  const pool = engine.region(Region.RANDOM) >>> 2;
  engine.u32[pool + 1] = (engine.u32[pool] ?? 0) - 31;
}

function differences(a: Uint8Array, b: Uint8Array): number[] {
  const at: number[] = [];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) at.push(i);
  return at;
}

function positionsOf(bytes: Uint8Array, part: Uint8Array): number[] {
  const at: number[] = [];
  for (let i = 0; i + part.length <= bytes.length; i++) {
    if (part.every((byte, k) => bytes[i + k] === byte)) at.push(i);
  }
  return at;
}

/** Names of the regions in which two copies of memory (from PAGE_INDEX on) differ. */
function changedRegions(now: Uint8Array, before: Uint8Array, { engine }: Harness): string[] {
  const starts = Object.entries(Region)
    // Wire spec has no Merkle trees: where they would begin, the next region does.
    .filter(([, index]) => index !== Region.MERKLE)
    .map(([name, index]) => [name.toLowerCase(), engine.region(index)] as const)
    .sort(([, a], [, b]) => a - b);
  const base = engine.region(Region.PAGE_INDEX);
  const names = new Set<string>();
  for (const at of differences(now, before)) {
    names.add(starts.findLast(([, start]) => start <= base + at)?.[0] ?? 'none');
  }
  return [...names].sort();
}
