/**
 * RAIDA over TCP as reference section 5 has it, against a real server. Splits are drawn from a seed
 * (ANDVARI_SEED repeats it). Time, room, opening and closing: tcp-limits.test.ts.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import {
  expectNothing,
  expectReply,
  SILENCE_MS,
  SOON,
  TcpPlace,
  WITHIN_MS,
} from './testing/tcp-place.ts';

const LONG = process.env.ANDVARI_LONG === '1';
/** The largest body that 16 bits can announce. */
const BODY_BYTES_MAX = 65535;

let place: TcpPlace;
beforeAll(async () => {
  place = await TcpPlace.make();
});
afterEach(() => place.clear());
afterAll(() => place.remove());

/** Cut at `cuts` places. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

describe('a request', () => {
  it('in one piece for each of its bytes', async () => {
    const { address } = await place.listen();
    const [client, sealed] = [await place.connect(address), place.echo(40)];
    await client.send(...Array.from(sealed.bytes, (byte) => Uint8Array.of(byte)));
    await expectReply(client, sealed);
  });

  it('in any split, and cut short by one byte it has no answer', async () => {
    const seed = seedOfRun();
    console.log(`tcp splits, ANDVARI_SEED=${seed}`);
    const random = randomFrom(seed);
    const { listener, address } = await place.listen();
    for (let run = 0; run < (LONG ? 2000 : 150); run++) {
      const sealed = place.echo(random(run % 10 === 0 ? 60_000 : 200));
      const whole = run % 3 !== 0;
      const sent = whole ? sealed.bytes : sealed.bytes.subarray(0, -1);
      // Half of the cuts lie around the header, where the length becomes known.
      const cuts = Array.from({ length: random(6) }, () =>
        random(random(2) ? Math.min(60, sent.length) : sent.length),
      );
      const client = await place.connect(address);
      await client.send(...pieces(sent, cuts));
      if (!whole || random(2)) client.end();
      if (whole) await expectReply(client, sealed);
      else await expectNothing(client);
      client.destroy();
    }
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
  });

  it.each([1, 5, 50, 65_000])('and %d bytes behind it, which are not read', async (surplus) => {
    const { address, door } = await place.listen();
    const [client, sealed] = [await place.connect(address), place.echo(3)];
    await client.send(Buffer.concat([sealed.bytes, Buffer.alloc(surplus, 0xa5)]));
    await expectReply(client, sealed);
    expect(door.bytes).toBe(sealed.bytes.length);
  });

  it('and a second one behind it, together or later: one is answered', async () => {
    const { listener, address, door } = await place.listen();
    const [client, sealed, second] = [await place.connect(address), place.echo(), place.echo()];
    await client.send(Buffer.concat([sealed.bytes, second.bytes]));
    await expectReply(client, sealed);
    await client.send(second.bytes);
    client.end();
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
    await expectReply(client, sealed);
    expect(door.offers).toBe(1);
  });

  it('with a bad header is answered without its body', async () => {
    const { address } = await place.listen();
    const client = await place.connect(address);
    const request = place.echo(BODY_BYTES_MAX - 18).bytes.slice(0, 32);
    request[0] = 2;
    await client.send(request);
    expect(await client.ending(WITHIN_MS)).toBe('ended');
    expect(client.received[2]).toBe(Status.INVALID_ROUTING);
  });

  it('with a good header waits for its body', async () => {
    const { address } = await place.listen();
    const [client, sealed] = [await place.connect(address), place.echo(BODY_BYTES_MAX - 18)];
    await client.send(sealed.bytes.subarray(0, 32));
    expect(await client.ending(SILENCE_MS)).toBe('open');
    await client.send(sealed.bytes.subarray(32));
    await expectReply(client, sealed);
  });

  it('with the largest body', async () => {
    const { address } = await place.listen();
    const [good, bad] = [await place.connect(address), await place.connect(address)];
    const sealed = place.echo(BODY_BYTES_MAX - 18);
    expect(sealed.bytes.length).toBe(32 + BODY_BYTES_MAX);
    await good.send(sealed.bytes);
    await expectReply(good, sealed);
    const damaged = sealed.bytes.slice();
    damaged[damaged.length - 1] = 0;
    await bad.send(damaged);
    await expectReply(bad, sealed, Status.INVALID_EOF);
  });

  it('that ends before it is complete has no answer', async () => {
    const { listener, address, door } = await place.listen();
    const { bytes } = place.echo(30);
    for (let length = 0; length < bytes.length; length += 7) {
      const client = await place.connect(address);
      await client.send(bytes.subarray(0, length));
      client.end();
      await expectNothing(client);
    }
    expect(door.offers).toBe(0);
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
    await place.expectAlive(address);
  });

  it('is offered again while the server has no room', async () => {
    const { address, door } = await place.listen();
    door.refusals = 20;
    const [client, sealed] = [await place.connect(address), place.echo()];
    await client.send(sealed.bytes);
    await expectReply(client, sealed);
    expect(door.offers).toBe(21);
  });
});

describe('a client', () => {
  it('that half-closes after its request has its reply, also a late one', async () => {
    const { address, door } = await place.listen();
    door.hold = true;
    const [client, sealed] = [await place.connect(address), place.echo(10)];
    await client.send(sealed.bytes);
    client.end();
    await vi.waitFor(() => expect(door.held).toHaveLength(1), SOON);
    expect(await client.ending(SILENCE_MS)).toBe('open');
    door.release();
    await expectReply(client, sealed);
  });

  it.each(['resets', 'closes'])(
    'that %s while its request is held disturbs nobody',
    async (how) => {
      const { listener, address, door } = await place.listen({ idleMs: 400 });
      door.hold = true;
      const [gone, waiting] = [await place.connect(address), await place.connect(address)];
      const sealed = place.echo();
      await gone.send(sealed.bytes);
      await waiting.send(sealed.bytes);
      await vi.waitFor(() => expect(door.held).toHaveLength(2), SOON);
      if (how === 'resets') gone.reset();
      else gone.destroy();
      await new Promise((resolve) => setTimeout(resolve, 20));
      door.release();
      await expectReply(waiting, sealed);
      waiting.end();
      await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
      door.hold = false;
      await place.expectAlive(address);
    },
  );

  it('that resets while it sends disturbs nobody', async () => {
    const { listener, address } = await place.listen();
    for (const length of [0, 1, 17, 40]) {
      const client = await place.connect(address);
      await client.send(place.echo(20).bytes.subarray(0, length));
      client.reset();
    }
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
    await place.expectAlive(address);
  });

  it('that resets while its request has no room is offered no more', async () => {
    const { listener, address, door } = await place.listen({ idleMs: 100 });
    door.refusals = Number.POSITIVE_INFINITY;
    const client = await place.connect(address);
    await client.send(place.echo().bytes);
    await vi.waitFor(() => expect(door.offers).toBeGreaterThan(2), SOON);
    client.reset();
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
    const { offers } = door;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(door.offers).toBe(offers);
  });
});
