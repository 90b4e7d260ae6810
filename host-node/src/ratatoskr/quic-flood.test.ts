// What a stranger can make of QUIC alone, below all messages, takes no more than its share.

import { TokenBucket } from '@andvari/host-common/token-bucket';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EchoServer } from '../webtransport/testing/echo-server.ts';
import { connectFields, QuicClient, quicAvailable } from '../webtransport/testing/quic-client.ts';
import type { ThreadShares } from '../webtransport/thread-shares.ts';
import { concatBytes, emitVarint } from '../webtransport/varint.ts';
import { QuicShares } from './quic-shares.ts';

const FLOOD_MS = 1500;
/** A share so small that a client in the server's own thread uses it up. */
const BURST_MS = 20;
const MS_PER_SECOND = 50;
/** A turn that has begun is longer than what was left. */
const TURN_MS = 100;

let closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(shares: ThreadShares): Promise<EchoServer> {
  const echo = await EchoServer.open({ shares });
  closing = [() => echo.server.close()];
  return echo;
}

async function connect({ address }: EchoServer): Promise<QuicClient> {
  const client = await QuicClient.open(address);
  closing.push(() => client.close());
  return client;
}

function datagramOf(id: number): Uint8Array {
  return concatBytes(emitVarint(id / 4), new Uint8Array(1));
}

/** As many small datagrams as go in a time; gives the seconds that it took. */
async function flood(client: QuicClient, id: number): Promise<number> {
  const startMs = performance.now();
  while (performance.now() - startMs < FLOOD_MS) {
    for (let i = 0; i < 60; i++) client.quic.sendDatagram(datagramOf(id));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return (performance.now() - startMs) / 1000;
}

describe.runIf(quicAvailable)('a stranger of QUIC', () => {
  it('that floods takes its share; others go on, and so does it when it is known', async () => {
    let takenMs = 0;
    let knownShares = 0;
    const small = new TokenBucket(BURST_MS, MS_PER_SECOND, performance.now());
    const charge = (ms: number) => {
      takenMs += ms;
      small.charge(ms);
    };
    const shares = new QuicShares();
    const echo = await serve({
      known: () => {
        knownShares++;
        return shares.known();
      },
      stranger: () => ({ has: (nowMs) => small.has(nowMs), charge }),
    });
    const [loud, quiet] = [await connect(echo), await connect(echo)];
    const [first, other] = [await loud.connect(), await quiet.connect()];
    echo.sessions[1]?.known();
    takenMs = 0;
    const seconds = await flood(loud, first.id);
    expect(echo.server.counts.packetsDropped).toBeGreaterThan(0);
    const mostMs = BURST_MS + seconds * MS_PER_SECOND + TURN_MS;
    expect(takenMs).toBeLessThan(mostMs);

    quiet.quic.sendDatagram(datagramOf(other.id));
    await vi.waitFor(() => expect(quiet.datagrams).toHaveLength(1));
    echo.sessions[0]?.known();
    // A connection has one share, however many of its sessions become known.
    echo.sessions[0]?.known();
    expect(knownShares).toBe(2);
    const before = echo.server.counts.packetsDropped;
    const heard = loud.datagrams.length;
    await vi.waitFor(() => {
      loud.quic.sendDatagram(datagramOf(first.id));
      expect(loud.datagrams.length).toBeGreaterThan(heard);
    });
    expect(echo.server.counts.packetsDropped).toBe(before);
  });

  it('that asks for little is served at once', async () => {
    const echo = await serve(new QuicShares());
    const client = await connect(echo);
    for (let i = 0; i < 20; i++) {
      const { status } = await client.request(connectFields({ ':path': '/nothing' }));
      expect(status).toBe(404);
    }
    expect(echo.server.counts.packetsDropped).toBe(0);
  });
});
