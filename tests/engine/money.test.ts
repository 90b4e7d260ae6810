/**
 * A record with MFS 0 is free: authentic to no command whatever its AN, so a spent coin does not
 * live on. Only the look-up of a key does not ask for the MFS (reference: RAIDA section 7). In the
 * pages of these tests records 0 to 511 are in use, 512 to 1023 are free.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { seedOfRun } from '../seeded-random.ts';
import { anOf, BUILDS, coin, joined, newAn, pageOf, Rig, sumOf } from './rig.ts';

const IN_USE = 17;
const FREE = 600;
const long = process.env.ANDVARI_LONG === '1';

const withAn = (...serials: number[]) => joined(...serials.map((sn) => coin(1, sn, anOf(1, sn))));
const withPan = (...serials: number[]) =>
  joined(...serials.map((sn) => coin(1, sn, anOf(1, sn), newAn(sn & 0xff))));
/** What the sums take: coins, the right XOR of their ANs, and a delta. */
const named = (...serials: number[]) => joined(...serials.map((sn) => coin(1, sn)));
const right = (...serials: number[]) => sumOf(serials.map((sn) => anOf(1, sn)));
const delta = newAn(0x21);

describe.each(BUILDS)('a free record with its right AN, $build build', ({ shared }) => {
  let rig: Rig;
  const untouched = () => {
    expect(rig.server.record(1, FREE)).toEqual(pageOf(1, 0).slice(FREE * 17, FREE * 17 + 17));
  };
  beforeAll(async () => {
    rig = await Rig.make({ shared });
  });

  it('detect', () => {
    expect(rig.ask('detect', withAn(IN_USE)).status).toBe(Status.ALL_PASS);
    expect(rig.ask('detect', withAn(FREE)).status).toBe(Status.ALL_FAIL);
    const mixed = rig.ask('detect', withAn(FREE, IN_USE, FREE, IN_USE));
    expect(mixed).toMatchObject({ status: Status.MIXED, payload: Uint8Array.of(0b1010) });
  });

  it('detect sum', () => {
    const sum = (...serials: number[]) =>
      rig.ask('detectSum', joined(named(...serials), right(...serials))).status;
    expect(sum(IN_USE, IN_USE + 1)).toBe(Status.ALL_PASS);
    expect(sum(FREE)).toBe(Status.ALL_FAIL);
    expect(sum(IN_USE, FREE)).toBe(Status.ALL_FAIL);
    expect(sum(FREE, FREE + 1)).toBe(Status.ALL_FAIL);
  });

  it('pown', () => {
    const head = rig.server.engine.journalHead();
    expect(rig.ask('pown', withPan(FREE)).status).toBe(Status.ALL_FAIL);
    expect(rig.server.engine.journalHead()).toBe(head);
    untouched();
    const mixed = rig.ask('pown', withPan(FREE, 40, FREE + 1, 41));
    expect(mixed).toMatchObject({ status: Status.MIXED, payload: Uint8Array.of(0b1010) });
    untouched();
    expect(rig.server.record(1, 40)?.slice(0, 16)).toEqual(newAn(40));
  });

  it('pown sum', () => {
    const sum = (...serials: number[]) =>
      rig.ask('pownSum', joined(named(...serials), right(...serials), delta)).status;
    expect(sum(FREE)).toBe(Status.ALL_FAIL);
    expect(sum(50, FREE)).toBe(Status.ALL_FAIL);
    untouched();
    expect(rig.server.record(1, 50)?.slice(0, 16)).toEqual(anOf(1, 50));
    expect(sum(50, 51)).toBe(Status.ALL_PASS);
    expect(rig.server.record(1, 50)?.slice(0, 16)).toEqual(sumOf([anOf(1, 50), delta]));
  });

  it('get ticket', () => {
    expect(rig.ask('getTicket', withAn(FREE)).status).toBe(Status.ALL_FAIL);
    const mixed = rig.ask('getTicket', withAn(FREE, IN_USE, FREE + 1));
    expect(mixed).toMatchObject({ status: Status.MIXED });
    expect(mixed.payload[0]).toBe(0b010);
    // The ticket names the good coin alone.
    const number = mixed.payload.slice(1);
    const ticket = rig.ask('validateTicket', joined(Uint8Array.of(3), number));
    expect(ticket).toMatchObject({ status: Status.SUCCESS, payload: named(IN_USE) });
  });

  it('find, as AN and as PAN', () => {
    const find = (sn: number, an: Uint8Array, pan: Uint8Array) => coin(1, sn, an, pan);
    const wrong = newAn(0xee);
    expect(rig.ask('find', find(FREE, anOf(1, FREE), wrong)).status).toBe(Status.FIND_NEITHER);
    expect(rig.ask('find', find(FREE, wrong, anOf(1, FREE))).status).toBe(Status.FIND_NEITHER);
    expect(rig.ask('find', find(IN_USE, anOf(1, IN_USE), wrong)).status).toBe(Status.FIND_ALL_AN);
    const mixed = rig.ask(
      'find',
      joined(
        find(FREE, anOf(1, FREE), anOf(1, FREE)),
        find(IN_USE, wrong, anOf(1, IN_USE)),
        find(IN_USE, anOf(1, IN_USE), wrong),
      ),
    );
    expect(mixed).toMatchObject({ status: Status.FIND_MIXED, payload: Uint8Array.of(0, 2, 1) });
  });

  it('but a key look-up takes it, in every encryption', () => {
    const one = { denomination: 1, serialNumber: FREE, key: anOf(1, FREE) };
    const two = { denomination2: 1, serialNumber2: FREE + 1, key2: anOf(1, FREE + 1) };
    for (const encryption of [
      { type: 1, ...one },
      { type: 4, ...one },
      { type: 5, ...one, ...two },
    ] as const) {
      expect(rig.ask('detect', withAn(IN_USE), encryption).status).toBe(Status.ALL_PASS);
      expect(rig.ask('detect', withAn(FREE), encryption).status).toBe(Status.ALL_FAIL);
    }
  });

  it('any list of any of these commands: exactly the coins in use pass', () => {
    const seed = seedOfRun();
    const serials = fc.array(fc.integer({ min: 100, max: 1023 }), { minLength: 1, maxLength: 40 });
    const property = fc.property(serials, (list) => {
      const { payload, status } = rig.ask('detect', withAn(...list));
      const found = rig.ask('find', joined(...list.map((sn) => coin(1, sn, anOf(1, sn), delta))));
      for (const [i, serial] of list.entries()) {
        const inUse = serial < 512;
        const bit = ((payload[i >> 3] ?? 0) >> (i & 7)) & 1;
        expect(status === Status.MIXED ? bit === 1 : status === Status.ALL_PASS).toBe(inUse);
        const byte = found.status === Status.FIND_MIXED ? found.payload[i] : undefined;
        expect(byte === undefined ? found.status === Status.FIND_ALL_AN : byte === 1).toBe(inUse);
      }
    });
    // A failure prints the seed and the path to it.
    fc.assert(property, { seed, numRuns: long ? 20000 : 200 });
  });
});
