import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SocketAddress } from '../io/packet-io.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { keptPorts } from '../testing/ports.ts';
import { until } from '../testing/until.ts';
import { addressValue } from './addresses.ts';
import { answerBinding } from './binding-server.ts';
import { decodeStun, encodeStun, StunClass, type StunMessage, StunType } from './message.ts';
import { examineNat } from './nat.ts';
import { StunServer, type StunServerOptions } from './stun-server.ts';
import { openStunSocket } from './stun-socket.ts';

const atEnd = closedAfterEach();
afterEach(() => vi.restoreAllMocks());
const HERE = { host: '127.0.0.1', port: 0 };
const QUICK = { tries: 2, lastWaits: 0.2 };

async function server(options: Partial<StunServerOptions> = {}): Promise<StunServer> {
  const opened = await StunServer.open({ listen: HERE, ...options });
  atEnd(() => opened.close());
  return opened;
}

async function fullServer(): Promise<StunServer> {
  return server({ other: { host: '127.0.0.2', port: await keptPorts() } });
}

async function asker(host = '127.0.0.1') {
  const socket = await openStunSocket({ host, port: 0 });
  atEnd(() => socket.close());
  return socket;
}

/** Somebody who answers each datagram as he likes. */
async function answering(answer: (request: StunMessage, from: SocketAddress) => Uint8Array[]) {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  atEnd(() => void socket.close());
  await once(socket, 'listening');
  socket.on('message', (bytes, { address: host, port }) => {
    const request = decodeStun(bytes) as StunMessage;
    for (const piece of answer(request, { host, port })) socket.send(piece, port, host);
  });
  return { host: '127.0.0.1', port: socket.address().port };
}

const success = ({ transactionId }: StunMessage, mapped: SocketAddress, more: object[] = []) =>
  encodeStun({ kind: StunClass.SUCCESS, method: 1, transactionId }, [
    { type: StunType.XOR_MAPPED_ADDRESS, value: addressValue(mapped, transactionId) },
    ...(more as []),
  ]);
const ELSEWHERE = { host: '203.0.113.7', port: 7 };

describe('a STUN server', () => {
  it('tells from where it is asked, over IPv4 and IPv6', async () => {
    for (const host of ['127.0.0.1', '::1', '0.0.0.0', '::']) {
      const { address } = await server({ listen: { host, port: 0 } });
      const own = await asker(host.includes(':') ? '::1' : '127.0.0.1');
      const place = { host: own.bound.host, port: address.port };
      const { mapped, other } = await own.client.ask(place);
      expect([mapped, other]).toEqual([own.bound, undefined]);
    }
  });

  it('tells IPv4 to whoever comes by IPv4 to a socket of IPv6', async () => {
    const { address } = await server({ listen: { host: '::', port: 0 } });
    const own = await asker();
    const place = { host: '127.0.0.1', port: address.port };
    expect((await own.client.ask(place)).mapped).toEqual(own.bound);
  });

  it('answers from its other address, port or both', async () => {
    const { address, other } = await fullServer();
    const own = await asker();
    const all = [other as SocketAddress, { host: '127.0.0.2', port: address.port }];
    all.push({ host: '127.0.0.1', port: other?.port as number });
    for (const from of all) {
      expect((await own.client.ask(address, { from })).mapped).toEqual(own.bound);
    }
    // Each of its four places names the one that is farthest from it.
    expect((await own.client.ask(other as SocketAddress)).other).toEqual(address);
  });

  it('with one address says that it does not know how to answer from another', async () => {
    const { address, counts } = await server();
    const own = await asker();
    const from = { host: '127.0.0.2', port: 1 };
    // Refused from where it was asked: not from where an answer was to come.
    await expect(own.client.ask(address, { from, ...QUICK })).rejects.toMatchObject({
      code: 'ANDVARI_STUN_TIMEOUT',
    });
    expect(counts).toMatchObject({ answered: 0, refused: 2 });
  });

  it.each([
    [{ other: { host: '127.0.0.1', port: 1 } }],
    [{ other: { host: '::1', port: 1 } }],
    [{ other: { host: '0.0.0.0', port: 1 } }],
    [{ other: { host: '127.0.0.2', port: 0 } }],
    [{ listen: { host: '0.0.0.0', port: 0 }, other: { host: '127.0.0.2', port: 1 } }],
  ])('is not opened with %j', async (options) => {
    await expect(server(options)).rejects.toThrow(RangeError);
  });

  it('wants a credential where it has some', async () => {
    const { address, counts } = await server({ credentials: new Map([['anna', 'secret']]) });
    const own = await asker();
    for (const hash of ['sha1', 'sha256'] as const) {
      const credential = { username: 'anna', password: 'secret', hash };
      expect((await own.client.ask(address, { credential })).mapped).toEqual(own.bound);
    }
    await expect(own.client.ask(address)).rejects.toMatchObject({
      ...{ code: 'ANDVARI_STUN_REFUSED', errorCode: 401 },
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ refused a STUN request: 401 Unauth/),
    });
    for (const [username, password] of [
      ['anna', 'Secret'],
      ['berta', 'secret'],
    ] as const) {
      const credential = { username, password };
      await expect(own.client.ask(address, { credential, ...QUICK })).rejects.toMatchObject({
        code: 'ANDVARI_STUN_INTEGRITY',
      });
    }
    expect(counts).toEqual({ answered: 2, refused: 5, limited: 0, ignored: 0 });
  });

  it('says nothing to what is no binding request, and refuses what it does not understand', () => {
    const transactionId = new Uint8Array(12);
    const from = { host: '192.0.2.1', port: 1 };
    const place = { own: { host: '192.0.2.9', port: 3478 }, other: undefined };
    const ask = (kind: StunMessage['kind'], method: number, types: number[] = []) => {
      const attributes = types.map((type) => ({ type, value: new Uint8Array(4) }));
      return answerBinding(encodeStun({ kind, method, transactionId }, attributes), from, place);
    };
    for (const kind of [StunClass.INDICATION, StunClass.SUCCESS, StunClass.ERROR]) {
      expect(ask(kind, 1)).toBeUndefined();
    }
    expect(ask(StunClass.REQUEST, 3)).toBeUndefined();
    expect(answerBinding(new Uint8Array(20), from, place)).toBeUndefined();
    expect(ask(StunClass.REQUEST, 1, [0x8022, 0xffff])?.isRefusal).toBe(false);
    const refusal = ask(StunClass.REQUEST, 1, [0x0024, 0x8022, 0x0024, 0x0003]);
    expect(refusal?.isRefusal).toBe(true);
    const { kind, attributes } = decodeStun(refusal?.bytes ?? new Uint8Array()) as StunMessage;
    expect(kind).toBe(StunClass.ERROR);
    const hex = attributes.map(({ value }) => Buffer.from(value).toString('hex'));
    expect(hex[0]).toMatch(/^00000414/);
    expect(hex[1]).toBe('00240003');
  });

  it('makes at most five times of what it was sent, and no more a second than it may', async () => {
    let nowMs = 0;
    const options = { answersPerSecond: 3, nowMs: () => nowMs };
    const { address, counts } = await server(options);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    atEnd(() => void socket.close());
    await once(socket, 'listening');
    const answers: number[] = [];
    socket.on('message', ({ length }) => answers.push(length));
    const bare = Buffer.from(`000100002112a442${'00'.repeat(12)}`, 'hex');
    const flood = () => {
      for (let i = 0; i < 10; i++) socket.send(bare, address.port, address.host);
    };
    flood();
    await until(() => counts.limited === 7);
    nowMs = 1000;
    flood();
    await until(() => counts.limited === 14);
    await until(() => answers.length === 6);
    for (const length of answers) expect(length).toBeLessThanOrEqual(5 * bare.length);
  });
});

describe('a STUN client', () => {
  it('says nothing of itself: a question is a type and a number, new each time', async () => {
    const asked: Buffer[] = [];
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    atEnd(() => void socket.close());
    await once(socket, 'listening');
    socket.on('message', (bytes, { address: host, port }) => {
      asked.push(bytes);
      const answer = success(decodeStun(bytes) as StunMessage, { host, port });
      socket.send(answer, port, host);
    });
    const own = await asker();
    for (let i = 0; i < 2; i++) {
      await own.client.ask({ host: '127.0.0.1', port: socket.address().port });
    }
    for (const bytes of asked) {
      // A binding request, the magic cookie, 12 bytes, and a fingerprint of these alone.
      expect(bytes.toString('hex')).toMatch(/^000100082112a442[0-9a-f]{24}80280004[0-9a-f]{8}$/);
    }
    expect(new Set(asked.map((bytes) => bytes.toString('hex'))).size).toBe(asked.length);
  });

  it('asks again until an answer comes', async () => {
    let asked = 0;
    const place = await answering((request, from) => (++asked < 3 ? [] : [success(request, from)]));
    const own = await asker();
    const { mapped, roundTripMs } = await own.client.ask(place);
    expect([mapped, asked]).toEqual([own.bound, 3]);
    expect(roundTripMs).toBeGreaterThan(1000);
  });

  it('gives up in time, by a signal, and when it is closed', async () => {
    const place = await answering(() => []);
    const own = await asker();
    await expect(own.client.ask(place, QUICK)).rejects.toMatchObject({
      ...{ code: 'ANDVARI_STUN_TIMEOUT' },
      message: expect.stringContaining('does not answer STUN requests'),
    });
    const stop = new AbortController();
    const stopped = own.client.ask(place, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
    const waiting = own.client.ask(place);
    own.client.close();
    const closed = { code: 'ANDVARI_STUN_CLOSED' };
    await expect(waiting).rejects.toMatchObject(closed);
    await expect(own.client.ask(place)).rejects.toMatchObject(closed);
  });

  it('has no more than 64 that wait', async () => {
    const place = await answering(() => []);
    const own = await asker();
    const waiting = Array.from({ length: 64 }, () => own.client.ask(place));
    const ended = Promise.allSettled(waiting);
    await expect(own.client.ask(place)).rejects.toMatchObject({ code: 'ANDVARI_STUN_TOO_MANY' });
    own.client.close();
    await ended;
  });

  it('takes nothing from others, of another transaction, or damaged', async () => {
    const forge = (request: StunMessage, from: SocketAddress) => {
      const good = success(request, from);
      const other = { ...request, transactionId: new Uint8Array(12) };
      const damaged = Uint8Array.from(good);
      damaged[30] = (damaged[30] as number) ^ 1;
      return [good, success(other, ELSEWHERE), damaged, Uint8Array.of(1), new Uint8Array(1400)];
    };
    const own = await asker();
    const silent = await answering(() => []);
    // It knows all of the request, and answers from another port.
    const liar = createSocket('udp4').bind(0, '127.0.0.1');
    atEnd(() => void liar.close());
    await once(liar, 'listening');
    const place = await answering((request, from) => {
      liar.send(success(request, ELSEWHERE), from.port, from.host);
      return forge(request, from).reverse();
    });
    expect((await own.client.ask(place)).mapped).toEqual(own.bound);
    await expect(own.client.ask(silent, QUICK)).rejects.toThrow('does not answer');
  });

  it('tells of an answer without an address, and of a reason in printable letters', async () => {
    const own = await asker();
    const empty = await answering(({ transactionId }) => [
      encodeStun({ kind: StunClass.SUCCESS, method: 1, transactionId }, []),
    ]);
    await expect(own.client.ask(empty)).rejects.toMatchObject({ code: 'ANDVARI_STUN_ANSWER' });
    const value = Uint8Array.from([0, 0, 5, 0, ...Buffer.from('down\u001b[2J')]);
    const refusing = await answering(({ transactionId }) => [
      encodeStun({ kind: StunClass.ERROR, method: 1, transactionId }, [
        { type: StunType.ERROR_CODE, value },
      ]),
    ]);
    await expect(own.client.ask(refusing)).rejects.toMatchObject({
      ...{ code: 'ANDVARI_STUN_REFUSED', errorCode: 500 },
      message: expect.stringMatching(/: 500 down\?\[2J$/),
    });
  });
});

describe('what kind of NAT there is', () => {
  it('none, where our own address is seen', async () => {
    const { address } = await fullServer();
    const own = await asker();
    expect(await examineNat(own.client, address, own.bound)).toMatchObject({
      ...{ mapped: own.bound, isTranslated: false },
      ...{ mapping: 'endpoint-independent', filtering: 'endpoint-independent' },
    });
  });

  it('is not known by a server with one address', async () => {
    const { address } = await server();
    const own = await asker();
    expect(await examineNat(own.client, address, undefined)).toMatchObject({
      ...{ mapped: own.bound, isTranslated: undefined },
      ...{ mapping: undefined, filtering: undefined },
    });
  });

  it.each([
    ['224.0.0.1', 5000],
    ['0.0.0.0', 5000],
    ['::1', 5000],
    ['127.0.0.1', 5000],
  ])('a server that names %s as its other address sends nobody there', async (host, port) => {
    const other = { type: StunType.OTHER_ADDRESS, value: addressValue({ host, port }) };
    let asked = 0;
    const place = await answering((request) => {
      asked++;
      return [success(request, ELSEWHERE, [other])];
    });
    const own = await asker();
    const report = await examineNat(own.client, place, own.bound);
    expect(report).toMatchObject({ mapped: ELSEWHERE, isTranslated: true, mapping: undefined });
    expect(asked).toBe(1);
  });
});
