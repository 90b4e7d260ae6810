// A path that loses packets: what QUIC measures of it stays true, and no connection dies of it.
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { quicAvailable } from './testing/quic-client.ts';
import { quicPlace } from './testing/quic-place.ts';

const MESSAGE_BYTES = 1 << 20;
const MESSAGES = 10;

describe.runIf(quicAvailable)('a path that loses 5 % of the packets', () => {
  const place = quicPlace();

  // With quiche's CUBIC the measured round trip is that of the whole transfer.
  it('is measured as short as it is', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    let isLossy = false;
    const client = await place.open({ isLost: () => isLossy && random(100) < 5 });
    const { id } = await client.connect();
    isLossy = true;
    const { send, receive } = client.sessionStream(id, new Uint8Array(0));
    let roundTripMs = 0;
    for (let message = 0; message < MESSAGES; message++) {
      send.write(new Uint8Array(MESSAGE_BYTES)).catch(() => {});
      for (let bytes = 0; bytes < MESSAGE_BYTES; ) {
        const part = await receive.read();
        if (!part) throw new Error('the stream ended early');
        bytes += part.length;
        roundTripMs = Math.max(roundTripMs, client.quic.native.pathStats()[0]!.rtt);
      }
    }
    expect(roundTripMs, `ANDVARI_SEED=${seed}`).toBeLessThan(400);
  });
});
