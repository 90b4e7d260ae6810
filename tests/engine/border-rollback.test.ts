/**
 * What happens to memory, held replies, parked requests and tickets when the store refuses
 * (rollback) or nobody knows (discard).
 */
import type { EngineError } from '@andvari/host-common/engine/engine-error';
import { Status } from '@andvari/host-common/engine/generated/status';
import type { RaidaReply } from '@andvari/host-common/raida/codec';
import { describe, expect, it } from 'vitest';
import type { Harness } from './harness.ts';
import { anOf, BUILDS, coin, joined, newAn, pageOf, Rig, statuses } from './rig.ts';

const { ALL_PASS, INTERNAL } = Status;
const move = (serial: number, from: Uint8Array, to: Uint8Array) => coin(1, serial, from, to);
const an = (server: Harness, serial: number) => server.record(1, serial)?.slice(0, 16);
const untouched = (serial: number) =>
  pageOf(1, serial >> 10)
    .slice((serial & 1023) * 17)
    .slice(0, 17);

function second(rig: Rig): Harness {
  const [other] = rig.others;
  if (!other) throw new Error('no second instance');
  return other;
}

describe.each(BUILDS)('rollback, $build build', ({ shared }) => {
  it('undoes several groups, newest first; 252 for them and for who read them', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    const { engine } = server;
    rig.warm([1, 5]);
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    server.turn();
    const kept = engine.journalHead();
    rig.send(rig.seal('pown', move(5, newAn(1), newAn(2))));
    // Twice in one list: the second sees what the first wrote.
    rig.send(rig.seal('pown', joined(move(5, newAn(2), newAn(3)), move(5, newAn(3), newAn(4)))));
    rig.send(rig.seal('pownSum', joined(coin(1, 6), anOf(1, 6), newAn(0x77))));
    rig.send(rig.seal('detect', coin(1, 5, newAn(4))));
    server.turn();
    expect(an(server, 5)).toEqual(newAn(4));
    const head = engine.journalHead();
    server.commit(kept);
    engine.rollback(kept);
    expect(an(server, 5)).toEqual(newAn(1));
    expect(server.record(1, 6)).toEqual(untouched(6));
    // No position is ever used again, and everything behind it counts as committed.
    expect([engine.journalHead(), engine.committed()]).toEqual([head, head]);
    server.drain();
    const replies = rig.replies();
    expect(statuses(replies)).toEqual([ALL_PASS, INTERNAL, INTERNAL, INTERNAL, INTERNAL]);
    expect([...replies.values()].every(({ payload }) => payload.length === 0)).toBe(true);
    // Life goes on from the old value.
    expect(rig.ask('detect', coin(1, 5, newAn(4))).status).toBe(Status.ALL_FAIL);
    expect(rig.ask('pown', move(5, newAn(1), newAn(5))).status).toBe(ALL_PASS);
  });

  it.each(['spec', 'legacy'] as const)(
    'a held reply becomes a well-formed 252 in every encryption (%s)',
    async (wire) => {
      const rig = await Rig.make({ shared, wire });
      const { server } = rig;
      rig.warm([1, 5], [0, 100], [0, 101]);
      const one = { denomination: 0, serialNumber: 100, key: anOf(0, 100) };
      const two = { denomination2: 0, serialNumber2: 101, key2: anOf(0, 101) };
      const list = (serial: number) =>
        joined(move(serial, anOf(1, serial), newAn(1)), move(serial, newAn(7), newAn(8)));
      rig.send(rig.seal('pown', list(5)));
      rig.send(rig.seal('pown', list(6), { type: 1, ...one }));
      rig.send(rig.seal('pown', list(7), { type: 4, ...one }));
      rig.send(rig.seal('pown', list(8), { type: 5, ...one, ...two }));
      server.turn();
      server.engine.rollback(0);
      server.drain();
      // open() checks size, echo, nonce, challenge and HMAC.
      const replies = [...rig.replies().values()];
      expect(replies.map(({ status }) => status)).toEqual(Array(4).fill(INTERNAL));
      expect(replies.every(({ payload }) => payload.length === 0)).toBe(true);
      for (const serial of [5, 6, 7, 8])
        expect(server.record(1, serial)).toEqual(untouched(serial));
    },
  );

  it('called on one instance, it undoes and answers for the other', async () => {
    const rig = await Rig.make({ shared, workers: 2 });
    const { server } = rig;
    const other = second(rig);
    rig.warm([1, 5], [1, 1100]);
    const turn = (to: Harness, payload: Uint8Array) => {
      rig.send(rig.seal('pown', payload), to);
      to.turn();
    };
    turn(server, move(5, anOf(1, 5), newAn(1)));
    turn(other, move(5, newAn(1), newAn(2)));
    turn(server, move(1100, anOf(1, 1100), newAn(3)));
    turn(other, joined(move(1100, newAn(3), newAn(4)), move(5, newAn(2), newAn(6))));
    other.engine.rollback(0);
    server.drain();
    other.drain();
    expect(statuses(rig.replies())).toEqual([INTERNAL, INTERNAL]);
    expect(statuses(rig.replies(other))).toEqual([INTERNAL, INTERNAL]);
    expect([server.record(1, 5), server.record(1, 1100)]).toEqual([untouched(5), untouched(1100)]);
    turn(other, move(5, anOf(1, 5), newAn(9)));
    server.commit();
    other.drain();
    expect(statuses(rig.replies(other))).toEqual([ALL_PASS]);
  });

  it('a parked request under a key that vanished gets 252, others go on', async () => {
    const rig = await Rig.make({ shared });
    const { server } = rig;
    rig.warm([1, 5], [0, 100]);
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    server.turn();
    const vanishing = { type: 1, denomination: 1, serialNumber: 5, key: newAn(1) } as const;
    const sound = { type: 1, denomination: 0, serialNumber: 100, key: anOf(0, 100) } as const;
    const ask = (serial: number) => coin(2, serial, anOf(2, serial));
    // Both park for a page of denomination 2, after their decryption.
    const slow = await parkBoth(rig, () => [
      rig.send(rig.seal('detect', ask(9), vanishing)),
      rig.send(rig.seal('detect', ask(10), sound)),
    ]);
    server.engine.rollback(0);
    server.settleCommitted();
    const replies = rig.replies();
    expect(slow.map((peer) => replies.get(peer)?.status)).toEqual([INTERNAL, ALL_PASS]);
  });

  it('a ticket for what was undone is gone, an older one stays', async () => {
    const rig = await Rig.make({ shared, wire: 'legacy' });
    const { server } = rig;
    const old = rig.ask('getTicket', coin(1, 7, anOf(1, 7)));
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    const peer = rig.send(rig.seal('getTicket', coin(1, 5, newAn(1))));
    server.turn();
    const start = server.engine.committed();
    const held = server.engine.held.first() + 16;
    const offset = server.engine.u32[held + 1] ?? 0;
    const number = server.engine.u8.slice(offset + 32, offset + 36);
    server.engine.rollback(start);
    server.drain();
    expect(rig.replies().get(peer)?.status).toBe(INTERNAL);
    const validate = (of: Uint8Array): RaidaReply =>
      rig.ask('validateTicket', joined(Uint8Array.of(3), of));
    expect(validate(number).status).toBe(Status.NO_TICKET_FOUND);
    expect(validate(old.payload)).toMatchObject({ status: Status.SUCCESS, payload: coin(1, 7) });
  });

  it('a position that does not exist is refused and changes nothing', async () => {
    const rig = await Rig.make({ shared });
    const { engine } = rig.server;
    rig.warm([1, 5]);
    rig.ask('pown', move(5, anOf(1, 5), newAn(1)));
    rig.send(rig.seal('pown', move(5, newAn(1), newAn(2))));
    rig.server.turn();
    const wrong: Partial<EngineError> = { status: Status.INVALID_ARGUMENT };
    expect(() => engine.rollback(engine.committed() - 1)).toThrow(expect.objectContaining(wrong));
    expect(() => engine.rollback(engine.journalHead() + 1)).toThrow(expect.objectContaining(wrong));
    expect(() => engine.discard(engine.journalHead() + 1)).toThrow(expect.objectContaining(wrong));
    rig.server.settleCommitted();
    expect(statuses(rig.replies())).toEqual([ALL_PASS]);
    expect(an(rig.server, 5)).toEqual(newAn(2));
  });
});

describe.each(BUILDS)('discard, $build build', ({ shared }) => {
  /** What the store turned out to hold. */
  async function doubtful(stored: (page: Uint8Array) => void) {
    let doubt = false;
    const rig = await Rig.make({
      shared,
      workers: 2,
      pages: (denomination, page) => {
        const bytes = pageOf(denomination, page);
        if (doubt && denomination === 1 && page === 0) stored(bytes);
        return bytes;
      },
    });
    const { server } = rig;
    rig.warm([1, 5], [1, 2053]);
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    rig.send(rig.seal('detect', coin(1, 2053, anOf(1, 2053))));
    server.turn();
    rig.send(rig.seal('pown', move(5, newAn(1), newAn(2))), second(rig));
    second(rig).turn();
    doubt = true;
    return rig;
  }

  it('drops what was changed, answers 252, and nobody runs before reopen()', async () => {
    const rig = await doubtful(() => undefined);
    const { server } = rig;
    const { engine } = server;
    engine.discard(0);
    expect(server.record(1, 5)).toBeUndefined();
    expect(server.record(1, 2053)).toBeDefined(); // clean pages stay
    rig.send(rig.seal('echo'));
    expect([server.turn(), second(rig).turn()]).toEqual([0, 0]);
    expect(engine.rx.used).toBe(1);
    engine.reopen();
    server.settleCommitted();
    second(rig).drain();
    expect(statuses(rig.replies())).toEqual([INTERNAL, ALL_PASS, Status.SUCCESS]);
    expect(statuses(rig.replies(second(rig)))).toEqual([INTERNAL]);
    expect(engine.committed()).toBe(engine.journalHead());
  });

  it.each([
    { made: 'nothing', value: anOf(1, 5) },
    { made: 'the first of two groups', value: newAn(1) },
    { made: 'both groups', value: newAn(2) },
  ])('the store has made $made: find tells so afterwards', async ({ value }) => {
    const rig = await doubtful((page) => page.set(value, 5 * 17));
    const { server } = rig;
    server.engine.discard(0);
    server.engine.reopen();
    server.drain();
    second(rig).drain();
    expect(statuses(rig.replies())).toEqual([INTERNAL, ALL_PASS]);
    const loads = server.loads;
    const find = (from: Uint8Array, to: Uint8Array) => rig.ask('find', move(5, from, to)).status;
    const told = (is: boolean, status: number) => (is ? status : Status.FIND_NEITHER);
    expect(find(value, newAn(0xee))).toBe(Status.FIND_ALL_AN);
    expect(find(newAn(0xee), value)).toBe(Status.FIND_ALL_PAN);
    expect(find(newAn(1), newAn(0xee))).toBe(told(value[0] === 1, Status.FIND_ALL_AN));
    expect(server.loads).toBe(loads + 1); // read again, once
  });
});

/**
 * Sends while the pages of denomination 2 cannot load; every request then waits behind its
 * decryption.
 */
async function parkBoth(rig: Rig, send: () => number[]): Promise<number[]> {
  const peers = send();
  const { server } = rig;
  // process() without serving its effects: the loads stay in the ring.
  server.engine.process(64, server.nowUs);
  expect(server.engine.effects.used).toBe(1);
  expect(server.engine.step(server.nowUs)).toBe(2);
  return peers;
}
