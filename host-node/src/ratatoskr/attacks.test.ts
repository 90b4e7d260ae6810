// What peers do that mean harm, or are slow, or many. Codes and closing rules: server.test.ts.
import { createHash } from 'node:crypto';
import { MessageType, type RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import { requestSigningInputV2, toBase64Url } from '@andvari/host-common/ratatoskr/signing';
import { describe, expect, it } from 'vitest';
import { until } from '../testing/until.ts';
import type { ChannelHandler } from './channel.ts';
import { CONNECTIONS_PER_DEVICE_MAX } from './limits.ts';
import { placesForTests } from './testing/places.ts';
import { StuckChannel } from './testing/stuck-channel.ts';
import { signerOf, type TestPeer } from './testing/test-peer.ts';

const start = placesForTests();

const bytes = (text: string) => new TextEncoder().encode(text);

describe('a message that was seen before', () => {
  it('is refused on another connection, before and after a session', async () => {
    const place = await start();
    const peer = await place.connected();
    const request = peer.request({ payload: bytes('pay') });
    expect((await peer.ask(request)).success).toBe(true);
    const other = await place.peer();
    expect((await other.ask(request)).errorCode).toBe('REPLAY');
    await other.ask(other.connectionRequest());
    expect((await other.ask(request)).errorCode).toBe('REPLAY');
    expect((await other.ask(other.request())).success).toBe(true);
  });

  it('is refused when a byte has moved to the nonce, or the type has changed', async () => {
    const place = await start();
    const peer = await place.connected();
    const request = peer.request({ payload: bytes('pay') });
    expect((await peer.ask(request)).success).toBe(true);
    const nonce = Uint8Array.of(...request.nonce, request.payload[0] as number);
    const shifted = { ...request, nonce, payload: request.payload.subarray(1) };
    expect((await peer.ask(shifted)).errorCode).toBe('REPLAY');
    const swapped = { ...request, messageType: MessageType.DISCONNECT };
    expect((await peer.ask(swapped)).errorCode).toBe('REPLAY');
    // The twin: other bytes, freshly signed, with a shifted shape of their own.
    const payload = request.payload.subarray(1);
    expect((await peer.ask(peer.request({ nonce, payload }))).success).toBe(true);
  });

  it('is refused after the clock went ahead and back', async () => {
    const place = await start();
    const peer = await place.connected();
    const request = peer.request();
    expect((await peer.ask(request)).success).toBe(true);
    place.clock.wall += 3600;
    expect((await peer.ask(peer.request())).success).toBe(true);
    place.clock.wall -= 3600;
    expect((await peer.ask(request)).success).toBe(false);
    expect(peer.answers.at(-1)?.errorCode).toBe('REPLAY');
  });

  it('uses up nothing of a device that has not signed it', async () => {
    const place = await start();
    const peer = await place.connected();
    const request = peer.request();
    const stranger = await place.peer();
    await stranger.ask({ ...request, signature: new Uint8Array(64).fill(1) });
    expect((await peer.ask(request)).success).toBe(true);
  });
});

describe('a session', () => {
  it('is not taken over by another device, or another user of the same', async () => {
    const place = await start();
    const victim = await place.connected('device-1');
    // A device with a key of its own signs rightly, on a connection that is another's.
    const thief = await place.peer('device-2');
    const stolen = await place.peer('device-1', 'user-2');
    const asThief = thief.request();
    const asUser = stolen.request();
    expect((await victim.ask(asThief)).errorCode).toBe('UNAUTHENTICATED');
    expect((await victim.ask(asUser)).errorCode).toBe('UNAUTHENTICATED');
    expect((await victim.ask(victim.request())).success).toBe(true);
    const hello = await victim.ask(thief.connectionRequest());
    expect(hello).toMatchObject({ messageType: 2, errorCode: 'CONNECTION_REJECTED' });
    expect((await victim.closed).code).toBe(1008);
  });

  it('ends for a device that is revoked meanwhile', async () => {
    const place = await start();
    const peer = await place.connected();
    const other = await place.connected('device-2');
    place.registry.revoke('device-1');
    expect((await peer.ask(peer.request())).errorCode).toBe('UNAUTHENTICATED');
    expect((await other.ask(other.request())).success).toBe(true);
  });
});

describe('strictShape', () => {
  const cases: [string, Partial<RatatoskrRequest>][] = [
    ['a nonce of 15 bytes', { nonce: new Uint8Array(15).fill(9) }],
    ['a nonce of 17 bytes', { nonce: new Uint8Array(17).fill(9) }],
    ['an id that is no UUID', { requestId: 'request-1' }],
    ['a UUID with a byte more', { requestId: '5f0c4c2a-7d0c-4f0e-9e27-0a4f5b1f5d6ex' }],
  ];
  it.each(cases)('refuses %s, which is taken without it', async (_, change) => {
    const strict = await start({ strictShape: true });
    const peer = await strict.connected();
    expect((await peer.ask(peer.request(change))).errorCode).toBe('INVALID_REQUEST');
    expect((await peer.ask(peer.request())).success).toBe(true);
    const lax = await (await start()).connected();
    expect((await lax.ask(lax.request(change))).success).toBe(true);
  });
});

describe('requireV2', () => {
  const signed = (request: RatatoskrRequest, change: Partial<RatatoskrRequest> = {}) => {
    const input = requestSigningInputV2({ ...request, ...change });
    const digest = createHash('sha256').update(input).digest();
    const signature = toBase64Url(signerOf('device-1').signNow(digest));
    return { ...request, metadata: new Map([['x-ratatoskr-sig2', signature]]) };
  };

  it('wants the second signature, over the type too', async () => {
    const place = await start({ requireV2: true });
    for (const wrong of [
      (request: RatatoskrRequest) => request,
      (request: RatatoskrRequest) => signed(request, { messageType: MessageType.HEARTBEAT }),
      (request: RatatoskrRequest) => signed(request, { requestId: 'x' }),
      (r: RatatoskrRequest) => ({ ...r, metadata: new Map([['x-ratatoskr-sig2', 'AAAA']]) }),
    ]) {
      const peer = await place.peer();
      expect((await peer.ask(wrong(peer.connectionRequest()))).errorCode).toBe('UNAUTHENTICATED');
    }
    const peer = await place.peer();
    expect((await peer.ask(signed(peer.connectionRequest()))).success).toBe(true);
    expect((await peer.ask(signed(peer.request()))).success).toBe(true);
  });
});

describe('many and fast', () => {
  it('limits a connection before it looks at signatures, and reads on later', async () => {
    const place = await start({ connectionRate: { burst: 3, perSecond: 20 } });
    const peer = await place.peer();
    const forged = () => peer.request({ messageType: 4, signature: new Uint8Array(64) });
    await peer.ask(peer.connectionRequest());
    const requests = [peer.request(), peer.request(), forged(), forged(), peer.request()];
    for (const request of requests) peer.send(request);
    await peer.answer(3);
    const codes = () => {
      const byId = new Map(peer.answers.map((one) => [one.requestId, one.errorCode]));
      return requests.map(({ requestId }) => byId.get(requestId));
    };
    // The first beyond the rate is told; what came behind it waits for its turn.
    expect(codes()).toEqual(['', '', 'RATE_LIMITED', undefined, undefined]);
    const forgeries = () =>
      place.audit.recent().filter(({ reason }) => /BAD_SIGN/.test(reason ?? '')).length;
    expect(forgeries()).toBe(0);
    place.clock.pass(1);
    await peer.answer(5);
    expect(codes()).toEqual(['', '', 'RATE_LIMITED', 'UNAUTHENTICATED', '']);
    expect(forgeries()).toBe(1);
    expect((await peer.ask(peer.request())).success).toBe(true);
  });

  it('answers a flood of empty messages 21 times, and cuts off one that does not end', async () => {
    const place = await start();
    const flood = async (count: number) => {
      const peer = await place.peer();
      for (let i = 0; i < count; i++) peer.send(new Uint8Array());
      return peer;
    };
    const some = await flood(1000);
    await some.answer(20);
    const many = await flood(20_000);
    expect(await many.closed).toMatchObject({ code: 1008, reason: 'too many requests at once' });
    expect(many.answers.length).toBeLessThanOrEqual(21);
    const errors = Array.from({ length: 20 }, () => 'INVALID_REQUEST');
    expect(some.answers.map(({ errorCode }) => errorCode)).toEqual([...errors, 'RATE_LIMITED']);
    // A device that has asked for a session may send more at once.
    const peer = await place.connected('device-2');
    const heartbeats = Array.from({ length: 50 }, () => peer.request());
    for (const heartbeat of heartbeats) peer.send(heartbeat);
    await peer.answer(50);
    expect(peer.answers.every(({ success }) => success)).toBe(true);
  });

  it('lets a device have so many connections, and leaves others theirs', async () => {
    const place = await start({ connectionsMax: CONNECTIONS_PER_DEVICE_MAX + 3 });
    const other = await place.connected('device-2');
    const own: TestPeer[] = [];
    // Refused for its rate, or for a session that it has not: its device has spoken all the same.
    for (let i = 0; i < CONNECTIONS_PER_DEVICE_MAX; i++) {
      const peer = await place.peer('device-1');
      place.clock.pass(0.1);
      expect((await peer.ask(peer.request())).errorCode).toBe('NO_SESSION');
      own.push(peer);
    }
    const [first, second] = own as [TestPeer, TestPeer];
    expect((await first.ask(first.connectionRequest())).success).toBe(true);
    const more = await place.connected('device-1');
    // The one that has been silent longest: nothing valid has come by the second.
    const told = { code: 1008, reason: 'too many connections of this device' };
    expect(await second.closed).toEqual(told);
    await until(() => place.server.connections === CONNECTIONS_PER_DEVICE_MAX + 1);
    for (const peer of [first, more, other]) {
      expect((await peer.ask(peer.request())).success).toBe(true);
    }
    // A place is free again with one that ends.
    first.socket.close();
    await first.closed;
    await until(() => place.server.connections === CONNECTIONS_PER_DEVICE_MAX);
    const next = await place.connected('device-1');
    expect((await more.ask(more.request())).success).toBe(true);
    expect((await next.ask(next.request())).success).toBe(true);
  });

  it('reads PONG no faster than messages, and ends who sends thousands', async () => {
    const place = await start();
    const [some, many] = [await place.connected(), await place.connected('device-2')];
    for (let i = 0; i < 100; i++) some.socket.pong();
    expect((await some.ask(some.request())).success).toBe(true);
    for (let i = 0; i < 5000; i++) many.socket.pong();
    expect(await many.closed).toEqual({ code: 1008, reason: 'too many requests at once' });
    expect((await some.ask(some.request())).success).toBe(true);
  });

  it('lets strangers replay by many connections, and a device work meanwhile', async () => {
    const place = await start({ connectionsMax: 400 });
    const worker = await place.connected('device-1');
    const victim = await place.connected('device-2');
    const heard = victim.request();
    await victim.ask(heard);
    const strangers = await Promise.all(Array.from({ length: 150 }, () => place.peer()));
    for (const stranger of strangers) stranger.sendTogether(Array(20).fill(heard));
    const answersOf = () => strangers.reduce((sum, { answers }) => sum + answers.length, 0);
    await until(() => answersOf() > 0);
    for (let i = 0; i < 30; i++) expect((await worker.ask(worker.request())).success).toBe(true);
    // Each is answered, in its time.
    expect(answersOf()).toBeLessThan(150 * 20);
    await until(() => answersOf() === 150 * 20);
    const codes = new Set(strangers.flatMap(({ answers }) => answers.map((a) => a.errorCode)));
    expect(codes).toEqual(new Set(['REPLAY']));
    expect((await place.connected('device-1')).answers).toHaveLength(1);
  });

  it('holds the line at its number of connections, and drops idle ones after 90 s', async () => {
    const place = await start({ connectionsMax: 50 });
    const idle = await Promise.all(
      Array.from({ length: 49 }, (_, i) => place.connected(`device-${1 + (i % 2)}`)),
    );
    const worker = await place.connected();
    await expect(place.peer()).rejects.toThrow('503');
    expect(place.server.connections).toBe(50);
    place.clock.pass(60);
    await worker.ask(worker.request({ messageType: MessageType.BUSINESS_REQUEST }));
    // What is not valid keeps nobody alive.
    await idle[0]?.ask(new Uint8Array([0xff]));
    place.clock.pass(29);
    place.server.sweep();
    expect(place.server.connections).toBe(50);
    place.clock.pass(1);
    place.server.sweep();
    const closed = await Promise.all(idle.map((peer) => peer.closed));
    expect(closed.every(({ code }) => code === 1001)).toBe(true);
    expect((await worker.ask(worker.request())).success).toBe(true);
    expect(await place.peer()).toBeDefined();
  });

  it('drops after 10 s who no device has spoken for, and a device after 90 s', async () => {
    const place = await start();
    const silent = await place.peer();
    const stranger = await place.peer();
    stranger.socket.send('hello');
    await stranger.answer(0);
    const old = await place.connected();
    const request = old.request();
    await old.ask(request);
    const replayer = await place.peer();
    expect((await replayer.ask(request)).errorCode).toBe('REPLAY');
    const device = await place.peer();
    expect((await device.ask(device.request())).errorCode).toBe('NO_SESSION');
    place.clock.pass(9);
    place.server.sweep();
    expect(place.server.connections).toBe(5);
    place.clock.pass(1);
    place.server.sweep();
    const gone = await Promise.all([silent, stranger, replayer].map(({ closed }) => closed));
    expect(gone.map(({ code }) => code)).toEqual([1001, 1001, 1001]);
    expect((await device.ask(device.connectionRequest())).success).toBe(true);
  });

  it('lets devices in however many say nothing; the oldest of those go', async () => {
    const place = await start({ connectionsMax: 20 });
    const sessions = await Promise.all(Array.from({ length: 5 }, () => place.connected()));
    const silent: TestPeer[] = [];
    for (let i = 0; i < 40; i++) {
      silent.push(await place.peer());
      if (i >= 10) expect((await silent[i - 10]?.closed)?.code).toBe(1013);
    }
    await until(() => place.server.connections === 15);
    const device = await place.connected('device-2');
    expect((await device.ask(device.request())).success).toBe(true);
    for (const peer of sessions) expect((await peer.ask(peer.request())).success).toBe(true);
    expect(place.server.sessions).toBe(6);
  });

  it('counts the coming and going of strangers, and writes that of devices', async () => {
    const place = await start();
    const device = await place.connected();
    const channel = new StuckChannel();
    for (let i = 0; i < 6000; i++) place.server.accept(channel)?.closed();
    device.send(device.request({ messageType: MessageType.DISCONNECT }));
    await device.closed;
    await until(() => place.server.connections === 0);
    const records = place.audit.recent();
    const opened = { event: 'authentication', success: true, transport: 'websocket' };
    expect(records[1]).toMatchObject({ ...opened, address: expect.stringContaining('127.0.0.1') });
    expect(records.at(-1)).toMatchObject({ event: 'connection_closed', connection: 0 });
    expect(records.at(-2)).toMatchObject({ event: 'audit_lost', reason: '11001' });
    expect(records).toHaveLength(1003);
  });

  it('a heartbeat keeps a session alive, and nothing answers it', async () => {
    const place = await start();
    const peer = await place.connected();
    for (let i = 0; i < 5; i++) {
      place.clock.pass(80);
      peer.send(peer.request({ messageType: MessageType.HEARTBEAT }));
      await until(() => (place.server.counts.get('ok') ?? 0) === i + 2);
      place.server.sweep();
    }
    expect((await peer.ask(peer.request())).success).toBe(true);
    expect(peer.answers).toHaveLength(2);
  });
});

describe('a reader that does not read', () => {
  async function stuck() {
    const place = await start({ connectionRate: { burst: 1e6 }, rates: { perMinute: 1e6 } });
    const peer = await place.peer();
    const channel = new StuckChannel();
    const handler = place.server.accept(channel) as ChannelHandler;
    const take = async (request: RatatoskrRequest) => {
      const before = channel.sent;
      handler.message(place.codec.encodeRequest(request));
      if (request.messageType !== MessageType.HEARTBEAT) await until(() => channel.sent > before);
    };
    await take(peer.connectionRequest());
    return { channel, handler, take, peer };
  }

  it('is not read either, until it has taken its answers', async () => {
    const { channel, handler, take, peer } = await stuck();
    await take(peer.request({ payload: new Uint8Array(200_000) }));
    // After a large message it is the turn of others; that passes by itself, this does not.
    await until(() => !channel.paused);
    await take(peer.request({ payload: new Uint8Array(200_000) }));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(channel.paused).toBe(true);
    channel.bufferedBytes = 0;
    await until(() => !channel.paused);
    handler.closed();
  });

  it('is closed when too much waits for it', async () => {
    const { channel, handler, take, peer } = await stuck();
    for (let i = 0; i < 5; i++) await take(peer.request({ payload: new Uint8Array(1_000_000) }));
    expect(channel.closedWith).toBe(1008);
    handler.message(Uint8Array.of(1));
    handler.text();
    expect(channel.sent).toBe(6);
    handler.closed();
  });
});
