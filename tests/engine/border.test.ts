/**
 * The border's rules (docs/architecture.md), each on a running engine: parking, held replies, back-
 * pressure, frames, two instances.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { describe, expect, it } from 'vitest';
import { anOf, BUILDS, coin, joined, newAn, Rig, statuses, sumOf } from './rig.ts';

/** MFS of the harness's day, November 2026. */
const MFS_NOW = 45;
const key = (serialNumber = 100, an = anOf(0, serialNumber)) =>
  ({ type: 1, denomination: 0, serialNumber, key: an }) as const;
/** (1, serial) with its AN and a PAN. */
const move = (serial: number, from: Uint8Array, to: Uint8Array) => coin(1, serial, from, to);

describe.each(BUILDS)('parking, $build build', ({ shared }) => {
  it('parks for the key page, then for all coin pages at once, and runs once', async () => {
    const rig = await Rig.make({ shared, holdLoads: true });
    const { server } = rig;
    const frames = server.engine.frames.available;
    const list = joined(move(5, anOf(1, 5), newAn(1)), move(2053, anOf(1, 2053), newAn(2)));
    const pown = rig.send(rig.seal('pown', list, key()));
    const echo = rig.send(rig.seal('echo'));
    expect(server.turn()).toBe(2);
    // Whoever needs no page does not wait; the small datagram's frame is back in the same batch.
    expect([...rig.replies().keys()]).toEqual([echo]);
    expect(server.engine.frames.available).toBe(frames);
    expect(server.pending.map(({ denomination, page }) => [denomination, page])).toEqual([[0, 0]]);
    server.load();
    server.turn();
    const wanted = [
      [1, 0],
      [1, 2],
    ];
    expect(server.pending.map(({ denomination, page }) => [denomination, page])).toEqual(wanted);
    server.load(1);
    server.turn();
    expect(server.engine.step(server.nowUs)).toBe(1);
    expect(server.pending).toHaveLength(1);
    server.load();
    server.turn();
    expect(server.engine.step(server.nowUs)).toBe(0);
    server.commit();
    server.drain();
    expect(rig.replies().get(pown)).toMatchObject({ status: Status.ALL_PASS, held: true });
    expect(server.record(1, 2053)).toEqual(joined(newAn(2), Uint8Array.of(MFS_NOW)));
    expect(server.loads).toBe(3);
  });

  it('one load serves all who wait for the page', async () => {
    const rig = await Rig.make({ shared, holdLoads: true });
    const payload = coin(1, 5, anOf(1, 5));
    for (let i = 0; i < 5; i++) rig.send(rig.seal('detect', payload));
    rig.server.turn();
    expect(rig.server.pending).toHaveLength(1);
    rig.server.load();
    rig.server.turn();
    expect(statuses(rig.replies())).toEqual(Array(5).fill(Status.ALL_PASS));
  });

  it('a page that is not there fails its coins, whichever stage asked for it', async () => {
    const rig = await Rig.make({ shared, pages: () => undefined });
    const list = coin(1, 5, anOf(1, 5));
    expect(rig.ask('detect', list).status).toBe(Status.ALL_FAIL);
    expect(rig.ask('getTicket', list).status).toBe(Status.INVALID_SN_OR_DENOMINATION);
    expect(rig.ask('detect', list, key()).status).toBe(Status.INVALID_ENCRYPTION);
    const modern = { ...key(), type: 4 } as const;
    expect(rig.ask('detect', list, modern).status).toBe(Status.ENCRYPTION_COIN_NOT_FOUND);
  });

  it.each(['spec', 'legacy'] as const)(
    'a key coin that changes itself answers under its old key (%s)',
    async (wire) => {
      const rig = await Rig.make({ shared, wire, holdLoads: true });
      const { server } = rig;
      const list = joined(
        coin(0, 100, anOf(0, 100), newAn(9)),
        coin(0, 101, newAn(1), newAn(2)), // fails, so that the reply has a body to decrypt
      );
      const sealed = rig.seal('pown', list, key());
      rig.send(sealed);
      for (let i = 0; i < 3; i++) {
        server.turn();
        server.load();
      }
      server.turn();
      server.commit();
      server.drain();
      const reply = [...rig.replies().values()][0];
      expect(reply).toMatchObject({ status: Status.MIXED, payload: Uint8Array.of(0b01) });
      expect(server.record(0, 100)?.slice(0, 16)).toEqual(newAn(9));
      // From now on the new key opens requests, and the old one does not.
      expect(rig.ask('detect', list.slice(0, 21), key(100, newAn(9))).status).toBe(Status.ALL_FAIL);
      server.ask(rig.seal('detect', list.slice(0, 21), key()).bytes);
      expect(server.lastStatus).toBe(Status.INVALID_CRC);
    },
  );

  it('a full park takes nothing more, and goes on when it has room', async () => {
    const rig = await Rig.make({ shared, holdLoads: true, sizes: { parkSlots: 4 } });
    const { server } = rig;
    for (let i = 0; i < 6; i++) rig.send(rig.seal('detect', coin(1, 5 + i, anOf(1, 5 + i))));
    expect(server.turn()).toBe(4);
    expect(server.turn()).toBe(0);
    server.load();
    expect(server.turn()).toBe(2);
    expect(statuses(rig.replies())).toEqual(Array(6).fill(Status.ALL_PASS));
  });
});

describe.each(BUILDS)('held replies, $build build', ({ shared }) => {
  it('a change is answered after its commit, in order', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    rig.warm([1, 5]);
    const start = server.engine.journalHead();
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    server.turn();
    const middle = server.engine.journalHead();
    rig.send(rig.seal('pown', move(5, newAn(1), newAn(2))));
    server.turn();
    expect(server.engine.journalHead()).toBeGreaterThan(middle);
    server.commit(middle - 1);
    server.drain();
    expect(rig.replies().size).toBe(0);
    server.commit(middle);
    server.drain();
    expect(statuses(rig.replies())).toEqual([Status.ALL_PASS]);
    server.commit();
    server.drain();
    expect(statuses(rig.replies())).toEqual([Status.ALL_PASS]);
    expect(middle).toBeGreaterThan(start);
  });

  it('every read of an uncommitted state is held too, and no other', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    rig.warm([0, 100], [1, 5], [1, 2053], [2, 7]);
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    server.turn();
    const list = coin(1, 5, newAn(1));
    const pair = coin(1, 5, anOf(1, 5), newAn(1));
    const held = [
      rig.seal('detect', list),
      rig.seal('detect', coin(1, 6, newAn(3))), // same page: fails because of what is uncommitted
      rig.seal('detectSum', joined(coin(1, 5), newAn(1))),
      rig.seal('pown', pair), // fails: changes nothing, but tells
      rig.seal('find', pair),
      rig.seal('getTicket', list),
      // its key is uncommitted
      rig.seal('echo', new Uint8Array(0), { ...key(5, newAn(1)), denomination: 1 }),
    ];
    for (const sealed of held) rig.send(sealed);
    const free = rig.send(rig.seal('detect', coin(2, 7, anOf(2, 7)), key()));
    server.turn();
    expect([...rig.replies().keys()]).toEqual([free]);
    server.commit();
    server.drain();
    const replies = [...rig.replies().values()];
    expect(replies.map(({ status }) => status)).toEqual([
      ...[Status.ALL_PASS, Status.ALL_PASS, Status.ALL_FAIL, Status.ALL_PASS, Status.ALL_FAIL],
      ...[Status.FIND_ALL_PAN, Status.ALL_PASS, Status.SUCCESS],
    ]);
    expect(replies.every((reply) => reply.held)).toBe(true);
    // Committed: the same read leaves at once.
    const read = rig.send(rig.seal('detect', list));
    server.turn();
    expect(rig.replies().get(read)).toMatchObject({ status: Status.ALL_PASS, held: false });
  });

  it('a ticket for an uncommitted coin is validated only after the commit', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    rig.warm([1, 5]);
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    rig.send(rig.seal('getTicket', coin(1, 5, newAn(1))));
    server.turn();
    // The number is in the held reply; take it from there as nobody outside can.
    const at = server.engine.held.first();
    const second = at + 16; // entries are 64 bytes
    const offset = server.engine.u32[second + 1] ?? 0;
    const number = server.engine.u8.slice(offset + 32, offset + 36);
    rig.send(rig.seal('validateTicket', joined(Uint8Array.of(3), number)));
    server.turn();
    expect(rig.replies().size).toBe(0);
    server.commit();
    server.drain();
    const replies = [...rig.replies().values()];
    expect(replies[2]).toMatchObject({ status: Status.SUCCESS, payload: coin(1, 5), held: true });
  });

  it('a failing pown takes no journal space', async () => {
    const rig = await Rig.make({ shared });
    rig.warm([1, 5]);
    const head = rig.server.engine.journalHead();
    const wrong = joined(move(5, newAn(7), newAn(8)), move(6, newAn(7), newAn(8)));
    expect(rig.ask('pown', wrong).status).toBe(Status.ALL_FAIL);
    const sum = joined(coin(1, 5), coin(1, 6), newAn(7), newAn(8));
    expect(rig.ask('pownSum', sum).status).toBe(Status.ALL_FAIL);
    expect(rig.server.engine.journalHead()).toBe(head);
  });
});

describe.each(BUILDS)('back-pressure, $build build', ({ shared }) => {
  it('journal full: nothing changes, nothing new starts; goes on after the commit', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    const { engine } = server;
    // 4096 coins: 4097 records of 8192, so that a second group of the kind finds no room.
    const coins = Array.from({ length: 4096 }, (_, i) => (i >> 9) * 1024 + (i & 511));
    const list = joined(...coins.map((serial) => coin(1, serial)));
    rig.warm(
      ...coins.filter((serial) => serial % 1024 === 0).map((serial) => [1, serial] as const),
    );
    const sum = sumOf(coins.map((serial) => anOf(1, serial)));
    // An even number of coins: the sum stays what it was, so the same request works again.
    const delta = newAn(0x5a);
    const payload = joined(list, sum, delta);
    for (let i = 0; i < 3; i++) rig.send(rig.seal('pownSum', payload));
    rig.send(rig.seal('echo'));
    expect(server.turn()).toBe(2);
    const once = sumOf([anOf(1, 0), delta]);
    expect(server.record(1, 0)?.slice(0, 16)).toEqual(once);
    expect(engine.step(server.nowUs)).toBe(1);
    expect(server.turn()).toBe(0);
    expect(engine.rx.used).toBe(2);
    expect(rig.replies().size).toBe(0);
    server.commit();
    server.turn();
    expect(server.record(1, 0)?.slice(0, 16)).toEqual(anOf(1, 0));
    server.commit();
    server.turn();
    server.commit();
    server.turn();
    expect(server.record(1, 0)?.slice(0, 16)).toEqual(once);
    const all = Status.ALL_PASS;
    server.settleCommitted();
    expect(statuses(rig.replies())).toEqual([all, all, all, Status.SUCCESS]);
  });

  it('held ring full: nothing new starts until the host has taken a reply', async () => {
    const rig = await Rig.make({ shared, sizes: { ringEntries: 4 } });
    const { server } = rig;
    rig.warm([1, 5]);
    const turn = (serial: number) => {
      rig.send(rig.seal('pown', move(serial, anOf(1, serial), newAn(1))));
      return server.turn();
    };
    expect([5, 6, 7, 8].map(turn)).toEqual([1, 1, 1, 1]);
    expect(turn(9)).toBe(0);
    expect(server.record(1, 9)?.slice(0, 16)).toEqual(anOf(1, 9));
    server.settleCommitted();
    expect(statuses(rig.replies())).toEqual(Array(5).fill(Status.ALL_PASS));
  });

  it('stops after a number of descriptors, and after a number of bytes', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    for (let i = 0; i < 10; i++) rig.send(rig.seal('echo'));
    expect(server.turn(3)).toBe(3);
    expect(server.turn(64)).toBe(7);
    // 60 KiB each: the fifth one passes 256 KiB.
    for (let i = 0; i < 8; i++) rig.send(rig.seal('echo', new Uint8Array(60 * 1024)));
    expect(server.turn(64)).toBe(5);
    expect(server.turn(64)).toBe(3);
    expect(statuses(rig.replies())).toEqual(Array(18).fill(Status.SUCCESS));
  });
});

describe.each(BUILDS)('frames, $build build', ({ shared }) => {
  it('a small message that parks or is held gives its frame back in the same batch', async () => {
    const rig = await Rig.make({ shared, holdLoads: true });
    const { server } = rig;
    const { frames } = server.engine;
    const all = frames.available;
    const small = rig.seal('pown', joined(...[5, 6, 7].map((s) => move(s, anOf(1, s), newAn(1)))));
    expect(small.bytes.length).toBeLessThanOrEqual(256);
    rig.send(small);
    server.turn();
    expect(frames.available).toBe(all); // parked
    server.load();
    rig.send(rig.seal('pown', move(8, anOf(1, 8), newAn(1))));
    server.turn();
    expect(server.engine.held.used).toBe(2);
    expect(frames.available).toBe(all); // held: one from a parked copy, one from its frame
    server.commit();
    server.drain();
    expect(statuses(rig.replies())).toEqual([Status.ALL_PASS, Status.ALL_PASS]);
    expect(frames.available).toBe(all);
  });

  it('a larger message keeps its frame while it parks', async () => {
    const rig = await Rig.make({ shared, holdLoads: true });
    const { server } = rig;
    const { frames } = server.engine;
    const all = frames.available;
    const serials = [5, 6, 7, 8, 9, 10];
    const large = rig.seal('pown', joined(...serials.map((s) => move(s, anOf(1, s), newAn(1)))));
    expect(large.bytes.length).toBeGreaterThan(256);
    rig.send(large);
    server.turn();
    expect(frames.available).toBe(all - 1);
    server.load();
    server.turn();
    expect(frames.available).toBe(all); // its reply is small, and held in the ring's own slot
    server.commit();
    server.drain();
    expect(statuses(rig.replies())).toEqual([Status.ALL_PASS]);
  });
});
