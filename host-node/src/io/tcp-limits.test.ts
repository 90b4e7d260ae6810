/** How long, how many and from when to when: the limits of TCP connections, with short times. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { keptPorts } from '../testing/ports.ts';
import { AddressError, PortInUseError } from './packet-io.ts';
import { TcpListener, type TcpOptions } from './tcp.ts';
import { expectNothing, expectReply, SOON, TcpPlace } from './testing/tcp-place.ts';

let place: TcpPlace;
beforeAll(async () => {
  place = await TcpPlace.make();
});
afterEach(() => place.clear());
afterAll(() => place.remove());

describe('time', () => {
  it.each([0, 20, 40])('a client silent after %d bytes is cut off', async (bytes) => {
    const { listener, address } = await place.listen({ idleMs: 200 });
    const client = await place.connect(address);
    await client.send(place.echo(60).bytes.subarray(0, bytes));
    expect(await client.ending(120)).toBe('open');
    await expectNothing(client);
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
  });

  it('one that pauses for less is not', async () => {
    const { address } = await place.listen({ idleMs: 300 });
    const [client, sealed] = [await place.connect(address), place.echo(10)];
    for (const piece of [0, 8, 24, 40].map((at, i, all) => sealed.bytes.subarray(at, all[i + 1]))) {
      await client.send(piece);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await expectReply(client, sealed);
  });

  it('one that sends a byte now and then is cut off at the end of its life', async () => {
    const { listener, address } = await place.listen({ idleMs: 200, lifeMs: 500 });
    const client = await place.connect(address);
    const { bytes } = place.echo(60);
    const started = performance.now();
    for (const byte of bytes) {
      await client.send(Uint8Array.of(byte));
      if ((await client.ending(25)) !== 'open') break;
    }
    expect(performance.now() - started).toBeGreaterThan(450);
    await expectNothing(client);
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
  });

  it('one that never reads its reply and never closes is cut off', async () => {
    const { listener, address, door } = await place.listen({ idleMs: 200 });
    const client = await place.connect(address);
    client.socket.pause();
    await client.send(place.echo().bytes);
    await vi.waitFor(() => expect(door.offers).toBe(1), SOON);
    expect(listener.connections).toBe(1);
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
    await place.expectAlive(address);
  });

  it('one whose request is with the server is not, and is cut off after its reply', async () => {
    const { listener, address, door } = await place.listen({ idleMs: 100 });
    door.hold = true;
    const [client, sealed] = [await place.connect(address), place.echo()];
    await client.send(sealed.bytes);
    await vi.waitFor(() => expect(door.held).toHaveLength(1), SOON);
    expect(await client.ending(400)).toBe('open');
    door.release();
    await expectReply(client, sealed);
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
  });

  it('one whose request the server has no room for is cut off', async () => {
    const { listener, address, door } = await place.listen({ idleMs: 100 });
    door.refusals = Number.POSITIVE_INFINITY;
    const client = await place.connect(address);
    await client.send(place.echo().bytes);
    await expectNothing(client);
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
  });

  it('one that goes on sending after its reply is cut off at the end of its life', async () => {
    const { listener, address } = await place.listen({ idleMs: 200, lifeMs: 400 });
    const [client, sealed] = [await place.connect(address), place.echo()];
    await client.send(sealed.bytes);
    await expectReply(client, sealed);
    const chatter = setInterval(() => client.socket.write('x'), 20);
    client.socket.on('error', () => {});
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
    clearInterval(chatter);
  });
});

describe('room', () => {
  const limits: [string, TcpOptions][] = [
    ['in all', { connectionsMax: 3 }],
    ['of an address', { addressConnectionsMax: 3 }],
  ];

  it.each(limits)(
    '%s: what is served stays, further are closed, freed places are taken', //
    async (_, options) => {
      const { listener, address, door } = await place.listen(options);
      door.hold = true;
      const sealed = place.echo();
      const first = await Promise.all([1, 2, 3].map(() => place.connect(address)));
      for (const client of first) await client.send(sealed.bytes);
      await vi.waitFor(() => expect(door.held).toHaveLength(3), SOON);
      for (let i = 0; i < 5; i++) await expectNothing(await place.connect(address));
      expect(listener.connections).toBe(3);
      door.hold = false;
      door.release();
      for (const client of first) {
        await expectReply(client, sealed);
        client.end();
      }
      await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
      await place.expectAlive(address);
    },
  );

  it.each(limits)('%s: the oldest without a whole request makes way', async (_, options) => {
    const { listener, address, door } = await place.listen(options);
    door.hold = true;
    const sealed = place.echo();
    const served = await place.connect(address);
    await served.send(sealed.bytes);
    await vi.waitFor(() => expect(door.held).toHaveLength(1), SOON);
    const idle = await place.connect(address);
    await idle.send(sealed.bytes.subarray(0, -1));
    const younger = await place.connect(address);
    await vi.waitFor(() => expect(listener.connections).toBe(3), SOON);
    const newest = await place.connect(address);
    await expectNothing(idle);
    expect(listener.connections).toBe(3);
    door.hold = false;
    door.release();
    for (const client of [younger, newest]) await client.send(sealed.bytes);
    for (const client of [served, younger, newest]) await expectReply(client, sealed);
  });

  const isLinux = process.platform === 'linux';
  it.skipIf(!isLinux)('one address takes no place from another', async () => {
    const { listener, address } = await place.listen({
      ...{ connectionsMax: 6, addressConnectionsMax: 3 },
    });
    const other = await place.connect(address, '127.0.0.2');
    for (let i = 0; i < 20; i++) await place.connect(address, '127.0.0.3');
    await vi.waitFor(() => expect(listener.connections).toBe(4), SOON);
    const sealed = place.echo();
    await other.send(sealed.bytes);
    await expectReply(other, sealed);
  });

  it('1100 silent connections from one address leave room for others and itself', async () => {
    const { listener, address } = await place.listen();
    for (let i = 0; i < 1100; i++) await place.connect(address);
    await place.expectAlive(address);
    expect(listener.connections).toBeLessThanOrEqual(64);
  });

  it('200 connections at once, each with its own reply', async () => {
    const { address } = await place.listen({ addressConnectionsMax: 200 });
    const all = await Promise.all(Array.from({ length: 200 }, () => place.connect(address)));
    await Promise.all(
      all.map(async (client) => {
        const sealed = place.echo(20);
        await client.send(sealed.bytes);
        await expectReply(client, sealed);
      }),
    );
  });
});

describe('opening and closing', () => {
  it('stop() takes no more connections and lets replies leave', async () => {
    const { listener, address, door } = await place.listen();
    door.hold = true;
    const [client, sealed] = [await place.connect(address), place.echo()];
    await client.send(sealed.bytes);
    await vi.waitFor(() => expect(door.held).toHaveLength(1), SOON);
    listener.stop();
    await expect(place.connect(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    door.release();
    await expectReply(client, sealed);
  });

  it('close() ends what is open, also after stop(), twice, or before open()', async () => {
    const at = { host: '127.0.0.1', port: await keptPorts() };
    const { listener, address, door } = await place.listen({}, at);
    door.hold = true;
    const [idle, waiting] = [await place.connect(address), await place.connect(address)];
    await waiting.send(place.echo().bytes);
    await vi.waitFor(() => expect(door.held).toHaveLength(1), SOON);
    listener.stop();
    await listener.close();
    await listener.close();
    await expectNothing(idle);
    await expectNothing(waiting);
    await vi.waitFor(() => expect(listener.connections).toBe(0), SOON);
    door.release();
    await new TcpListener().close();
    expect((await place.listen({}, address)).address).toEqual(address);
    await place.expectAlive(address);
  });

  it('a port in use is named', async () => {
    const { address } = await place.listen();
    const refusal = await place.listen({}, address).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(PortInUseError);
    expect(refusal).toMatchObject({ code: 'ANDVARI_PORT_IN_USE', protocol: 'TCP', address });
    expect((refusal as Error).message).toContain(`port ${address.port} on 127.0.0.1`);
  });

  it('an address of another machine is refused', async () => {
    const refusal = await place.listen({}, { host: '192.0.2.1', port: 0 }).catch((error) => error);
    expect(refusal).toBeInstanceOf(AddressError);
    expect((refusal as Error).message).toContain('TCP 192.0.2.1:0');
  });
});
