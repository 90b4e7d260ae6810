// An acknowledgement goes with the answer where that comes soon, and alone where it does not.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { QuicConnection } from './quic-connection.ts';
import { quicAvailable } from './testing/quic-client.ts';
import { quicPlace } from './testing/quic-place.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.runIf(quicAvailable)('a packet that is read', () => {
  const place = quicPlace();
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['and answered at once', 0, 1],
    ['and answered soon', 2, 1],
    ['and answered late', 40, 2],
  ])('%s', async (_, answerMs, packets) => {
    const client = await place.open();
    const { id } = await client.connect({ ':path': '/silent' });
    const stream = client.sessionStream(id, Uint8Array.of(0));
    await vi.waitFor(() => expect(place.echo.silent).toHaveLength(1));
    const server = place.echo.silent[0]!;
    expect(await server.readable.read()).toHaveLength(1);
    await pause(100);

    let came = 0;
    const { receive } = QuicConnection.prototype;
    vi.spyOn(QuicConnection.prototype, 'receive').mockImplementation(function (
      this: QuicConnection,
      bytes,
    ) {
      if (this === client.quic) came++;
      receive.call(this, bytes);
    });
    // A busy machine may hold an answer for longer than was meant: then it is asked again.
    for (let isAsMeant = false; !isAsMeant; ) {
      await pause(100);
      came = 0;
      const startMs = performance.now();
      void stream.send.write(Uint8Array.of(1));
      expect(await server.readable.read()).toEqual(Uint8Array.of(1));
      if (answerMs > 0) await pause(answerMs);
      await server.writable.write(Uint8Array.of(2));
      expect(await stream.receive.read()).toEqual(Uint8Array.of(2));
      isAsMeant = performance.now() - startMs < answerMs + 5;
    }
    expect(came).toBe(packets);
  });
});
