/** A relay and clients that do as they should, or do not. */
import {
  emitRelayFrame,
  emitRelayPacket,
  RelayCommand,
  relayPacketOf,
} from '@andvari/host-common/transfer/relay/frames';
import { RelayClose } from '@andvari/host-common/transfer/relay/relay-channel';
import { registerRelayMetrics } from '@andvari/host-node/transfer/relay/relay-metrics';
import { RelayServer } from '@andvari/host-node/transfer/relay/relay-server';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { packetOf, peerId, RelayPlace, type TestClient, until } from './relay-place.ts';

const place = new RelayPlace();
afterEach(async () => {
  await place.close();
  expect(place.problems.splice(0)).toEqual([]);
});

const { RECV, SUBSCRIBE, KEEPALIVE, PEER_GONE, PING, PONG, NOT_HERE } = RelayCommand;
const PROTOCOL = { code: RelayClose.PROTOCOL };

/** A relay with clients 1 and 2. */
async function pair(options: Parameters<RelayPlace['relay']>[0] = {}) {
  const { relay, url } = await place.relay(options);
  const [one, two] = [await place.client(url, 1), await place.client(url, 2)];
  return { relay, url, one, two };
}

const framesOf = (relay: RelayServer, fate: string) =>
  [...relay.counts].find(([name]) => name === fate)?.[1].frames ?? 0;

/** Who has subscribed is answered. */
async function lives(client: TestClient): Promise<void> {
  expect(await client.flush()).toEqual([]);
}

describe('a relay', () => {
  it('passes packets on, whose they are and with a hop more', async () => {
    const { relay, one, two } = await pair();
    for (const length of [8, 1472, 8972, 65_499]) {
      one.send(2, packetOf(length));
      const frame = await two.next();
      expect(frame.command).toBe(RECV);
      const carried = relayPacketOf(frame);
      expect(carried).toEqual({ key: peerId(1), hops: 1, packet: packetOf(length) });
    }
    two.send(1, packetOf(60));
    expect((await one.next()).key).toEqual(peerId(2));
    expect(framesOf(relay, 'forwarded')).toBe(5);
    expect([relay.clients, relay.subscriptions]).toEqual([2, 2]);
  });

  it('tells who is not here, and who has left of those that had sent something', async () => {
    const { relay, url, one, two } = await pair();
    one.send(3, packetOf(60));
    expect(await one.next()).toMatchObject({ command: NOT_HERE, key: peerId(3) });
    const three = await place.client(url, 3);
    two.send(1, packetOf(60));
    await one.next();
    for (const client of [two, three]) client.socket.close();
    expect(await one.next()).toMatchObject({ command: PEER_GONE, key: peerId(2) });
    await until(() => relay.subscriptions === 1);
    expect(await one.flush()).toEqual([]);
    one.send(2, packetOf(60));
    expect(await one.next()).toMatchObject({ command: NOT_HERE, key: peerId(2) });
  });

  it('answers PING, and says nothing to KEEPALIVE and PONG', async () => {
    const { one } = await pair();
    one.say(emitRelayFrame(KEEPALIVE));
    one.say(emitRelayFrame(PONG, undefined, packetOf(8)));
    one.say(emitRelayFrame(PING, undefined, packetOf(8, 9)));
    expect(await one.next()).toMatchObject({ command: PONG, payload: packetOf(8, 9) });
    await lives(one);
  });

  it('takes a packet of two hops for the last time', async () => {
    const { relay, one, two } = await pair();
    one.send(2, packetOf(60), 3);
    one.send(2, packetOf(61), 2);
    expect(relayPacketOf(await two.next())).toMatchObject({ hops: 3, packet: packetOf(61) });
    expect(framesOf(relay, 'hops')).toBe(1);
    await lives(one);
  });

  it('gives a key to whoever has subscribed last, whose peers hear nothing of it', async () => {
    const { relay, url, one, two } = await pair();
    one.send(2, packetOf(60));
    await two.next();
    const newer = await place.client(url, 1);
    expect(await one.closed).toMatchObject({ code: RelayClose.REPLACED });
    two.send(1, packetOf(99));
    expect(relayPacketOf(await newer.next())).toMatchObject({ packet: packetOf(99) });
    expect(await two.flush()).toEqual([]);
    expect(relay.subscriptions).toBe(2);
    newer.socket.close();
    expect(await two.next()).toMatchObject({ command: PEER_GONE, key: peerId(1) });
  });

  it('says goodbye when it stops', async () => {
    const { relay, one } = await pair();
    await relay.close();
    expect(await one.closed).toMatchObject({ code: RelayClose.GOING_AWAY });
  });

  it('tells its figures, without a key in them', async () => {
    const { relay, one, two } = await pair();
    const registry = new Registry();
    registerRelayMetrics(registry, relay);
    one.send(2, packetOf(100));
    one.send(3, packetOf(100));
    await Promise.all([one.next(), two.next()]);
    const text = await registry.metrics();
    expect(text).toContain('andvari_relay_subscriptions 2');
    expect(text).toContain('andvari_relay_frames_total{fate="forwarded"} 1');
    expect(text).toContain('andvari_relay_bytes_total{fate="absent"} 137');
    expect(text).toContain('andvari_relay_refused_total 0');
  });
});

describe('a subscription', () => {
  it('is granted to the key that has signed', async () => {
    const { relay, url } = await place.relay();
    const client = await place.stranger(url);
    expect(relay.subscriptions).toBe(0);
    await client.subscribe(1);
    expect(await client.next()).toMatchObject({ command: SUBSCRIBE, key: peerId(1) });
    expect(relay.subscriptions).toBe(1);
  });

  it.each<[string, Parameters<TestClient['subscribe']>[1]]>([
    ['of somebody else', { as: 2 }],
    ['for another host', { host: 'relay.example' }],
    ['of another challenge', { challenge: new Uint8Array(32) }],
  ])('is not granted for a signature %s', async (_, how) => {
    const { relay, url } = await place.relay();
    const client = await place.stranger(url);
    await client.subscribe(1, how);
    expect(await client.closed).toMatchObject({ code: RelayClose.REFUSED });
    expect([relay.subscriptions, relay.refused]).toEqual([0, 1]);
  });

  it('is not granted for what another relay had somebody sign', async () => {
    const { relay, url } = await place.relay({ hosts: ['honest.example'] });
    const middle = await place.stranger(url, { Host: 'honest.example' });
    // The client has dialed the one in the middle, and signs for that.
    await middle.subscribe(1, { host: 'evil.example' });
    expect(await middle.closed).toMatchObject({ code: RelayClose.REFUSED });
    const honest = await place.stranger(url, { Host: 'Honest.Example:443' });
    await honest.subscribe(1, { host: 'honest.example' });
    expect(await honest.next()).toMatchObject({ command: SUBSCRIBE, key: peerId(1) });
    expect(relay.subscriptions).toBe(1);
  });

  it.each(['evil.example', '203.0.113.7', '127.0.0.2', '[::2]:9', 'a@127.0.0.1', '127.0.0.1/x'])(
    'is not asked for by the name %j, which is not the relay’s',
    async (host) => {
      const { relay, url } = await place.relay();
      await expect(place.stranger(url, { Host: host })).rejects.toThrow('403');
      expect(relay.refused).toBe(1);
    },
  );

  it.each(['127.0.0.1', 'localhost:1', 'LOCALHOST'])(
    'is asked for by the name %j',
    async (host) => {
      const { url } = await place.relay();
      const client = await place.stranger(url, { Host: host });
      await client.subscribe(1, { host: host.toLowerCase().replace(/:1$/, '') });
      expect(await client.next()).toMatchObject({ command: SUBSCRIBE, key: peerId(1) });
    },
  );

  it('is for a page only if its origin is listed', async () => {
    const { url } = await place.relay({ origins: ['https://page.example'] });
    const from = (Origin: string) => place.stranger(url, { Origin });
    await from('https://page.example');
    await expect(from('https://other.example')).rejects.toThrow('403');
    await expect(place.stranger(url)).rejects.toThrow('403');
    await expect(place.stranger(url.replace('/relay', '/other'))).rejects.toThrow('404');
  });

  it('cannot be done without, nor twice', async () => {
    const { relay, url, one, two } = await pair();
    const early = [
      emitRelayPacket(RelayCommand.SEND, { key: peerId(2), hops: 0, packet: packetOf(60) }),
      emitRelayFrame(PING, undefined, packetOf(8)),
      emitRelayFrame(KEEPALIVE),
      emitRelayFrame(SUBSCRIBE, peerId(3)),
      emitRelayFrame(SUBSCRIBE, undefined, packetOf(32)),
    ];
    for (const frame of early) {
      const stranger = await place.stranger(url);
      stranger.say(frame);
      expect(await stranger.closed).toMatchObject(PROTOCOL);
    }
    one.say(emitRelayFrame(SUBSCRIBE, peerId(1), packetOf(64)));
    expect(await one.closed).toMatchObject(PROTOCOL);
    expect(await two.flush()).toEqual([]);
    expect(relay.subscriptions).toBe(1);
  });
});

describe('what is no frame of a client', () => {
  const send = emitRelayPacket(RelayCommand.SEND, {
    key: peerId(2),
    hops: 0,
    packet: packetOf(60),
  });
  const change = (at: number, byte: number) => {
    const copy = Uint8Array.from(send);
    copy[at] = byte;
    return copy;
  };
  it.each<[string, Uint8Array]>([
    ['another version', change(0, 2)],
    ['an unknown command', change(1, 9)],
    ['a frame cut short', send.subarray(0, 96)],
    ['a byte behind it', Uint8Array.of(...send, 0)],
    ['four hops', change(36, 4)],
    ['nothing', new Uint8Array(0)],
    ['RECV', change(1, RECV)],
    ['NOT_HERE', emitRelayFrame(NOT_HERE, peerId(2))],
    ['PEER_GONE', emitRelayFrame(PEER_GONE, peerId(2))],
  ])('ends its connection and nobody else’s: %s', async (_, bytes) => {
    const { relay, one, two } = await pair();
    one.say(bytes);
    expect(await one.closed).toMatchObject(PROTOCOL);
    await lives(two);
    expect([relay.subscriptions, relay.refused]).toEqual([1, 1]);
  });

  it('ends a connection when it is longer than a frame may be, or a text', async () => {
    const { one, two } = await pair();
    one.say(new Uint8Array(65_537));
    expect(await one.closed).toMatchObject({ code: 1009 });
    two.socket.send('SEND');
    expect(await two.closed).toMatchObject({ code: 1003 });
  });
});

describe('limits of a relay', () => {
  it('reads no more of a client than it may send, and others notice nothing', async () => {
    let nowMs = 0;
    const { relay, url, one, two } = await pair({ bytesPerSecond: 500_000, nowMs: () => nowMs });
    const three = await place.client(url, 3);
    // The clock stands: there is a burst of 128 KiB, and what one read has brought.
    const count = 1000;
    for (let i = 0; i < count; i++) one.send(2, packetOf(1000));
    await until(() => relay.rests > 0);
    for (let i = 0; i < 20; i++) {
      three.send(2, packetOf(77));
      await three.flush();
    }
    const taken = framesOf(relay, 'forwarded');
    expect(taken).toBeGreaterThanOrEqual(20 + Math.floor((128 * 1024) / 1101));
    expect(taken).toBeLessThan(20 + 300);
    expect(one.socket.readyState).toBe(one.socket.OPEN);
    await until(() => {
      nowMs += 5;
      return framesOf(relay, 'forwarded') === 20 + count;
    });
    await until(() => two.frames.length >= 20 + count);
  });

  it('reads a client all the time that stays within what it may send', async () => {
    let nowMs = 0;
    const { relay, one } = await pair({ bytesPerSecond: 100_000, nowMs: () => nowMs });
    for (let i = 0; i < 400; i++) {
      one.send(2, packetOf(1000));
      await one.flush();
      nowMs += 13;
    }
    expect([relay.rests, framesOf(relay, 'forwarded')]).toEqual([0, 400]);
  });

  it('keeps no more for a slow receiver than its share, until it reads', async () => {
    const { relay, one, two } = await pair({ bytesPerSecond: 1_000_000_000 });
    two.socket.pause();
    while (framesOf(relay, 'slow') === 0) {
      one.send(2, packetOf(8000));
      await one.flush();
    }
    two.socket.resume();
    await until(() => two.frames.length >= framesOf(relay, 'forwarded'));
    one.send(2, packetOf(99));
    await until(() => two.frames.at(-1)?.payload.length === 100);
  });

  it('waits only so long for a subscription, and for a sign of life', async () => {
    let nowMs = 0;
    const { relay, url, one, two } = await pair({ nowMs: () => nowMs });
    const stranger = await place.stranger(url);
    nowMs = 10_000;
    expect(await stranger.closed).toMatchObject({ code: RelayClose.LATE });
    nowMs = 89_000;
    one.say(emitRelayFrame(KEEPALIVE));
    await one.flush();
    nowMs = 90_500;
    expect(await two.closed).toMatchObject({ code: RelayClose.SILENT });
    await lives(one);
    expect(relay.clients).toBe(1);
  });

  it('has so many places; the oldest who has not subscribed goes for the next', async () => {
    const { relay, url } = await place.relay({ clientsMax: 4 });
    const strangers = [];
    for (let i = 0; i < 3; i++) strangers.push(await place.stranger(url));
    await strangers[0]?.closed;
    await until(() => relay.clients === 2);
    for (const [i, stranger] of strangers.slice(1).entries()) {
      await stranger.subscribe(1 + i);
      await stranger.next();
    }
    for (const name of [3, 4]) await place.client(url, name);
    await expect(place.stranger(url)).rejects.toThrow('503');
    expect([relay.clients, relay.subscriptions]).toEqual([4, 4]);
  });

  it('is not opened in clear where others reach it, unless that is wanted', async () => {
    const listen = { host: '0.0.0.0', port: 0 };
    const refused = place.relay({ listen });
    await expect(refused).rejects.toMatchObject({ code: 'ANDVARI_RELAY_PLAIN' });
    await place.relay({ listen, allowPlain: true });
    const hosts = ['not a host'];
    expect(() => new RelayServer({ listen, hosts, failed: () => {} })).toThrow(RangeError);
  });
});
