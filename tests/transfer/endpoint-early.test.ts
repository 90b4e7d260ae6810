/** What a peer says before the application has said whom to tell, or has taken what it opened. */
import { TransferEventKind } from '@andvari/host-common/engine/generated/transfer';
import type { TransferEventOf } from '@andvari/host-common/transfer/engine-transfer';
import { IncomingStreams, type Untaken } from '@andvari/host-common/transfer/incoming-streams';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EndpointWorld, next, pattern, pause } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

const HELD = 16;

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** A session whose called side says something as soon as it has it; ours has no events yet. */
async function greeted(greet: (session: TransferSession) => unknown): Promise<TransferSession> {
  const [caller, called] = [await world.endpoint(1), await world.endpoint(2)];
  void next(called.incoming).then(greet);
  const session = await caller.connect(world.identity(2).peerId, hostAt(2));
  return session;
}

/** All that a session tells. */
function listen(session: TransferSession): unknown[][] {
  const told: unknown[][] = [];
  session.events = {
    control: (type, data) => told.push(['control', type, data.length]),
    extension: (type, data) => told.push(['extension', type, data.length]),
    goAway: (error, reason) => told.push(['goAway', error, reason]),
    rekeyed: (epoch) => told.push(['rekeyed', epoch]),
  };
  return told;
}

describe('frames that come before there are events', () => {
  it.each([0, 200])('are told when they are set, %s ms after connect()', async (ms) => {
    const session = await greeted((theirs) => {
      theirs.control(0x100, pattern(5));
      theirs.extension(0x20, pattern(9));
      theirs.goAway(1, 'bye');
    });
    if (ms) await pause(ms);
    const told = listen(session);
    await vi.waitFor(() => expect(told).toHaveLength(3));
    const all = [
      ['control', 0x100, 5],
      ['extension', 0x20, 9],
      ['goAway', 1, 'bye'],
    ];
    expect(told).toEqual(expect.arrayContaining(all));
    // Once: others that are set later hear none of it.
    const later = listen(session);
    await pause(50);
    expect(later).toEqual([]);
  });

  it('are told to an acceptor that takes the session late', async () => {
    const [caller, called] = [await world.endpoint(1), await world.endpoint(2)];
    const session = await caller.connect(world.identity(2).peerId, hostAt(2));
    session.control(0x101, pattern(7));
    await pause(200);
    const told = listen(await next(called.incoming));
    await vi.waitFor(() => expect(told).toEqual([['control', 0x101, 7]]));
  });

  it('are no more than a few: a peer fills no memory with them', async () => {
    const session = await greeted(async (theirs) => {
      for (let i = 0; i < 10 * HELD; i++) {
        while (!theirs.control(0x100 + i, pattern(1000))) await pause(5);
      }
    });
    await vi.waitFor(() => expect(session.statistics()?.PACKETS_RECEIVED).toBeGreaterThan(160));
    await pause(100);
    const told = listen(session);
    const types = told.map(([, type]) => type as number);
    expect(types).toHaveLength(HELD);
    expect(Math.max(...types)).toBeLessThan(0x100 + 2 * HELD);
  });

  it('are lost to nobody who sets them in time, whatever is thrown meanwhile', async () => {
    const session = await greeted((theirs) => theirs.control(0x100, pattern(5)));
    await pause(100);
    expect(() => Object.assign(session, { events: { control: 5 } })).toThrow(TypeError);
    expect(listen(session)).toEqual([['control', 0x100, 5]]);
  });
});

describe('a stream that nobody has taken', () => {
  const facts = { handle: 7, local: false, bidi: false, expedited: false, priority: 1 };
  const event = (kind: number): TransferEventOf => ({
    ...{ kind, session: 1, stream: 7, number: 1, value: 0, code: 0 },
    ...{ bytes: new Uint8Array(16), path: new Uint8Array(24) },
  });

  it('keeps its ends, once, and none of the hashes that come with its bytes', async () => {
    const taken: Untaken[] = [];
    const streams = new IncomingStreams({
      taken: (untaken) => {
        taken.push(untaken);
        return {} as never;
      },
      refused: () => {},
    });
    streams.opened({ ...facts, metadata: new Uint8Array(0) });
    for (let i = 0; i < 1000; i++) {
      streams.take(event(TransferEventKind.CHUNK_HASH));
      streams.take(event(TransferEventKind.STREAM_READABLE));
    }
    for (let i = 0; i < 3; i++) streams.take(event(TransferEventKind.STREAM_STOPPED));
    streams.take(event(TransferEventKind.STREAM_FINISHED));
    await streams.readable.getReader().read();
    expect(taken[0]?.events.map(({ kind }) => kind)).toEqual([
      TransferEventKind.STREAM_STOPPED,
      TransferEventKind.STREAM_FINISHED,
    ]);
  });
});
