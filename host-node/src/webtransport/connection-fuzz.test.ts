// Streams and datagrams of anything at all on live connections: the server closes what it must, and
// serves whoever comes next.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import {
  emitCloseSession,
  emitControlStart,
  emitDrainSession,
  emitHeaders,
} from './http3-frames.ts';
import { connectFields, QuicClient, quicAvailable } from './testing/quic-client.ts';
import { quicPlace } from './testing/quic-place.ts';
import { concatBytes } from './varint.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const CONNECTIONS = LONG ? 5000 : 150;
const STREAMS_EACH = 8;

const starts = [
  emitControlStart(),
  Uint8Array.of(2, 0x20),
  Uint8Array.of(3, 0x40),
  Uint8Array.of(0x40, 0x54, 0, 1, 2),
  Uint8Array.of(0x40, 0x41, 0, 1, 2),
  Uint8Array.of(0x40, 0x41, 4),
  Uint8Array.of(0x21, 3, 1, 2, 3),
  emitHeaders(connectFields()),
  concatBytes(emitHeaders(connectFields()), emitDrainSession()),
  concatBytes(emitHeaders(connectFields()), emitCloseSession(3, Buffer.from('x'))),
];

describe.runIf(quicAvailable)('live connections', () => {
  const place = quicPlace();
  /** Errors that nobody caught: the one thing that must not be. */
  const accidents: unknown[] = [];
  const accident = (error: unknown) => void accidents.push(error);
  beforeAll(() => void process.on('uncaughtExceptionMonitor', accident));
  afterAll(() => void process.off('uncaughtExceptionMonitor', accident));

  const seed = seedOfRun();
  it(`streams of anything (ANDVARI_SEED=${seed})`, { timeout: 600_000 }, async () => {
    const random = randomFrom(seed);
    const damaged = () => {
      const bytes = Uint8Array.from(starts[random(starts.length)]!);
      for (let count = random(3); count > 0; count--) {
        bytes[random(bytes.length)]! ^= 1 << random(8);
      }
      return random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    };
    let closedCount = 0;
    for (let count = 0; count < CONNECTIONS; count++) {
      const client = await QuicClient.open(place.echo.address, { silent: random(2) === 0 });
      void client.end.then(({ by }) => {
        if (by === 'peer') closedCount++;
      });
      for (let index = 0; index < STREAMS_EACH && !client.quic.lost; index++) {
        const kind = random(5);
        if (kind === 0) client.quic.sendDatagram(damaged().subarray(0, 1000));
        else if (kind === 1) client.unidirectional(damaged());
        else {
          const { receive, send } = client.bidirectional(damaged());
          if (kind === 2) send.end(damaged()).catch(() => {});
          else if (kind === 3) send.reset(random(1000));
          if (random(4) === 0) receive.stop(random(1000));
        }
        if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
      client.close();
    }
    expect(accidents).toEqual([]);
    expect(closedCount).toBeGreaterThan(0);
    const client = await place.open();
    expect((await client.connect()).status).toBe(200);
  });
});
