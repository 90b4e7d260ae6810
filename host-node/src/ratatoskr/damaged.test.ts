// Damaged messages straight into connections, without sockets: whatever comes, nothing is thrown,
// nothing is executed but what a device has signed, and each message has one answer at the most.
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { until } from '../testing/until.ts';
import type { ChannelHandler, MessageChannel } from './channel.ts';
import { placesForTests } from './testing/places.ts';
import { echo } from './testing/ratatoskr-place.ts';

const long = process.env.ANDVARI_LONG === '1';
/** A hundred thousand of them take minutes, on a busy machine many. */
const TEST_MS = long ? 900_000 : 240_000;
const start = placesForTests();

class Sink implements MessageChannel {
  readonly transport = 'websocket';
  readonly remoteAddress = 'test';
  readonly bufferedBytes = 0;
  readonly sent: Uint8Array[] = [];
  closedWith: number | undefined;

  send(message: Uint8Array): void {
    this.sent.push(message);
  }

  known(): void {}

  pause(): void {}

  resume(): void {}

  close(code: number): void {
    this.closedWith = code;
  }
}

function damage(message: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = Uint8Array.from(message);
  const at = random(bytes.length);
  switch (random(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Uint8Array.of(...bytes, random(256));
    case 2:
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + 1));
    case 3:
      return Uint8Array.of(...bytes.subarray(0, at), random(256), ...bytes.subarray(at));
    case 4:
      return Uint8Array.from({ length: random(64) }, () => random(256));
    default:
      bytes[at] = (bytes[at] as number) ^ (1 << random(8));
      return bytes;
  }
}

describe('damaged messages', () => {
  it(
    'are answered or end the connection, and nothing else happens',
    async () => {
      const seed = seedOfRun();
      const random = randomFrom(seed);
      const executed = new Set<string>();
      const counting = {
        name: 'counting',
        handle: (request: Parameters<typeof echo.handle>[0]) => {
          executed.add(request.requestId);
          return echo.handle(request);
        },
      };
      const place = await start({
        rates: { perMinute: 1e9, perHour: 1e9 },
        connectionRate: { burst: 1e9 },
        bus: { fallback: counting },
        replayEntries: 1_000_000,
      });
      const { server, codec } = place;
      const peer = await place.peer();
      const whole = new Set<string>();
      let channel = new Sink();
      let handler: ChannelHandler | undefined;
      for (let i = 0; i < (long ? 100_000 : 1500); i++) {
        if (!handler || channel.closedWith !== undefined) {
          handler?.closed();
          channel = new Sink();
          handler = server.accept(channel) as ChannelHandler;
          handler.message(codec.encodeRequest(peer.connectionRequest()));
          await until(() => channel.sent.length > 0);
          expect(channel.sent, `seed ${seed}`).toHaveLength(1);
        }
        if (i % 20 === 0) place.clock.pass(1);
        const request = peer.request({ payload: Uint8Array.from({ length: random(40) }, () => 1) });
        const isWhole = random(10) === 0;
        if (isWhole) whole.add(request.requestId);
        const message = codec.encodeRequest(request);
        const before = channel.sent.length;
        handler.message(isWhole ? message : damage(message, random));
        if (i % 16 === 0) handler.text();
        await new Promise((resolve) => setImmediate(resolve));
        const answers = channel.sent.length - before;
        expect(answers, `seed ${seed}, message ${i}`).toBeLessThanOrEqual(i % 16 === 0 ? 2 : 1);
        for (const answer of channel.sent.slice(before)) {
          expect(codec.openResponse(answer).ok, `seed ${seed}, message ${i}`).toBe(true);
        }
      }
      handler?.closed();
      expect(executed, `seed ${seed}`).toEqual(whole);
      expect(executed.size, `seed ${seed}`).toBeGreaterThan(0);
    },
    TEST_MS,
  );
});
