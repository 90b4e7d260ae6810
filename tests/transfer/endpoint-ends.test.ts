/** How sessions end: what was acked is read, what was promised is done, who waits is told. */
import { GoAwayError } from '@andvari/host-common/engine/generated/transfer';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import type { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern, pause, writeAll } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

const CLOSED = { code: 'ANDVARI_SESSION_CLOSED' };
const GOING = { code: 'ANDVARI_SESSION_GOING_AWAY' };

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** Writes to a stream of one way until all has arrived; it ends, or does not and is the first. */
async function arrive(session: TransferSession, length: number, ends: boolean) {
  const stream = await session.openStream({ bidi: false });
  const writer = stream.writable?.getWriter();
  await writer?.write(pattern(length));
  if (ends) {
    await writer?.close();
    await stream.done;
  } else await acked(session, length);
  return stream;
}

/** Until all of a session's first `length` bytes have gone, and nothing that went is not acked. */
async function acked(session: TransferSession, length: number): Promise<void> {
  for (;;) {
    const { DATA_SENT, IN_FLIGHT } = session.statistics() ?? {};
    if (DATA_SENT === length && IN_FLIGHT === 0) return;
    await pause(5);
  }
}

/** What a reader gets before its error. */
async function bytesBefore(stream: TransferStream, code: object): Promise<number> {
  const reader = stream.readable?.getReader();
  let sum = 0;
  const reading = (async () => {
    for (let got = await reader?.read(); got && !got.done; got = await reader?.read()) {
      expect(got.value).toEqual(pattern(sum + got.value.length).subarray(sum));
      sum += got.value.length;
    }
  })();
  await expect(reading).rejects.toMatchObject(code);
  return sum;
}

describe('bytes that were acked', () => {
  it('are read after the peer has closed, by a stream that nobody had taken too', async () => {
    const [ours, theirs] = await world.pair();
    await arrive(ours, 400_000, true);
    await arrive(ours, 1000, true);
    const first = await next(theirs.incoming);
    await ours.close();
    expect(await theirs.closed).toEqual({ byPeer: true, error: 0, reason: '' });
    await pause(800); // the keys are wiped by then
    expect(await bytesOf(first)).toEqual(pattern(400_000));
    await first.done;
    expect(await bytesOf(await next(theirs.incoming))).toEqual(pattern(1000));
    expect((await theirs.incoming.getReader().read()).done).toBe(true);
    await expect(theirs.openStream()).rejects.toMatchObject(CLOSED);
  });

  it.each([0, 1])(
    'come before the error of CLOSE %s, on a stream without its end',
    async (code) => {
      const [ours, theirs] = await world.pair();
      await arrive(ours, 50_000, false);
      const stream = await next(theirs.incoming);
      await ours.close(code, 'enough');
      await theirs.closed;
      expect(await bytesBefore(stream, { ...CLOSED, error: code })).toBe(50_000);
      await expect(stream.done).rejects.toMatchObject(CLOSED);
    },
  );

  it('come before the error when time ran out', async () => {
    const [ours, theirs] = await world.pair({}, { idleMs: 300 });
    await arrive(ours, 5000, false);
    const stream = await next(theirs.incoming);
    world.network.loses = () => true;
    expect((await theirs.closed).error).toBe(7);
    expect(await bytesBefore(stream, { ...CLOSED, error: 7 })).toBe(5000);
  });

  it('are given up by who closes', async () => {
    const [ours, theirs] = await world.pair();
    await arrive(ours, 5000, true);
    const stream = await next(theirs.incoming);
    void theirs.close();
    expect(await bytesBefore(stream, CLOSED)).toBe(0);
  });

  it('do not hold up an endpoint that closes', async () => {
    const [ours, theirs] = await world.pair();
    await arrive(ours, 5000, true);
    await ours.close();
    await theirs.closed;
    await pause(800);
    const [, two] = world.opened;
    const startMs = performance.now();
    await two?.close();
    // What was acked is kept for 30 s.
    expect(performance.now() - startMs).toBeLessThan(15_000);
  });
});

describe('GOAWAY', () => {
  it('ends the session with CLOSE 0 when what was begun is done', async () => {
    const [ours, theirs] = await world.pair();
    const told: number[] = [];
    ours.events = { goAway: (error) => void told.push(error) };
    const stream = await ours.openStream();
    const other = await next(theirs.incoming);
    theirs.goAway(GoAwayError.SHUTDOWN, 'for the night');
    await expect(theirs.openStream()).rejects.toMatchObject(GOING);
    while (told.length === 0) await pause(5);
    expect(told).toEqual([GoAwayError.SHUTDOWN]);
    await expect(ours.openStream()).rejects.toMatchObject(GOING);
    await pause(300);
    expect(ours.isOpen && theirs.isOpen).toBe(true);
    await writeAll(stream, pattern(70_000));
    expect(await bytesOf(other)).toEqual(pattern(70_000));
    await writeAll(other, pattern(3));
    expect(await bytesOf(stream)).toEqual(pattern(3));
    expect(await theirs.closed).toEqual({ byPeer: false, error: 0, reason: '' });
    expect(await ours.closed).toEqual({ byPeer: true, error: 0, reason: '' });
    await Promise.all([stream.done, other.done]);
  });

  it.each([0, 3000])('tells the last writer that all has arrived, %i bytes', async (length) => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ bidi: false });
    const writer = stream.writable?.getWriter();
    await writer?.write(pattern(10));
    const reading = bytesOf(await next(theirs.incoming));
    const going = new Promise((resolve) => {
      ours.events = { goAway: resolve };
    });
    theirs.goAway(GoAwayError.SHUTDOWN);
    await going;
    await writer?.write(pattern(length));
    await writer?.close();
    expect((await reading).length).toBe(10 + length);
    await stream.done;
    expect((await ours.closed).error).toBe(0);
  });

  // Of the datagrams behind GOAWAY one is lost: the end of the session may come before an ack.
  it.each([0, 1, 2, 3, 4, 5])(
    'closes at once when there is nothing to do, and loses nothing under way; lost: %i',
    async (lost) => {
      const [ours, theirs] = await world.pair();
      world.network.delayMs = 30;
      const stream = await ours.openStream({ bidi: false });
      const writing = writeAll(stream, pattern(2000));
      ours.events = {
        goAway: () => {
          let behind = 0;
          world.network.loses = (_, to) => to.join() === hostAt(1).join() && ++behind === lost;
        },
      };
      theirs.goAway(GoAwayError.SHUTDOWN);
      // The stream was under way: it is refused, not left without a word.
      await writing.catch(() => {});
      await expect(stream.done).rejects.toMatchObject({ code: 'ANDVARI_STREAM_STOPPED' });
      expect((await theirs.closed).error).toBe(0);
      expect((await ours.closed).error).toBe(0);
    },
  );

  it.each([0, 800])(
    'is told when there is room, with all places taken by %i bytes',
    async (bytes) => {
      const [ours, theirs] = await world.pair();
      const told: unknown[] = [];
      let controls = 0;
      theirs.events = {
        control: () => void controls++,
        goAway: (error, reason) => void told.push([error, reason]),
      };
      const waits = await ours.openStream(); // or the session would close at once
      let sent = 0;
      while (ours.control(0x100, new Uint8Array(bytes))) sent++;
      expect(sent).toBeGreaterThan(0);
      ours.goAway(GoAwayError.SHUTDOWN, 'bye');
      ours.goAway(GoAwayError.OVERLOAD, 'the first one counts');
      await expect(ours.openStream()).rejects.toMatchObject(GOING);
      expect(told).toEqual([]);
      while (told.length === 0) await pause(5);
      await pause(100);
      expect(told).toEqual([[GoAwayError.SHUTDOWN, 'bye']]);
      expect(controls).toBe(sent);
      expect(ours.isOpen && theirs.isOpen).toBe(true);
      await writeAll(waits, pattern(3));
      const other = await next(theirs.incoming);
      expect(await bytesOf(other)).toEqual(pattern(3));
      await other.writable?.close();
      expect(await bytesOf(waits)).toEqual(pattern(0));
      expect((await ours.closed).error).toBe(0);
    },
  );

  it('is not told by a session that closed before there was room', async () => {
    const [ours, theirs] = await world.pair();
    let told = 0;
    theirs.events = { goAway: () => void told++ };
    while (ours.control(0x100, new Uint8Array(800)));
    ours.goAway(GoAwayError.SHUTDOWN);
    void ours.close(3, 'enough');
    expect(await theirs.closed).toEqual({ byPeer: true, error: 3, reason: 'enough' });
    ours.goAway(GoAwayError.SHUTDOWN);
    await pause(100);
    expect(told).toBe(0);
    await expect(ours.openStream()).rejects.toMatchObject(CLOSED);
  });

  it('tells who waits to open a stream', async () => {
    const [ours, theirs] = await world.pair({ maxStreams: 1 }, { maxStreams: 1 });
    await ours.openStream();
    await theirs.openStream();
    const waiting = [ours.openStream(), theirs.openStream()];
    const ends = waiting.map((one) => expect(one).rejects.toMatchObject(GOING));
    await pause(50);
    theirs.goAway(GoAwayError.OVERLOAD);
    await Promise.all(ends);
    expect(ours.isOpen && theirs.isOpen).toBe(true);
  });
});

describe('close()', () => {
  it.each([0, 300, 800])('tells the peer when the event loop is busy for %i ms', async (busyMs) => {
    const [ours, theirs] = await world.pair();
    for (let i = 0; i < 5; i++) await ours.ping();
    world.network.delayMs = 5;
    void ours.ping().catch(() => {});
    await Promise.resolve(); // it has gone: a timer waits for its answer
    void ours.close(2, 'bye');
    const untilMs = performance.now() + busyMs;
    while (performance.now() < untilMs);
    const late = pause(20_000).then(() => 'never told');
    const told = await Promise.race([theirs.closed, late]);
    expect(told).toEqual({ byPeer: true, error: 2, reason: 'bye' });
  });
});

describe('a reason that is too long', () => {
  // The last character that has room ends one byte before the end, or right there.
  it.each([
    ['q', 255],
    ['', 256],
  ])('of a GOAWAY is cut between characters, behind %j too', async (first, bytes) => {
    const [ours, theirs] = await world.pair();
    const told: string[] = [];
    theirs.events = { goAway: (_, reason) => void told.push(reason) };
    ours.goAway(GoAwayError.SHUTDOWN, `${first}${'é'.repeat(300)}`);
    expect(await theirs.closed).toMatchObject({ error: 0 });
    expect(told).toEqual([`${first}${'é'.repeat((bytes - first.length) >> 1)}`]);
  });

  it('of an end is cut between characters', async () => {
    const [ours, theirs] = await world.pair();
    await ours.close(7, `${'q'.repeat(1023)}é`);
    const end = { byPeer: true, error: 7, reason: 'q'.repeat(1023) };
    expect(await theirs.closed).toEqual(end);
  });
});
