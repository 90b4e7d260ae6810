// Streams of sessions, over the same binding: codes, flow control, places.
import { describe, expect, it, vi } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { toApplicationCode, toHttp3Code } from './http3-error.ts';
import type { QuicStreamError } from './quic-stream.ts';
import { quicAvailable } from './testing/quic-client.ts';
import { quicPlace, readAll, streamError, writeOn } from './testing/quic-place.ts';

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe.runIf(quicAvailable)('streams of a session', () => {
  const place = quicPlace();

  it('RESET and STOP_SENDING carry the code of the application, both ways', async () => {
    const client = await place.open();
    const { id } = await client.connect({ ':path': '/silent' });
    const one = client.sessionStream(id, Buffer.from('x'));
    await vi.waitFor(() => expect(place.echo.silent).toHaveLength(1));
    const { readable, writable } = place.echo.silent[0]!;
    expect(text(await readable.read())).toBe('x');
    const next = readable.read();
    one.send.reset(toHttp3Code(0xffffffff));
    await expect(next).rejects.toMatchObject({ kind: 'reset', applicationCode: 0xffffffff });
    one.receive.stop(toHttp3Code(77));
    expect(await writeOn(writable)).toMatchObject({ kind: 'stopped', applicationCode: 77 });

    const two = client.sessionStream(id, Buffer.from('y'));
    await vi.waitFor(() => expect(place.echo.silent).toHaveLength(2));
    // QUIC forgets the code of a stream whose last bytes are acknowledged along with it.
    await new Promise((resolve) => setTimeout(resolve, 100));
    place.echo.silent[1]!.readable.stop(5);
    place.echo.silent[1]!.writable.reset(6);
    const reset = await streamError(readAll(two.receive));
    expect(toApplicationCode(reset.http3Code)).toBe(6);
    const stopped = await writeOn(two.send);
    expect(toApplicationCode((stopped as QuicStreamError).http3Code)).toBe(5);
  });

  it('one that nobody reads stops its sender; reading lets it go on', async () => {
    const client = await place.open();
    const { id } = await client.connect({ ':path': '/silent' });
    const stream = client.sessionStream(id, new Uint8Array(0));
    const whole = new Uint8Array(3 << 20).map((_, index) => index);
    const sent = stream.send.end(whole);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // 512 KiB of window, and what the client's QUIC holds itself.
    expect(stream.send.bufferedBytes).toBeGreaterThan(1 << 20);
    // Another stream of the connection is not held up.
    const other = await client.connect();
    const lively = client.sessionStream(other.id, Buffer.from('lively'));
    expect(text(await lively.receive.read())).toBe('lively');
    const read = await readAll(place.echo.silent[0]!.readable);
    await sent;
    expect(Buffer.compare(read, whole)).toBe(0);
  });

  it('stopped streams give their window back', async () => {
    const client = await place.open();
    const { id } = await client.connect({ ':path': '/silent' });
    const often = { interval: 2 };
    const came = (count: number) =>
      vi.waitFor(() => expect(place.echo.silent).toHaveLength(count), often);
    // More than the connection's window, if none of it came back.
    for (let round = 0; round < 60; round++) {
      const { send } = client.sessionStream(id, new Uint8Array(40 << 10));
      await vi.waitFor(() => expect(send.bufferedBytes).toBe(0), often);
      // Behind its bytes: of a stream that is reset, what has not come is not given back.
      client.sessionStream(id, new Uint8Array(1));
      await came(2 * round + 2);
      for (const { readable, writable } of place.echo.silent.slice(-2)) {
        readable.stop(1);
        writable.reset(1);
      }
    }
  });

  it('writes that nobody takes are refused at 8 MiB', async () => {
    const client = await place.open();
    await client.connect();
    const { writable } = place.echo.sessions[0]!.openBidirectional();
    const first = writable.write(new Uint8Array(8 << 20));
    await expect(writable.write(new Uint8Array(8 << 20))).rejects.toMatchObject({
      code: 'ANDVARI_QUIC_BUFFER_FULL',
    });
    expect(writable.bufferedBytes).toBeLessThanOrEqual(8 << 20);
    place.echo.sessions[0]!.close();
    await expect(first).rejects.toMatchObject({ kind: 'session' });
  });

  it('a thousand in a row: places are given back', async () => {
    const client = await place.open();
    const { id } = await client.connect();
    for (let round = 0; round < 40; round++) {
      const streams = Array.from({ length: 25 }, (_, index) =>
        client.sessionStream(id, Buffer.from(`${round}:${index}`)),
      );
      for (const { send } of streams) await send.end();
      const read = await Promise.all(streams.map(({ receive }) => readAll(receive)));
      expect(read.map(text)).toEqual(streams.map((_, index) => `${round}:${index}`));
    }
  });

  const seed = seedOfRun();
  it(`comes whole though packets get lost, each way (ANDVARI_SEED=${seed})`, async () => {
    const random = randomFrom(seed);
    let lostCount = 0;
    const isLost = () => {
      const lost = random(100) < 3;
      if (lost) lostCount++;
      return lost;
    };
    const client = await place.open({ isLost });
    const { id } = await client.connect();
    const whole = Uint8Array.from({ length: 256 << 10 }, () => random(256));
    const stream = client.sessionStream(id, new Uint8Array(0));
    const [back] = await Promise.all([readAll(stream.receive), stream.send.end(whole)]);
    expect(Buffer.compare(back, whole)).toBe(0);
    expect(lostCount).toBeGreaterThan(0);
  });
});
