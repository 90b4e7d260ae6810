/** Endpoints that are called at their address and at a relay, side by side. */
import { DirectAndRelayed } from '@andvari/host-common/transfer/relay/direct-and-relayed';
import { RelayDatagrams } from '@andvari/host-common/transfer/relay/relay-datagrams';
import { WsRelay } from '@andvari/host-node/transfer/relay/ws-relay';
import { farEndOf } from '@andvari/host-node/transfer/socket-address';
import { UdpTransport } from '@andvari/host-node/transfer/udp-transport';
import { afterEach, describe, expect, it } from 'vitest';
import { read, UdpPlace, write } from '../udp-place.ts';
import { peerId, RelayPlace, signer, until } from './relay-place.ts';

const BYTES = 300_000;
const relays = new RelayPlace();
const endpoints = new UdpPlace();
afterEach(async () => {
  await endpoints.close();
  await relays.close();
  expect(relays.problems.splice(0)).toEqual([]);
});

async function relayed(name: number, url: string): Promise<RelayDatagrams> {
  const own = { peerId: peerId(name), signer: await signer(name) };
  return new RelayDatagrams({ transport: new WsRelay({ url }), ...own });
}

/** An endpoint that has both. */
async function both(name: number, url: string, port = 0) {
  const [udp, relay] = [new UdpTransport({ host: '127.0.0.1', port }), await relayed(name, url)];
  const transport = new DirectAndRelayed(udp, relay);
  return { udp, relay, transport, open: () => endpoints.endpoint(name, transport) };
}

/** The sessions of endpoint 2 with 1, by UDP, and with 3, by the relay. */
async function meeting(url: string) {
  const middle = await both(2, url);
  const other = await relayed(3, url);
  const called = await middle.open();
  const direct = await endpoints.endpoint(1, new UdpTransport({ host: '127.0.0.1', port: 0 }));
  const away = await endpoints.endpoint(3, other);
  const reader = called.incoming.getReader();
  const session = async (calling: Promise<unknown>) => {
    const [ours, { value: theirs }] = await Promise.all([calling, reader.read()]);
    if (!theirs) throw new Error('the endpoint is closed');
    return { ours: ours as typeof theirs, theirs };
  };
  const byUdp = await session(direct.connect(peerId(2), farEndOf(middle.udp.bound)));
  const byRelay = await session(away.connect(peerId(2), other.farEndOf(peerId(2))));
  return { middle, other, called, byUdp, byRelay };
}

type Pair = Awaited<ReturnType<typeof meeting>>['byUdp'];

/** Both ways. */
async function carry({ ours, theirs }: Pair): Promise<void> {
  const [there, back] = await Promise.all([
    ...[read(theirs), read(ours)],
    ...[write(ours, BYTES), write(theirs, BYTES)],
  ]);
  expect([there, back]).toEqual(Array(2).fill({ bytes: BYTES, wrong: 0 }));
}

describe('an endpoint with UDP and a relay', () => {
  it('has sessions both ways at once, calls both ways, and says which way each goes', async () => {
    const { url } = await relays.relay();
    const { byUdp, byRelay, called, middle, other } = await meeting(url);
    await Promise.all([carry(byUdp), carry(byRelay)]);
    expect([byUdp.ours.way, byUdp.theirs.way]).toEqual(['direct', 'direct']);
    expect([byRelay.ours.way, byRelay.theirs.way]).toEqual(['relayed', 'relayed']);
    expect(middle.transport.maxDatagramBytes).toBe(
      Math.min(middle.udp.maxDatagramBytes, other.maxDatagramBytes),
    );
    const fourth = await endpoints.endpoint(4, await relayed(4, url));
    const calling = called.connect(peerId(4), middle.relay.farEndOf(peerId(4)));
    expect((await calling).way).toBe('relayed');
    await fourth.incoming.cancel();
  });

  it('goes on by UDP while the relay is away, and by the relay when it is back', async () => {
    const { relay, url } = await relays.relay();
    const { byUdp, byRelay, middle, other } = await meeting(url);
    await relay.close();
    await until(() => !middle.relay.isOpen && !other.isOpen);
    await carry(byUdp);
    const { hostname: host, port } = new URL(url);
    await relays.relay({ listen: { host, port: Number(port) } });
    await carry(byRelay);
    await carry(byUdp);
  });

  it('opens both or none', async () => {
    const { relay, url } = await relays.relay();
    const first = await both(1, url);
    await first.open();
    const { port } = first.udp.bound;
    const second = await both(2, url, port);
    await expect(second.open()).rejects.toMatchObject({ code: 'ANDVARI_PORT_IN_USE' });
    expect(second.relay.isOpen).toBe(false);
    await relay.close();
    const third = await both(3, url);
    await expect(third.open()).rejects.toMatchObject({ code: 'ANDVARI_RELAY_UNREACHABLE' });
    // Its port is free again.
    await endpoints.endpoint(
      4,
      new UdpTransport({ host: '127.0.0.1', port: third.udp.bound.port }),
    );
  });

  it('is made of two that carry datagrams', async () => {
    const { url } = await relays.relay();
    const { udp, relay } = await both(1, url);
    expect(() => new DirectAndRelayed({} as never, relay)).toThrow(TypeError);
    expect(() => new DirectAndRelayed(udp, undefined as never)).toThrow(TypeError);
  });
});
