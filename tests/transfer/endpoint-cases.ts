/** Two endpoints with real engines and real handshakes over a network in memory, on every host. */
import { compareBytes } from '@andvari/host-common/transfer/byte-strings';
import type { X25519Provider } from '@andvari/host-common/transfer/x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern, writeAll } from './endpoint-world.ts';
import { hostAt, type MemoryNetwork } from './memory-network.ts';

export function runEndpointCases(x25519: X25519Provider): void {
  let world: EndpointWorld;
  let network: MemoryNetwork;

  const identity = (name: number) => world.identity(name);
  const endpoint: EndpointWorld['endpoint'] = (...options) => world.endpoint(...options);
  const pair: EndpointWorld['pair'] = (...options) => world.pair(...options);
  const capture: EndpointWorld['capture'] = (action) => world.capture(action);

  beforeEach(() => {
    world = new EndpointWorld(x25519);
    network = world.network;
  });
  afterEach(() => world.close());

  describe(`endpoints, X25519 by ${x25519.name}`, () => {
    it('meet, know each other, and carry bytes both ways', async () => {
      const [ours, theirs] = await pair();
      expect(ours.peerId).toEqual(identity(2).peerId);
      expect(theirs.peerId).toEqual(identity(1).peerId);
      expect(ours.authenticationString).toBe(theirs.authenticationString);
      const metadata = new TextEncoder().encode('a question');
      const stream = await ours.openStream({ metadata, priority: 200 });
      const sent = pattern(100_000);
      const writing = writeAll(stream, sent);
      const other = await next(theirs.incoming);
      expect(other.metadata).toEqual(metadata);
      expect([other.local, other.bidi, other.priority]).toEqual([false, true, 200]);
      expect(await bytesOf(other)).toEqual(sent);
      await writing;
      await writeAll(other, sent.subarray(0, 10));
      expect(await bytesOf(stream)).toEqual(sent.subarray(0, 10));
      await Promise.all([stream.done, other.done]);
      expect(await ours.ping()).toBeGreaterThanOrEqual(0);
      expect(ours.statistics()?.PACKETS_SENT).toBeGreaterThan(70);
    });

    it.each([0, 1, 70_000])(
      'one way, %s bytes; header protection, stealth form',
      async (length) => {
        const [ours, theirs] = await pair({ stealth: true }, { headerProtection: true });
        const stream = await theirs.openStream({ bidi: false });
        expect(stream.readable).toBeUndefined();
        const writing = writeAll(stream, pattern(length));
        const other = await next(ours.incoming);
        expect(other.writable).toBeUndefined();
        expect(await bytesOf(other)).toEqual(pattern(length));
        await writing;
        await stream.done;
      },
    );

    it('a writer waits for its reader', async () => {
      const [ours, theirs] = await pair({}, { windowKiB: 64 });
      const stream = await ours.openStream({ bidi: false });
      const sent = pattern(12_000_000);
      let written = false;
      const writing = writeAll(stream, sent).then(() => {
        written = true;
      });
      const other = await next(theirs.incoming);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(written).toBe(false);
      expect(theirs.statistics()?.BYTES_RECEIVED).toBeLessThan(1_000_000);
      const read = await bytesOf(other);
      await writing;
      expect(read.length).toBe(sent.length);
      expect(compareBytes(read, sent)).toBe(0);
    });

    it('messages of the handshake and packets get lost', async () => {
      let count = 0;
      network.loses = (bytes) => (bytes.length < 200 ? count++ < 2 : count++ % 17 === 3);
      const [ours, theirs] = await pair();
      const stream = await ours.openStream({ bidi: false });
      const sent = pattern(300_000);
      const writing = writeAll(stream, sent);
      expect(await bytesOf(await next(theirs.incoming))).toEqual(sent);
      await writing;
    });

    it('rekey, as often as asked, under way with data', async () => {
      const [ours, theirs] = await pair();
      const epochs: number[] = [];
      theirs.events = { rekeyed: (epoch) => epochs.push(epoch) };
      const stream = await ours.openStream({ bidi: false });
      const sent = pattern(400_000);
      const writing = writeAll(stream, sent);
      const other = await next(theirs.incoming);
      expect(ours.rekey()).toBe(true);
      expect(await bytesOf(other)).toEqual(sent);
      await writing;
      while (epochs.length < 1) await ours.ping();
      expect(epochs[0]).toBe(1);
      expect(ours.statistics()?.EPOCH).toBe(1);
    });

    it('calls that cross give both the same session', async () => {
      network.delayMs = 20;
      const [one, two] = [await endpoint(1), await endpoint(2)];
      const [ours, theirs] = await Promise.all([
        one.connect(identity(2).peerId, hostAt(2)),
        two.connect(identity(1).peerId, hostAt(1)),
      ]);
      expect(ours.authenticationString).toBe(theirs.authenticationString);
      expect(ours.initiator).not.toBe(theirs.initiator);
      const stream = await ours.openStream({ bidi: false });
      await writeAll(stream, pattern(5000));
      expect(await bytesOf(await next(theirs.incoming))).toEqual(pattern(5000));
    });

    it('a stream is given up, or not wanted; the session goes on', async () => {
      const [ours, theirs] = await pair({}, { windowKiB: 64 });
      const stream = await ours.openStream();
      const writer = stream.writable?.getWriter();
      const writing = writer?.write(pattern(12_000_000));
      const other = await next(theirs.incoming);
      await writer?.abort('enough');
      await expect(writing).rejects.toThrow();
      await expect(bytesOf(other)).rejects.toMatchObject({ code: 'ANDVARI_STREAM_RESET' });
      const second = await ours.openStream({ bidi: false });
      const secondWriter = second.writable?.getWriter();
      await secondWriter?.write(pattern(1000));
      await (await next(theirs.incoming)).readable?.cancel();
      await expect(secondWriter?.closed).rejects.toMatchObject({ code: 'ANDVARI_STREAM_STOPPED' });
      expect(await theirs.ping()).toBeGreaterThanOrEqual(0);
    });

    it('a session that closes tells why, and ends its streams', async () => {
      const [ours, theirs] = await pair();
      const stream = await ours.openStream();
      await stream.writable?.getWriter().write(pattern(10));
      const other = await next(theirs.incoming);
      const reading = bytesOf(other);
      reading.catch(() => {});
      await ours.close(0, 'done here');
      expect(await theirs.closed).toEqual({ byPeer: true, error: 0, reason: 'done here' });
      await expect(reading).rejects.toMatchObject({ code: 'ANDVARI_SESSION_CLOSED' });
      await expect(stream.done).rejects.toMatchObject({ code: 'ANDVARI_SESSION_CLOSED' });
      await expect(ours.openStream()).rejects.toMatchObject({ code: 'ANDVARI_SESSION_CLOSED' });
    });

    it('an endpoint that is closed takes and sends nothing any more', async () => {
      const [ours, theirs] = await pair();
      const [one, two] = world.opened;
      await one?.close();
      await one?.close();
      expect((await theirs.closed).byPeer).toBe(true);
      const closed = { code: 'ANDVARI_ENDPOINT_CLOSED' };
      await expect(one?.connect(identity(2).peerId, hostAt(2))).rejects.toMatchObject(closed);
      await expect(ours.ping()).rejects.toThrow('closed');
      expect((await one?.incoming.getReader().read())?.done).toBe(true);
      const calling = two?.connect(identity(1).peerId, hostAt(1));
      calling?.catch(() => {}); // close() may end it before anybody waits for it
      const { sent } = network;
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(network.sent).toBe(sent + 1); // message 1, which nobody answers
      await two?.close();
      await expect(calling).rejects.toMatchObject(closed);
    });

    it('a session that is lost on one side is reset on the other, not by forgeries', async () => {
      const [ours, theirs] = await pair({ resets: true }, { resets: true, idleMs: 3000 });
      await ours.ping(); // tokens have come by now
      await new Promise((resolve) => setTimeout(resolve, 60)); // and acks
      const [captured] = await capture(() => ours.ping());
      if (!captured) throw new Error('no packet');
      const outbound = network.at(hostAt(1));
      // A later number of a live session, without a good tag: an answer would end it here.
      const forged = captured.with(6, (captured[6] ?? 0) ^ 1);
      outbound.send([{ bytes: forged, farEnd: hostAt(2) }]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(ours.isOpen && theirs.isOpen).toBe(true);
      network.loses = () => true;
      const end = await theirs.closed;
      expect([end.byPeer, end.error]).toEqual([false, 7]);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      network.loses = () => false;
      ours.ping().catch(() => {});
      expect(await ours.closed).toEqual({ byPeer: true, reset: true, error: 0, reason: '' });
    });

    it('who is not trusted gets no session; who calls nobody or us is told', async () => {
      const asked: Uint8Array[] = [];
      const one = await endpoint(1);
      await endpoint(2, {
        trust: ({ peerId }) => {
          asked.push(peerId);
          return false;
        },
      });
      const abort = new AbortController();
      const calling = one.connect(identity(2).peerId, hostAt(2), { signal: abort.signal });
      while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(asked[0]).toEqual(identity(1).peerId);
      abort.abort(new Error('no patience'));
      await expect(calling).rejects.toThrow('no patience');
      const peer = expect.objectContaining({ code: 'ANDVARI_HANDSHAKE_PEER' });
      await expect(one.connect(new Uint8Array(32), hostAt(2))).rejects.toEqual(peer);
      await expect(one.connect(identity(1).peerId, hostAt(1))).rejects.toEqual(peer);
    });
  });
}
