/** The server core alone: what it takes, when replies leave, what it tells, how it ends. */
import { Status } from '@andvari/host-common/engine/generated/status';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { an, coin, DENOMINATION, PEER_ADDRESS, ServerPlace } from './testing/server-place.ts';

const ECHO = [0, 0] as const;
const DETECT = [1, 10] as const;
const POWN = [1, 20] as const;
const FIND = [2, 60] as const;
/** How long silence lasts before it counts. */
const SILENCE_MS = 60;
const SOON = { timeout: 60_000, interval: 2 };
/** More than the server can have origins waiting: what each request takes comes back. */
const ROUNDS = 10;
const LARGEST = 48 + 65_535;
/** Not a datagram: it waits for the end of the turn. */
const STREAM = { datagram: false };

let place: ServerPlace;
afterEach(() => place.remove());

const quiet = () => new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
/** A pown of one coin. */
const pown = (serialNumber: number, from: number, to: number) =>
  place.seal(POWN, coin(serialNumber, an(from), an(to)));
const statusOf = async (asked: ReturnType<ServerPlace['ask']>) => (await asked.answer)?.status;

describe('room', () => {
  it('what the ring cannot hold is refused, the rest is answered, then there is room', async () => {
    place = await ServerPlace.make({ ringEntries: 8 });
    const { frames } = place.server.engine;
    const { available } = frames;
    for (let round = 0; round < ROUNDS; round++) {
      const asked = Array.from({ length: 20 }, () => place.submit(place.seal(ECHO), STREAM));
      const taken = asked.filter((one) => one !== undefined);
      expect(asked.map((one) => one !== undefined)).toEqual(asked.map((_, i) => i < 8));
      const statuses = await Promise.all(taken.map(statusOf));
      expect(statuses).toEqual(taken.map(() => Status.SUCCESS));
      expect(taken.every(({ replies }) => replies === 1)).toBe(true);
      expect(frames.available).toBe(available);
    }
    expect(place.statistics.requests).toBe(8 * ROUNDS);
    expect(place.statistics.droppedMessages).toBe(0);
  });

  it('held replies fill their ring, then requests fill theirs; all leave in the end', async () => {
    place = await ServerPlace.make({ ringEntries: 8 });
    await place.ask(place.seal(DETECT, coin(1, an(1)))).answer;
    place.shut('commit');
    const asked = [];
    for (let serialNumber = 0; serialNumber < 40; serialNumber++) {
      asked.push(place.submit(pown(serialNumber, 1, 2)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const taken = asked.filter((one) => one !== undefined);
    expect(taken).toHaveLength(16);
    await quiet();
    expect(taken.some(({ answered }) => answered)).toBe(false);
    place.open();
    expect(await Promise.all(taken.map(statusOf))).toEqual(taken.map(() => Status.ALL_PASS));
    expect(await statusOf(place.ask(pown(20, 1, 2)))).toBe(Status.ALL_PASS);
    expect(await statusOf(place.ask(pown(0, 1, 3)))).toBe(Status.ALL_FAIL);
  });

  it('large replies wait for each other when there are more than frames for them', async () => {
    place = await ServerPlace.make({ largeFrames: 4 });
    const list = Buffer.concat(Array.from({ length: 1500 }, (_, i) => coin(i % 64, an(1))));
    const got = await place.ask(place.seal([2, 40], list), STREAM).answer;
    const number = got?.payload ?? new Uint8Array(0);
    const asked = Array.from({ length: 25 }, (_, raida) =>
      place.ask(place.seal([2, 50], Buffer.concat([Buffer.of(raida), number])), STREAM),
    );
    expect(await Promise.all(asked.map(statusOf))).toEqual(asked.map(() => Status.SUCCESS));
  });

  it('what no frame is left for is refused', async () => {
    place = await ServerPlace.make({ frames: 6 });
    // One frame is the server's own.
    const asked = Array.from({ length: 7 }, () => place.submit(place.seal(ECHO), STREAM));
    expect(asked.map((one) => one !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    await Promise.all(asked.map((one) => one?.answer));
    expect(await statusOf(place.ask(place.seal(ECHO)))).toBe(Status.SUCCESS);
  });

  it('large messages have frames of their own; one that is too long is refused', async () => {
    place = await ServerPlace.make();
    const large = () => place.seal(ECHO, new Uint8Array(65_517));
    const asked = Array.from({ length: 3 }, () => place.submit(large(), STREAM));
    expect(asked.map((one) => one !== undefined)).toEqual([true, true, false]);
    const small = place.ask(place.seal(ECHO), STREAM);
    expect(await statusOf(small)).toBe(Status.SUCCESS);
    expect(await Promise.all(asked.map((one) => one && statusOf(one)))).toEqual([
      Status.SUCCESS,
      Status.SUCCESS,
      undefined,
    ]);
    const sealed = place.seal(ECHO, new Uint8Array(65_517));
    const bytes = Buffer.concat([sealed.bytes, Buffer.alloc(16)]);
    expect(await statusOf(place.ask(sealed, { bytes }))).toBe(Status.SUCCESS);
    const longer = Buffer.alloc(LARGEST + 100);
    expect(place.submit(place.seal(ECHO), { bytes: longer })).toBeUndefined();
  });

  it('requests that wait for a page fill the park, then the ring; all are answered', async () => {
    place = await ServerPlace.make({ ringEntries: 8, parkSlots: 4 });
    place.shut('read');
    const detect = () => place.submit(place.seal(DETECT, coin(1, an(1))));
    const asked = [];
    for (let i = 0; i < 40; i++) {
      asked.push(detect());
      await new Promise((resolve) => setImmediate(resolve));
    }
    const taken = asked.filter((one) => one !== undefined);
    expect(taken).toHaveLength(12);
    await quiet();
    expect(taken.some(({ answered }) => answered)).toBe(false);
    place.open();
    const statuses = await Promise.all(taken.map(statusOf));
    expect(statuses).toEqual(taken.map(() => Status.ALL_PASS));
    expect(await statusOf(place.ask(place.seal(DETECT, coin(1, an(2)))))).toBe(Status.ALL_FAIL);
  });

  it('a message too short for an answer is dropped, told and counted', async () => {
    place = await ServerPlace.make();
    const { frames } = place.server.engine;
    const { available } = frames;
    for (const length of [0, 1, 16, 31]) {
      const bytes = place.seal(ECHO).bytes.subarray(0, length);
      expect(await place.ask(place.seal(ECHO), { bytes }).answer).toBeNull();
      expect(await place.ask(place.seal(ECHO), { bytes, ...STREAM }).answer).toBeNull();
    }
    expect(place.statistics.droppedMessages).toBe(8);
    expect(place.statistics.requests).toBe(0);
    expect(frames.available).toBe(available);
    expect(await statusOf(place.ask(place.seal(ECHO)))).toBe(Status.SUCCESS);
    expect(place.statistics.requests).toBe(1);
  });

  it('tells how long a request will be as far as its first bytes tell', async () => {
    place = await ServerPlace.make();
    const { bytes } = place.seal(ECHO, new Uint8Array(1000));
    const lengthOf = (count: number) => place.server.requestLength(bytes.subarray(0, count));
    expect([0, 1, 16].map(lengthOf)).toEqual([17, 17, 17]);
    expect([17, 31].map(lengthOf)).toEqual([32, 32]);
    expect([32, 33, bytes.length].map(lengthOf)).toEqual(Array(3).fill(bytes.length));
    const refused = bytes.slice();
    refused[2] = 24;
    expect(place.server.requestLength(refused)).toBe(32);
    refused[16] = 9;
    expect(place.server.requestLength(refused)).toBe(48);
  });
});

describe('a change', () => {
  it('is answered when the store has committed it, and not before', async () => {
    place = await ServerPlace.make();
    expect(await statusOf(place.ask(place.seal(DETECT, coin(5, an(1)))))).toBe(Status.ALL_PASS);
    place.shut('commit');
    const changed = place.ask(pown(5, 1, 2));
    // What rests on the change waits with it; what does not, does not.
    const seen = place.ask(place.seal(DETECT, coin(5, an(2))));
    const other = place.ask(place.seal(DETECT, coin(6, an(1))));
    expect(await statusOf(place.ask(place.seal(ECHO)))).toBe(Status.SUCCESS);
    await quiet();
    expect([changed.answered, seen.answered]).toEqual([false, false]);
    place.open();
    expect(await statusOf(changed)).toBe(Status.ALL_PASS);
    expect(await statusOf(seen)).toBe(Status.ALL_PASS);
    expect(await statusOf(other)).toBe(Status.ALL_PASS);
    await place.server.close();
    expect(place.stored(5).an).toEqual(an(2));
  });

  it('that fails changes nothing and waits for nothing', async () => {
    place = await ServerPlace.make();
    await place.ask(place.seal(DETECT, coin(5, an(1)))).answer;
    place.shut('commit');
    expect(await statusOf(place.ask(pown(5, 9, 2)))).toBe(Status.ALL_FAIL);
    place.open();
    await place.server.close();
    expect(place.stored(5).an).toEqual(an(1));
  });

  it.each(['unknown-before', 'unknown-after'] as const)(
    'that ends %s COMMIT is answered 252, and the coin is what the store holds',
    async (fault) => {
      place = await ServerPlace.make();
      place.fault(fault);
      expect(await statusOf(place.ask(pown(5, 1, 2)))).toBe(Status.INTERNAL);
      expect(place.told).toContain('unknown');
      const made = fault === 'unknown-after';
      const found = await statusOf(place.ask(place.seal(FIND, coin(5, an(1), an(2)))));
      expect(found).toBe(made ? Status.FIND_ALL_PAN : Status.FIND_ALL_AN);
      await vi.waitFor(() => expect(place.server.ready).toBe(true), SOON);
      expect(await statusOf(place.ask(pown(5, made ? 2 : 1, 3)))).toBe(Status.ALL_PASS);
      expect(await statusOf(place.ask(pown(5, made ? 1 : 2, 3)))).toBe(Status.ALL_FAIL);
    },
  );

  it('that the store refuses is answered 252 and undone; then service returns', async () => {
    place = await ServerPlace.make();
    expect(place.server.ready).toBe(true);
    place.shut('commit');
    place.fault('refuse');
    const asked = [pown(5, 1, 2), pown(5, 2, 3), pown(6, 1, 2)].map((sealed) => place.ask(sealed));
    await quiet();
    place.open();
    expect(await Promise.all(asked.map(statusOf))).toEqual(asked.map(() => Status.INTERNAL));
    expect(place.told.slice(0, 2).sort()).toEqual(['not ready', 'refused']);
    await vi.waitFor(() => expect(place.server.ready).toBe(true), SOON);
    expect(place.told).toContain('ready');
    for (const serialNumber of [5, 6]) {
      expect(await statusOf(place.ask(pown(serialNumber, 2, 4)))).toBe(Status.ALL_FAIL);
      expect(await statusOf(place.ask(pown(serialNumber, 1, 4)))).toBe(Status.ALL_PASS);
    }
    await place.server.close();
    expect(place.stored(5).an).toEqual(an(4));
  });
});

describe('close()', () => {
  it('waits for replies that are held', async () => {
    place = await ServerPlace.make();
    await place.ask(place.seal(DETECT, coin(5, an(1)))).answer;
    place.shut('commit');
    const held = place.ask(pown(5, 1, 2));
    let closed = false;
    const closing = place.server.close().then(() => {
      closed = true;
    });
    await quiet();
    expect([held.answered, closed]).toEqual([false, false]);
    place.open();
    expect(await statusOf(held)).toBe(Status.ALL_PASS);
    await closing;
    expect(place.stored(5).an).toEqual(an(2));
  });

  it('waits for requests whose page is not here yet', async () => {
    place = await ServerPlace.make();
    place.shut('read');
    const parked = place.ask(place.seal(DETECT, coin(5, an(1))));
    const closing = place.server.close();
    await quiet();
    expect(parked.answered).toBe(false);
    place.open();
    await closing;
    expect(parked.replies).toBe(1);
    expect(await statusOf(parked)).toBe(Status.ALL_PASS);
  });

  it('answers what was taken in the same turn', async () => {
    place = await ServerPlace.make();
    const asked = Array.from({ length: 30 }, () => place.ask(place.seal(ECHO), STREAM));
    await place.server.close();
    expect(asked.every(({ replies }) => replies === 1)).toBe(true);
  });

  it('takes nothing more afterwards, is not ready, and may be called again', async () => {
    place = await ServerPlace.make();
    await Promise.all([place.server.close(), place.server.close()]);
    await place.server.close();
    expect(place.server.ready).toBe(false);
    expect(place.submit(place.seal(ECHO))).toBeUndefined();
  });
});

describe('statistics', () => {
  it('of an encrypted request have the fields of seed 000, section 8.2', async () => {
    place = await ServerPlace.make();
    const before = Date.now() * 1000 - 1000;
    const encryption = {
      type: 1,
      denomination: DENOMINATION,
      serialNumber: 7,
      key: an(1),
    } as const;
    const payload = coin(5, an(1));
    const reply = await place.ask(place.seal(DETECT, payload, { encryption })).answer;
    expect(reply?.status).toBe(Status.ALL_PASS);
    const [record] = place.statistics.recent(1);
    expect(record).toEqual({
      timeUs: expect.any(Number),
      address: PEER_ADDRESS,
      ...{ encryptionType: 1, denomination: DENOMINATION, serialNumber: 7 },
      ...{ group: 1, command: 10, status: Status.ALL_PASS },
      executionUs: reply?.executionUs,
    });
    expect(record?.timeUs).toBeGreaterThan(before);
    expect(record?.timeUs).toBeLessThan(Date.now() * 1000 + 1000);
  });

  it('of a request in clear have no coin, of a refused one its status', async () => {
    place = await ServerPlace.make();
    await place.ask(place.seal(DETECT, coin(5, an(9)))).answer;
    const clear = { encryptionType: 0, denomination: 0, serialNumber: 0 };
    expect(place.statistics.recent(1)).toMatchObject([
      { ...clear, group: 1, command: 10, status: Status.ALL_FAIL },
    ]);
    const key = { denomination: -8, serialNumber: 0xffffffff, key: an(1) };
    const encryption = { type: 1, ...key } as const;
    await place.ask(place.seal(DETECT, coin(5, an(1)), { encryption })).answer;
    const strange = { encryptionType: 1, denomination: -8, serialNumber: 0xffffffff };
    expect(place.statistics.recent(1)).toMatchObject([
      { ...strange, status: Status.INVALID_ENCRYPTION },
    ]);
    expect(place.statistics.requests).toBe(2);
  });

  it('of a request that waited for its page count the waiting', async () => {
    place = await ServerPlace.make();
    place.shut('read');
    const asked = place.ask(place.seal(DETECT, coin(5, an(1))));
    await quiet();
    place.open();
    const reply = await asked.answer;
    expect(reply?.executionUs).toBeGreaterThan(SILENCE_MS * 900);
    expect(place.statistics.recent(1)[0]?.executionUs).toBe(reply?.executionUs);
    expect(place.statistics.lastStatus).toBe(Status.ALL_PASS);
  });
});
