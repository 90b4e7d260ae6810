/** Clients of a relay that stops, comes back, says no, or is none. */
import type { EndpointClock } from '@andvari/host-common/transfer/endpoint-clock';
import {
  emitRelayFrame,
  emitRelayPacket,
  parseRelayFrame,
  RelayCommand,
} from '@andvari/host-common/transfer/relay/frames';
import {
  type RelayChannelEvents,
  RelayClose,
  type RelayTransport,
  relayHostOf,
} from '@andvari/host-common/transfer/relay/relay-channel';
import {
  RelayClient,
  type RelayClientEvents,
  type RelayStatus,
} from '@andvari/host-common/transfer/relay/relay-client';
import { WebSocketRelay } from '@andvari/host-common/transfer/relay/web-socket-relay';
import { WsRelay } from '@andvari/host-node/transfer/relay/ws-relay';
import { SelfMadeCertificates } from '@andvari/host-node/webtransport/certificates';
import { afterEach, describe, expect, it } from 'vitest';
import { packetOf, peerId, RelayPlace, signer, until } from './relay-place.ts';

const place = new RelayPlace();
afterEach(async () => {
  await place.close();
  expect(place.problems.splice(0)).toEqual([]);
});

const { SEND, RECV, SUBSCRIBE, KEEPALIVE, PEER_GONE, PING, PONG, NOT_HERE } = RelayCommand;

/** What a client was told. */
class Told implements RelayClientEvents {
  readonly packets: { from: Uint8Array; packet: Uint8Array }[] = [];
  readonly gone: Uint8Array[] = [];
  readonly absent: Uint8Array[] = [];
  readonly statuses: RelayStatus[] = [];
  packet(from: Uint8Array, packet: Uint8Array) {
    this.packets.push({ from, packet });
  }
  peerGone(peer: Uint8Array) {
    this.gone.push(peer);
  }
  notHere(peer: Uint8Array) {
    this.absent.push(peer);
  }
  changed(status: RelayStatus) {
    this.statuses.push(status);
  }
  get states(): string[] {
    return this.statuses.map(({ state }) => state);
  }
}

async function clientOf(name: number, transport: RelayTransport, clock?: EndpointClock) {
  const told = new Told();
  const options = { transport, peerId: peerId(name), signer: await signer(name) };
  const client = new RelayClient(clock ? { ...options, clock } : options, told);
  place.atEnd(() => client.close());
  return { client, told };
}

/** A clock that a test sets. */
class SetClock implements EndpointClock {
  us = 0;
  private readonly alarms = new Map<object, { us: number; run: () => void }>();

  now() {
    return { us: this.us, wallUs: this.us };
  }

  alarm(us: number, run: () => void) {
    const name = {};
    this.alarms.set(name, { us, run });
    return () => void this.alarms.delete(name);
  }

  forward(us: number): void {
    this.us += us;
    for (const [name, { us: due, run }] of [...this.alarms]) {
      if (due <= this.us && this.alarms.delete(name)) run();
    }
  }
}

/** A relay that says what a test wants it to. */
class ScriptedRelay implements RelayTransport {
  readonly host = 'relay.example';
  readonly said: Uint8Array[] = [];
  events: RelayChannelEvents | undefined;
  connections = 0;
  closed = 0;
  queuedBytes = 0;
  /** The connections to come fail. */
  isAway = false;

  async connect(events: RelayChannelEvents) {
    this.connections++;
    if (this.isAway) throw new Error('nobody is there');
    this.events = events;
    this.say(emitRelayFrame(SUBSCRIBE, undefined, packetOf(32)));
    const relay = this;
    return {
      get queuedBytes() {
        return relay.queuedBytes;
      },
      send: (frame: Uint8Array) => void this.said.push(frame),
      close: () => void this.closed++,
    };
  }

  say(bytes: Uint8Array): void {
    this.events?.message(bytes);
  }

  get commands(): number[] {
    return this.said.map((bytes) => parseRelayFrame(bytes).command);
  }
}

describe.each([
  ['ws', (url: string) => new WsRelay({ url })],
  ['the platform’s WebSocket', (url: string) => new WebSocketRelay(url)],
])('a client of a relay by %s', (_, transportTo) => {
  it('sends, receives, and is told who is not there', async () => {
    const { url } = await place.relay();
    const [one, two] = [await clientOf(1, transportTo(url)), await clientOf(2, transportTo(url))];
    expect(one.client.send(peerId(2), packetOf(60))).toBe(false);
    await Promise.all([one.client.open(), two.client.open()]);
    for (const length of [8, 1472, 65_499]) {
      expect(one.client.send(peerId(2), packetOf(length))).toBe(true);
    }
    await until(() => two.told.packets.length === 3);
    expect(two.told.packets.map(({ packet }) => packet.length)).toEqual([8, 1472, 65_499]);
    expect(new Uint8Array(two.told.packets[0]?.from ?? [])).toEqual(peerId(1));
    one.client.send(peerId(3), packetOf(60));
    await until(() => one.told.absent.length === 1);
    expect(new Uint8Array(one.told.absent[0] ?? [])).toEqual(peerId(3));
    one.client.close();
    await until(() => two.told.gone.length === 1);
    expect(new Uint8Array(two.told.gone[0] ?? [])).toEqual(peerId(1));
    expect(one.told.states).toEqual(['connecting', 'open', 'closed']);
    expect(one.client.send(peerId(2), packetOf(60))).toBe(false);
  });

  it('comes back to a relay that was stopped and started again', async () => {
    const first = await place.relay();
    const { client, told } = await clientOf(1, transportTo(first.url));
    await client.open();
    const port = Number(new URL(first.url).port);
    await first.relay.close();
    await until(() => told.states.at(-1) === 'connecting');
    expect(told.statuses.at(-1)?.error).toMatchObject({ code: 'ANDVARI_RELAY_UNREACHABLE' });
    expect(client.isOpen).toBe(false);
    const { relay } = await place.relay({ listen: { host: '127.0.0.1', port } });
    await until(() => client.isOpen);
    expect(relay.subscriptions).toBe(1);
  });

  it('tells at once that nobody is there, and tries no more', async () => {
    const { relay, url } = await place.relay();
    await relay.close();
    const { client, told } = await clientOf(1, transportTo(url));
    await expect(client.open()).rejects.toMatchObject({ code: 'ANDVARI_RELAY_UNREACHABLE' });
    expect(told.states).toEqual(['connecting', 'closed']);
  });

  it('leaves the key to whoever has it now', async () => {
    const { url } = await place.relay();
    const [one, newer] = [await clientOf(1, transportTo(url)), await clientOf(1, transportTo(url))];
    await one.client.open();
    await newer.client.open();
    await until(() => one.told.states.at(-1) === 'connecting');
    expect(one.told.statuses.at(-1)?.error).toMatchObject({ code: 'ANDVARI_RELAY_REPLACED' });
    expect(newer.client.isOpen).toBe(true);
  });

  it('is refused with somebody else’s key', async () => {
    const { url } = await place.relay();
    const options = { transport: transportTo(url), peerId: peerId(2), signer: await signer(1) };
    const client = new RelayClient(options, { packet: () => {} });
    await expect(client.open()).rejects.toMatchObject({ code: 'ANDVARI_RELAY_REFUSED' });
  });
});

describe('a client of a relay over TLS', () => {
  const certificate = new SelfMadeCertificates(['127.0.0.1'], Date.now());

  it('takes the certificate that is meant, by its hash', async () => {
    const { url } = await place.relay({ certificate });
    const certificateHashes = certificate.hashes(Date.now());
    const { client } = await clientOf(1, new WsRelay({ url, certificateHashes }));
    await client.open();
    expect(client.isOpen).toBe(true);
  });

  it('takes no other one, and none at all of a relay in clear', async () => {
    const { relay, url } = await place.relay({ certificate });
    const certificateHashes = [new Uint8Array(32)];
    const other = await clientOf(1, new WsRelay({ url, certificateHashes }));
    const code = 'ANDVARI_CERTIFICATE_REFUSED';
    await expect(other.client.open()).rejects.toMatchObject({ code });
    const unknown = await clientOf(1, new WsRelay({ url }));
    await expect(unknown.client.open()).rejects.toMatchObject({
      code: 'ANDVARI_RELAY_UNREACHABLE',
    });
    const clear = await place.relay();
    const hashes = certificate.hashes(Date.now());
    const inClear = new WsRelay({ url: clear.url, certificateHashes: hashes });
    await expect((await clientOf(1, inClear)).client.open()).rejects.toMatchObject({ code });
    expect([relay.subscriptions, clear.relay.subscriptions]).toEqual([0, 0]);
  });
});

describe('a client and a relay that is strange', () => {
  /** One whose first subscription is there. */
  async function start() {
    const clock = new SetClock();
    const relay = new ScriptedRelay();
    const { client, told } = await clientOf(1, relay, clock);
    const opening = client.open();
    await until(() => relay.said.length === 1);
    relay.say(emitRelayFrame(SUBSCRIBE, peerId(1)));
    await opening;
    relay.said.length = 0;
    return { clock, relay, client, told };
  }

  it.each<[string, Uint8Array]>([
    ['no frame', Uint8Array.of(1, 2, 3)],
    ['a SEND', emitRelayPacket(SEND, { key: peerId(2), hops: 1, packet: packetOf(60) })],
    ['another question', emitRelayFrame(SUBSCRIBE, undefined, packetOf(32))],
    ['an agreement out of turn', emitRelayFrame(SUBSCRIBE, peerId(1))],
  ])('leaves when it says %s, and comes back later', async (_, bytes) => {
    const { clock, relay, client, told } = await start();
    relay.say(bytes);
    expect(client.isOpen).toBe(false);
    expect(relay.closed).toBe(1);
    expect(told.statuses.at(-1)?.error).toMatchObject({ code: 'ANDVARI_RELAY_PROTOCOL' });
    clock.forward(500_000);
    await until(() => relay.connections === 2 && relay.said.length === 1);
    relay.say(emitRelayFrame(SUBSCRIBE, peerId(1)));
    await until(() => client.isOpen);
  });

  it.each<[string, Uint8Array]>([
    ['agrees with another key', emitRelayFrame(SUBSCRIBE, peerId(2))],
    [
      'sends a packet first',
      emitRelayPacket(RECV, { key: peerId(2), hops: 1, packet: packetOf(60) }),
    ],
    ['asks twice', emitRelayFrame(SUBSCRIBE, undefined, packetOf(32))],
  ])('does not open when it %s', async (_, bytes) => {
    const relay = new ScriptedRelay();
    const { client, told } = await clientOf(1, relay, new SetClock());
    const opening = client.open();
    await until(() => relay.said.length === 1);
    relay.say(bytes);
    await expect(opening).rejects.toMatchObject({ code: 'ANDVARI_RELAY_PROTOCOL' });
    expect([told.packets.length, relay.closed]).toEqual([0, 1]);
  });

  it('gives up on one that does not ask within 10 s', async () => {
    const clock = new SetClock();
    const relay = new ScriptedRelay();
    relay.say = () => {};
    const { client } = await clientOf(1, relay, clock);
    const opening = client.open();
    await until(() => relay.connections === 1);
    await Promise.resolve();
    clock.forward(10_000_000);
    await expect(opening).rejects.toMatchObject({ code: 'ANDVARI_RELAY_UNREACHABLE' });
    await until(() => relay.closed === 1);
  });

  it('says something every 15 s, asks when it hears nothing, and leaves after that', async () => {
    const { clock, relay, client, told } = await start();
    relay.say(emitRelayFrame(PING, undefined, packetOf(8, 3)));
    expect(parseRelayFrame(relay.said[0] as Uint8Array)).toMatchObject({
      command: PONG,
      payload: packetOf(8, 3),
    });
    clock.forward(15_000_000);
    expect(relay.commands).toEqual([PONG]);
    relay.say(emitRelayFrame(KEEPALIVE));
    clock.forward(15_000_000);
    expect(relay.commands).toEqual([PONG, KEEPALIVE]);
    for (let i = 0; i < 2; i++) clock.forward(15_000_000);
    expect(relay.commands).toEqual([PONG, KEEPALIVE, PING, PING]);
    relay.say(emitRelayFrame(PONG, undefined, packetOf(8)));
    for (let i = 0; i < 3; i++) clock.forward(15_000_000);
    expect(client.isOpen).toBe(true);
    clock.forward(15_000_000);
    expect(client.isOpen).toBe(false);
    expect(told.statuses.at(-1)?.error).toMatchObject({ code: 'ANDVARI_RELAY_UNREACHABLE' });
  });

  it('waits longer each time, and for longest where it is no use', async () => {
    const { clock, relay, told } = await start();
    relay.isAway = true;
    relay.events?.closed(1006, 'cut\u001b[2J');
    expect(told.statuses.at(-1)?.error).toMatchObject({
      message: expect.stringMatching(/ended the connection: cut \[2J$/),
    });
    for (const waitUs of [500_000, 1_000_000, 2_000_000]) {
      const before = relay.connections;
      clock.forward(waitUs / 2 - 1);
      await Promise.resolve();
      expect(relay.connections).toBe(before);
      const failed = told.statuses.length;
      clock.forward(waitUs / 2 + 1);
      await until(() => relay.connections === before + 1 && told.statuses.length > failed);
    }
    const other = await start();
    other.relay.events?.closed(RelayClose.REPLACED, '');
    other.clock.forward(14_999_999);
    await Promise.resolve();
    expect(other.relay.connections).toBe(1);
    other.clock.forward(15_000_001);
    await until(() => other.relay.connections === 2);
  });

  it('is asked when the network here has changed, and left if it is silent for 2 s', async () => {
    const { clock, relay, client } = await start();
    for (let i = 0; i < 3; i++) client.networkChanged();
    expect(relay.commands).toEqual([PING]);
    relay.say(emitRelayFrame(PONG, undefined, packetOf(8)));
    clock.forward(2_000_000);
    expect(client.isOpen).toBe(true);
    client.networkChanged();
    clock.forward(1_999_999);
    expect(client.isOpen).toBe(true);
    clock.forward(1);
    expect(client.isOpen).toBe(false);
    // And who waits to come back waits no longer.
    client.networkChanged();
    client.networkChanged();
    expect(relay.connections).toBe(2);
  });

  it('is not left if it has answered, whenever the look of every 15 s comes', async () => {
    const { clock, relay, client } = await start();
    clock.forward(14_000_000);
    client.networkChanged();
    relay.say(emitRelayFrame(PONG, undefined, packetOf(8)));
    for (let i = 0; i < 2; i++) clock.forward(1_500_000);
    expect(client.isOpen).toBe(true);
  });

  it('loses packets when too much waits, and holds none', async () => {
    const { relay, client } = await start();
    relay.queuedBytes = 256 * 1024 - 137;
    expect(client.send(peerId(2), packetOf(100))).toBe(true);
    expect(client.send(peerId(2), packetOf(101))).toBe(false);
    expect(relay.said).toHaveLength(1);
  });

  it('says nothing more once it was closed, also while it waits to come back', async () => {
    const { clock, relay, client, told } = await start();
    relay.events?.closed(1006, '');
    client.close();
    clock.forward(60_000_000);
    expect([relay.connections, told.states.at(-1)]).toEqual([1, 'closed']);
    relay.say(emitRelayFrame(NOT_HERE, peerId(2)));
    relay.say(emitRelayFrame(PEER_GONE, peerId(2)));
    expect([told.absent, told.gone]).toEqual([[], []]);
    await expect(client.open()).resolves.toBeUndefined();
    expect(client.isOpen).toBe(false);
  });
});

describe('what a client is given', () => {
  it('is looked at', async () => {
    const transport = new ScriptedRelay();
    const good = { transport, peerId: peerId(1), signer: await signer(1) };
    const make = (options: object) => () => new RelayClient(options as never, { packet: () => {} });
    expect(make(good)).not.toThrow();
    expect(make({ ...good, peerId: packetOf(31) })).toThrow(RangeError);
    expect(make({ ...good, peerId: 'ann' })).toThrow(TypeError);
    expect(make({ ...good, transport: {} })).toThrow(TypeError);
    expect(make({ ...good, signer: undefined })).toThrow(TypeError);
    for (const url of ['https://relay.example', 'relay.example', '']) {
      expect(() => new WsRelay({ url }), url).toThrow(RangeError);
    }
    expect(() => new WebSocketRelay('')).toThrow(RangeError);
  });

  it.each([
    ['wss://Relay.Example:8443/relay', 'relay.example'],
    ['wss://127.0.0.1/relay', '127.0.0.1'],
    ['wss://[0:0::1]:9/relay', '::1'],
    ['wss://relay.example.', 'relay.example.'],
    ['nonsense', undefined],
  ])('has a host that is signed for: %s', (url, host) => {
    expect(relayHostOf(url)).toBe(host);
  });
});
