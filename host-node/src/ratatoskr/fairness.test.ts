// One device floods, with many messages or with large ones, by one connection or by several.
import { describe, expect, it } from 'vitest';
import { until } from '../testing/until.ts';
import type { ChannelHandler } from './channel.ts';
import { JSON_VALUES_MAX, PAYLOAD_BYTES_MAX } from './limits.ts';
import { placesForTests } from './testing/places.ts';
import { StuckChannel } from './testing/stuck-channel.ts';

const start = placesForTests();

const bytes = (text: string) => new TextEncoder().encode(text);

/** The slowest JSON that is parsed, in the longest payload that there may be. */
function worstPayload(): Uint8Array {
  const objects = Array.from({ length: JSON_VALUES_MAX / 2 - 2 }, (_, i) => ({ [`k${i}`]: i }));
  const json = JSON.stringify({ pad: '', objects });
  const pad = `"${'x'.repeat(PAYLOAD_BYTES_MAX - json.length)}"`;
  return bytes(json.replace('""', pad));
}

/** A service that notes whom it serves. */
function noting() {
  const served: string[] = [];
  const handle = ({ deviceId, json }: { deviceId: string; json: unknown }) => {
    served.push(`${deviceId}${json === undefined ? ' without JSON' : ''}`);
    return new Uint8Array();
  };
  return { served, bus: { fallback: { name: 'noting', handle } } };
}

describe('fairness', () => {
  it('serves one device while another floods', async () => {
    const place = await start();
    const flood = await place.connected('device-1');
    const worker = await place.connected('device-2');
    let limited = 0;
    for (let i = 0; i < 500; i++) flood.send(flood.request());
    for (let i = 0; i < 20; i++) {
      expect((await worker.ask(worker.request())).success).toBe(true);
    }
    // The device's 60, the connection's 200; then the sender is no longer read.
    await until(() => {
      limited = flood.answers.filter(({ errorCode }) => errorCode === 'RATE_LIMITED').length;
      return limited >= 141;
    });
    expect(limited).toBe(141);
    expect(flood.answers.filter(({ success }) => success)).toHaveLength(60);
    expect(place.server.counts.get('delivered')).toBe(59 + 20);
  });

  it('serves one device while another floods with the worst that it may', async () => {
    const { served, bus } = noting();
    const place = await start({ bus });
    const flood = await place.connected('device-1');
    const worker = await place.connected('device-2');
    const payload = worstPayload();
    for (let i = 0; i < 40; i++) flood.send(flood.request({ payload }));
    await flood.answer(1);
    for (let i = 0; i < 5; i++) {
      const before = served.length;
      await worker.ask(worker.request({ payload: bytes('{}') }));
      const meanwhile = served.slice(before).filter((device) => device === 'device-1');
      // One that was to be judged when the request came, and one by chance before its answer.
      expect(meanwhile.length).toBeLessThanOrEqual(2);
    }
    const floodBehind = 40 - served.filter((device) => device === 'device-1').length;
    expect(floodBehind).toBeGreaterThan(0);
    await flood.answer(40);
    expect(served.filter((device) => device === 'device-1')).toHaveLength(40);
  });

  it('judges one large message a turn, and what others have sent before the next', async () => {
    const { served, bus } = noting();
    const place = await start({ bus });
    const [flood, worker] = [new StuckChannel(), new StuckChannel()];
    const peers = [await place.peer('device-1'), await place.peer('device-2')] as const;
    const [from1, from2] = [flood, worker].map((channel) => place.server.accept(channel)) as [
      ChannelHandler,
      ChannelHandler,
    ];
    from1.message(place.codec.encodeRequest(peers[0].connectionRequest()));
    from2.message(place.codec.encodeRequest(peers[1].connectionRequest()));
    await until(() => flood.sent + worker.sent === 2);
    const small = () => place.codec.encodeRequest(peers[0].request({ payload: bytes('none') }));
    const large = place.codec.encodeRequest(peers[0].request({ payload: worstPayload() }));
    for (const message of [large, small(), small()]) from1.message(message);
    expect(flood.paused).toBe(true);
    from2.message(place.codec.encodeRequest(peers[1].request({ payload: bytes('{}') })));
    await until(() => served.length === 4);
    const order = ['device-1', 'device-2', 'device-1 without JSON', 'device-1 without JSON'];
    expect(served).toEqual(order);
    expect(flood.paused).toBe(false);
    from1.closed();
    from2.closed();
  });

  it('judges one large message a turn, however many connections bring one', async () => {
    const { served, bus } = noting();
    const place = await start({ bus });
    const flood = await place.peer('device-1');
    const worker = await place.peer('device-2');
    const channels = Array.from({ length: 6 }, () => new StuckChannel());
    const handlers = channels.map((channel) => place.server.accept(channel) as ChannelHandler);
    for (const [i, handler] of handlers.entries()) {
      const peer = i === 5 ? worker : flood;
      handler.message(place.codec.encodeRequest(peer.connectionRequest()));
    }
    await until(() => channels.every(({ sent }) => sent === 1));
    const large = () => place.codec.encodeRequest(flood.request({ payload: worstPayload() }));
    for (const handler of handlers.slice(0, 5)) handler.message(large());
    // Of one that goes while its message waits, nothing is judged.
    handlers[3]?.closed();
    handlers[5]?.message(place.codec.encodeRequest(worker.request({ payload: bytes('{}') })));
    await until(() => served.length === 5);
    const turns = ['device-1', 'device-2', 'device-1', 'device-1', 'device-1'];
    expect(served).toEqual(turns);
    await until(() => channels.every(({ paused }, i) => i === 3 || !paused));
    for (const [i, handler] of handlers.entries()) if (i !== 3) handler.closed();
  });
});
