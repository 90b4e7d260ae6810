// The end of a stream goes, whatever is acknowledged in the very moment in which it is said.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { QuicConnection } from './quic-connection.ts';
import { quicAvailable } from './testing/quic-client.ts';
import { quicPlace, readAll } from './testing/quic-place.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.runIf(quicAvailable)('the end of a stream', () => {
  const place = quicPlace();
  afterEach(() => vi.restoreAllMocks());

  it.each([true, false])('arrives; acknowledgements come with it: %s', async (atOnce) => {
    const client = await place.open();
    const { id } = await client.connect({ ':path': '/silent' });
    const stream = client.sessionStream(id, new Uint8Array(10));
    await stream.send.end();
    await vi.waitFor(() => expect(place.echo.silent).toHaveLength(1));
    const server = place.echo.silent[0]!;
    expect(await readAll(server.readable)).toHaveLength(10);
    await pause(100);

    // What the server hears is held back, then handed over together.
    let held: (() => void)[] | undefined = [];
    const { receive } = QuicConnection.prototype;
    vi.spyOn(QuicConnection.prototype, 'receive').mockImplementation(function (
      this: QuicConnection,
      bytes,
    ) {
      const copy = Uint8Array.from(bytes);
      if (held && this !== client.quic) held.push(() => receive.call(this, copy));
      else receive.call(this, bytes);
    });
    const deliver = () => {
      const all = held ?? [];
      held = undefined;
      for (const each of all) each();
    };
    await server.writable.write(new Uint8Array(1000));
    await vi.waitFor(() => expect(held?.length).toBeGreaterThan(0));
    await pause(50);
    if (!atOnce) deliver();
    await pause(50);
    void server.writable.end();
    if (atOnce) deliver();
    expect(await readAll(stream.receive)).toHaveLength(1000);
    await vi.waitFor(() => expect(server.writable.acknowledged).toBe(true));
  });
});
