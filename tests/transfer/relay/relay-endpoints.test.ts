/** Endpoints that meet at a relay, and cannot reach each other in any other way. */
import { RelayCommand } from '@andvari/host-common/transfer/relay/frames';
import type {
  RelayChannel,
  RelayTransport,
} from '@andvari/host-common/transfer/relay/relay-channel';
import {
  RelayDatagrams,
  type RelayDatagramsOptions,
} from '@andvari/host-common/transfer/relay/relay-datagrams';
import { WsRelay } from '@andvari/host-node/transfer/relay/ws-relay';
import { SelfMadeCertificates } from '@andvari/host-node/webtransport/certificates';
import { afterEach, describe, expect, it } from 'vitest';
import { read, UdpPlace, write } from '../udp-place.ts';
import { peerId, RelayPlace, signer, until } from './relay-place.ts';

const BYTES = 4 * 1024 * 1024;
const relays = new RelayPlace();
const endpoints = new UdpPlace();
afterEach(async () => {
  await endpoints.close();
  await relays.close();
  expect(relays.problems.splice(0)).toEqual([]);
});

/** Everything that a client hands to its relay, before TLS. */
function watched(transport: RelayTransport, seen: Uint8Array[]): RelayTransport {
  return {
    host: transport.host,
    async connect(events, signal): Promise<RelayChannel> {
      const channel = await transport.connect(events, signal);
      return {
        get queuedBytes() {
          return channel.queuedBytes;
        },
        send: (frame) => {
          seen.push(frame.slice());
          channel.send(frame);
        },
        close: (code, reason) => channel.close(code, reason),
      };
    },
  };
}

async function datagrams(
  name: number,
  transport: RelayTransport,
  more: Partial<RelayDatagramsOptions> = {},
) {
  return new RelayDatagrams({
    transport,
    peerId: peerId(name),
    signer: await signer(name),
    ...more,
  });
}

/** Where somebody is who was called by nobody. */
async function meetAt(one: RelayDatagrams, two: RelayDatagrams) {
  const [caller, called] = [await endpoints.endpoint(1, one), await endpoints.endpoint(2, two)];
  const reader = called.incoming.getReader();
  const [ours, { value: theirs }] = await Promise.all([
    caller.connect(peerId(2), one.farEndOf(peerId(2))),
    reader.read(),
  ]);
  reader.releaseLock();
  if (!theirs) throw new Error('the endpoint is closed');
  return { ours, theirs };
}

describe('endpoints that meet at a relay', () => {
  it('carry a stream whole, and the relay sees sealed packets alone', async () => {
    const certificate = new SelfMadeCertificates(['127.0.0.1'], Date.now());
    const { relay, url } = await relays.relay({ certificate, bytesPerSecond: 1_000_000_000 });
    const certificateHashes = certificate.hashes(Date.now());
    const seen: Uint8Array[] = [];
    const to = () => watched(new WsRelay({ url, certificateHashes }), seen);
    const { ours, theirs } = await meetAt(await datagrams(1, to()), await datagrams(2, to()));
    const [got] = await Promise.all([read(theirs), write(ours, BYTES)]);
    expect(got).toEqual({ bytes: BYTES, wrong: 0 });
    expect(theirs.isOpen).toBe(true);
    const packets = seen.filter(([, command]) => command === RelayCommand.SEND);
    const carried = packets.reduce((sum, { length }) => sum + length, 0);
    expect(carried).toBeGreaterThan(BYTES);
    // A reader that falls behind on a busy machine loses some, as on any network; nothing else is.
    const fates = [...relay.counts.keys()].filter((fate) => fate !== 'slow');
    expect(fates).toEqual(['forwarded']);
    expect(relay.counts.get('forwarded')?.bytes).toBeGreaterThan(BYTES);
    // What was written repeats every 64 KiB: some 16 bytes in a row of any of its pages.
    const plain = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 7 + (i >> 8) * 13) & 255);
    const all = Buffer.concat(packets);
    for (let page = 0; page < 256; page++) {
      expect(
        all.includes(Buffer.from(plain.subarray(page * 256, page * 256 + 16))),
        `${page}`,
      ).toBe(false);
    }
  });

  it('carry streams both ways within the budget that a relay gives by itself', async () => {
    const { relay, url } = await relays.relay();
    const to = () => new WsRelay({ url });
    const { ours, theirs } = await meetAt(await datagrams(1, to()), await datagrams(2, to()));
    const bytes = 1_500_000;
    const results = await Promise.all([
      ...[read(theirs), read(ours)],
      ...[write(ours, bytes), write(theirs, bytes)],
    ]);
    expect(results.slice(0, 2)).toEqual(Array(2).fill({ bytes, wrong: 0 }));
    expect(relay.counts.get('forwarded')?.bytes).toBeGreaterThan(2 * bytes);
  });

  it('go on with a session when the relay was stopped and started again', async () => {
    const first = await relays.relay({ bytesPerSecond: 1_000_000_000 });
    const port = Number(new URL(first.url).port);
    const to = () => new WsRelay({ url: first.url });
    const [one, two] = [await datagrams(1, to()), await datagrams(2, to())];
    const { ours, theirs } = await meetAt(one, two);
    const both = Promise.all([read(theirs), write(ours, 8 * BYTES)]);
    await until(() => (first.relay.counts.get('forwarded')?.bytes ?? 0) > BYTES);
    await first.relay.close();
    await until(() => !one.isOpen && !two.isOpen);
    await relays.relay({ listen: { host: '127.0.0.1', port }, bytesPerSecond: 1_000_000_000 });
    expect((await both)[0]).toEqual({ bytes: 8 * BYTES, wrong: 0 });
  });

  it('say who is not there, and call nobody without a relay', async () => {
    const { relay, url } = await relays.relay();
    const absent: Uint8Array[] = [];
    const events = { notHere: (peer: Uint8Array) => void absent.push(peer.slice()) };
    const one = await datagrams(1, new WsRelay({ url }), { events });
    const caller = await endpoints.endpoint(1, one);
    const signal = AbortSignal.timeout(500);
    const calling = caller.connect(peerId(2), one.farEndOf(peerId(2)), { signal });
    await expect(calling).rejects.toThrow();
    expect(absent[0]).toEqual(peerId(2));
    await relay.close();
    const nowhere = await datagrams(3, new WsRelay({ url }));
    const code = 'ANDVARI_RELAY_UNREACHABLE';
    await expect(endpoints.endpoint(3, nowhere)).rejects.toMatchObject({ code });
  });
});

describe('the far end of a peer at a relay', () => {
  it('is its key, at this relay alone', async () => {
    const transport = new WsRelay({ url: 'wss://relay.example/relay' });
    const [one, other] = [
      await datagrams(1, transport),
      await datagrams(1, transport, { number: 2 }),
    ];
    const farEnd = one.farEndOf(peerId(2));
    expect(one.peerAt(farEnd)).toEqual(peerId(2));
    expect(one.farEndOf(peerId(2))).toEqual(farEnd);
    expect(one.farEndOf(peerId(3))).not.toEqual(farEnd);
    expect(other.peerAt(farEnd)).toBeUndefined();
    expect(other.farEndOf(peerId(2))).not.toEqual(farEnd);
    const twin = Uint8Array.from(peerId(2));
    twin[31] = (twin[31] ?? 0) ^ 0x80;
    expect(one.farEndOf(twin)).not.toEqual(farEnd);
    expect(() => one.farEndOf(farEnd)).toThrow(RangeError);
    await expect(datagrams(1, transport, { number: 0 })).rejects.toThrow(RangeError);
  });

  it('is forgotten of whoever was not heard of for longest, of 4096', async () => {
    const one = await datagrams(1, new WsRelay({ url: 'wss://relay.example/relay' }));
    const keyOf = (i: number) =>
      new Uint8Array(32).fill(1).map((_, at) => (at < 30 ? 1 : i >> (8 * (at - 30))));
    const [first, second] = [one.farEndOf(keyOf(0)), one.farEndOf(keyOf(1))];
    for (let i = 2; i < 4096; i++) one.farEndOf(keyOf(i));
    one.farEndOf(keyOf(0));
    one.farEndOf(keyOf(4096));
    expect(one.peerAt(first)).toEqual(keyOf(0));
    expect(one.peerAt(second)).toBeUndefined();
  });
});
