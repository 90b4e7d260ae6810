import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SelfMadeCertificates } from '../webtransport/certificates.ts';
import { QuicClient, quicAvailable, type RawStream } from '../webtransport/testing/quic-client.ts';
import { concatBytes } from '../webtransport/varint.ts';
import type { MessageChannel } from './channel.ts';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import { WebTransportListener } from './webtransport-listener.ts';

function framed(bytes: Uint8Array | number): Uint8Array {
  const length = new Uint8Array(4);
  const isLength = typeof bytes === 'number';
  new DataView(length.buffer).setUint32(0, isLength ? bytes : bytes.length);
  return isLength ? length : concatBytes(length, bytes);
}

async function readBytes(stream: RawStream, count: number): Promise<Uint8Array> {
  let read: Uint8Array = new Uint8Array(0);
  while (read.length < count) {
    const bytes = await stream.receive.read();
    if (!bytes) break;
    read = concatBytes(read, bytes);
  }
  return read;
}

it('says that there is no WebTransport on another platform', () => {
  const certificates = new SelfMadeCertificates(['localhost'], Date.now());
  const listen = { host: '127.0.0.1', port: 0 };
  const options = { listen, accept: () => undefined, certificates, platform: 'plan9-vax' };
  expect(() => new WebTransportListener(options)).toThrow(
    expect.objectContaining({
      code: 'ANDVARI_WEBTRANSPORT_UNAVAILABLE',
      message: expect.stringContaining('@matrixai/quic-plan9-vax is not installed'),
    }),
  );
});

describe.runIf(quicAvailable)('a session as a channel', () => {
  let listener: WebTransportListener;
  let client: QuicClient;
  let full: boolean;
  let channel: MessageChannel;
  let received: Uint8Array[];
  let onMessage: (bytes: Uint8Array) => void;
  let closedCount: number;
  let own: string;
  let certificates: SelfMadeCertificates;
  let changes: Uint8Array[][];

  beforeEach(async () => {
    [full, received, closedCount, onMessage] = [false, [], 0, () => {}];
    certificates = new SelfMadeCertificates(['localhost'], Date.now());
    changes = [];
    listener = new WebTransportListener({
      listen: { host: '127.0.0.1', port: 0 },
      certificates,
      certificateChanged: (hashes) => changes.push(hashes),
      hosts: ['wallet.example'],
      origins: ['https://page.example', 'none'],
      accept: (offered) => {
        if (full) return undefined;
        channel = offered;
        return {
          message: (bytes) => {
            received.push(bytes);
            onMessage(bytes);
          },
          text: () => expect.fail('there is no text here'),
          bare: () => expect.fail('there are no bare frames here'),
          ended: () => channel.close(1000, 'ended'),
          closed: () => closedCount++,
        };
      },
    });
    const address = await listener.open();
    own = `127.0.0.1:${address.port}`;
    client = await QuicClient.open(address);
  });
  afterEach(async () => {
    client.close();
    await listener.close();
  });

  const connect = (changes: Record<string, string | undefined> = {}) =>
    client.connect({ ':path': '/ratatoskr', ':authority': own, origin: undefined, ...changes });
  const session = async () => {
    const connected = await connect();
    expect(connected.status).toBe(200);
    return connected;
  };
  /** Code and reason of the close capsule, which is the last thing on the request's stream. */
  const closeOf = async ({ receive }: RawStream) => {
    let all: Uint8Array = new Uint8Array(0);
    for (let bytes = await receive.read(); bytes; bytes = await receive.read()) {
      all = concatBytes(all, bytes);
    }
    const at = Buffer.from(all).indexOf(Buffer.from('6843', 'hex'));
    const value = Buffer.from(all.subarray(at + 3));
    return { code: value.readUInt32BE(), reason: value.subarray(4).toString() };
  };

  it('is for listed names and pages, and for programs', async () => {
    const status = async (changed: Record<string, string>) => (await connect(changed)).status;
    const port = own.split(':')[1];
    for (const name of [`localhost:${port}`, `wallet.example:${port}`, 'wallet.example']) {
      expect(await status({ ':authority': name })).toBe(200);
    }
    expect(await status({ origin: 'https://page.example' })).toBe(200);
    for (const name of [`evil.example:${port}`, '127.0.0.1', '127.0.0.1:1', `127.0.0.2:${port}`]) {
      expect(await status({ ':authority': name })).toBe(421);
    }
    for (const origin of ['https://evil.example', 'http://page.example', 'null', 'none']) {
      expect(await status({ origin })).toBe(403);
    }
  });

  it('tells of another certificate once', async () => {
    await session();
    expect(changes).toEqual([]);
    certificates.rotate(Date.now());
    const hashes = certificates.hashes(Date.now());
    const second = await QuicClient.open({ host: '127.0.0.1', port: Number(own.split(':')[1]) });
    second.close();
    expect(listener.certificateHashes).toEqual(hashes);
    expect(changes).toEqual([hashes]);
  });

  it('messages in any pieces come whole, also empty and longest ones; answers too', async () => {
    onMessage = (bytes) => channel.send(bytes);
    const { id } = await session();
    expect(channel).toMatchObject({ transport: 'webtransport', remoteAddress: '127.0.0.1' });
    const long = new Uint8Array(MESSAGE_BYTES_MAX).map((_, index) => index);
    const messages = [Buffer.from('one'), new Uint8Array(0), Buffer.from('three'), long];
    const bytes = concatBytes(...messages.map(framed));
    const stream = client.sessionStream(id, bytes.subarray(0, 1));
    for (const [start, end] of [
      [1, 2],
      [2, 9],
      [9, 13],
      [13, 14],
      [14, bytes.length],
    ] as const) {
      await stream.send.write(bytes.subarray(start, end));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const back = await readBytes(stream, bytes.length);
    expect(Buffer.compare(back, bytes)).toBe(0);
    expect(received.map(({ length }) => length)).toEqual([3, 0, 5, MESSAGE_BYTES_MAX]);
  });

  it('one byte more than the longest closes with 1009, before it has come', async () => {
    const connected = await session();
    client.sessionStream(connected.id, framed(MESSAGE_BYTES_MAX + 1));
    expect(await closeOf(connected)).toMatchObject({ code: 1009 });
    expect(received).toEqual([]);
    await vi.waitFor(() => expect(closedCount).toBe(1));
  });

  it('what was sent before the close still comes', async () => {
    onMessage = () => {
      channel.send(Buffer.from('last words'));
      channel.close(1008, 'enough');
      channel.send(Buffer.from('never'));
    };
    const connected = await session();
    const stream = client.sessionStream(connected.id, framed(Buffer.from('x')));
    expect(await readBytes(stream, 14)).toEqual(framed(Buffer.from('last words')));
    expect(await closeOf(connected)).toEqual({ code: 1008, reason: 'enough' });
    await vi.waitFor(() => expect(closedCount).toBe(1));
  });

  it('who ends its half has every byte of the answers, and their end', async () => {
    const answer = new Uint8Array(1_000_000).fill(7);
    onMessage = () => channel.send(answer);
    const connected = await session();
    const stream = client.sessionStream(connected.id, new Uint8Array(0));
    const questions = Array.from({ length: 4 }, () => framed(Buffer.from('x')));
    await stream.send.end(Buffer.concat(questions));
    let bytes = 0;
    for (let part = await stream.receive.read(); part; part = await stream.receive.read()) {
      bytes += part.length;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(bytes).toBe(4 * (4 + answer.length));
    expect((await closeOf(connected)).code).toBe(1000);
    await vi.waitFor(() => expect(closedCount).toBe(1));
  });

  it('messages before the client has opened its stream wait for it', async () => {
    const { id } = await session();
    channel.send(Buffer.from('early'));
    expect(channel.bufferedBytes).toBe(9);
    const stream = client.sessionStream(id, new Uint8Array(0));
    expect(await readBytes(stream, 9)).toEqual(framed(Buffer.from('early')));
    expect(channel.bufferedBytes).toBe(0);
  });

  it('a paused channel reads no more, and its sender is stopped; then it goes on', async () => {
    onMessage = () => {
      if (received.length === 1) channel.pause();
    };
    const { id } = await session();
    const message = framed(new Uint8Array(100_000));
    const stream = client.sessionStream(id, message);
    await vi.waitFor(() => expect(received).toHaveLength(1));
    const sent = Promise.all(Array.from({ length: 30 }, () => stream.send.write(message)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(received.length).toBeLessThan(3);
    expect(stream.send.bufferedBytes).toBeGreaterThan(1_000_000);
    channel.resume();
    await sent;
    await vi.waitFor(() => expect(received).toHaveLength(31));
  });

  it('a slow reader is seen in bufferedBytes', async () => {
    const { id } = await session();
    const stream = client.sessionStream(id, new Uint8Array(0));
    channel.send(new Uint8Array(0));
    await readBytes(stream, 4);
    for (let count = 0; count < 20; count++) channel.send(new Uint8Array(100_000));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(channel.bufferedBytes).toBeGreaterThan(1_000_000);
    await readBytes(stream, 20 * 100_004);
    expect(channel.bufferedBytes).toBe(0);
  });

  it.each([
    ['ends', 1000, (stream: RawStream) => void stream.send.end()],
    ['is reset', 1002, (stream: RawStream) => stream.send.reset(1)],
    ['is not read', 1002, (stream: RawStream) => stream.receive.stop(1)],
    ['ends inside a message', 1002, (stream: RawStream) => void stream.send.end(framed(5))],
  ])('the session ends when the stream %s', async (_, code, act) => {
    const connected = await session();
    const stream = client.sessionStream(connected.id, framed(Buffer.from('x')));
    await vi.waitFor(() => expect(received).toHaveLength(1));
    act(stream);
    expect((await closeOf(connected)).code).toBe(code);
    await vi.waitFor(() => expect(closedCount).toBe(1));
  });

  it('the session ends when the stream is not read from the start', async () => {
    onMessage = (bytes) => channel.send(bytes);
    const connected = await session();
    const stream = client.sessionStream(connected.id, framed(Buffer.from('x')));
    stream.receive.stop(1);
    const after = framed(Buffer.from('y'));
    await stream.send.write(after).catch(() => {});
    expect((await closeOf(connected)).code).toBe(1002);
    await stream.send.write(after).catch(() => {});
    await vi.waitFor(() => expect(closedCount).toBe(1));
  });

  it('further streams and datagrams are refused, and change nothing', async () => {
    onMessage = (bytes) => channel.send(bytes);
    const { id } = await session();
    const stream = client.sessionStream(id, framed(Buffer.from('x')));
    await readBytes(stream, 5);
    const second = client.sessionStream(id, framed(Buffer.from('y')));
    await expect(second.receive.read()).rejects.toMatchObject({ kind: 'reset' });
    client.quic.sendDatagram(Uint8Array.of(id / 4, 1));
    await stream.send.write(framed(Buffer.from('z')));
    expect(await readBytes(stream, 5)).toEqual(framed(Buffer.from('z')));
    expect(received).toHaveLength(2);
  });

  it('too many connections: 429, and the connection may try again', async () => {
    full = true;
    expect((await connect()).status).toBe(429);
    full = false;
    await session();
    expect(listener.connections).toBe(1);
  });
});

describe.runIf(quicAvailable)('sessions that were told to go', () => {
  it.each([
    [4, 2],
    [2, 2],
  ])('have their time, as far as few do so: of %i stay %i when one comes', async (count, left) => {
    const channels: MessageChannel[] = [];
    let closedCount = 0;
    const listener = new WebTransportListener({
      listen: { host: '127.0.0.1', port: 0 },
      certificates: new SelfMadeCertificates(['localhost'], Date.now()),
      connectionsMax: 20,
      accept: (channel) => {
        channels.push(channel);
        const closed = () => void closedCount++;
        const nothing = () => {};
        return { message: nothing, text: nothing, bare: nothing, ended: nothing, closed };
      },
    });
    const address = await listener.open();
    const fields = { ':path': '/ratatoskr', ':authority': `127.0.0.1:${address.port}` };
    let isLost = false;
    // One that takes nothing any more: nothing of what was said last is acknowledged.
    const silent = await QuicClient.open(address, { isLost: () => isLost });
    for (let i = 0; i < count; i++) {
      const { id } = await silent.connect({ ...fields, origin: undefined });
      const { receive } = silent.sessionStream(id, framed(Uint8Array.of(i)));
      await vi.waitFor(() => expect(channels).toHaveLength(i + 1));
      channels[i]!.send(Uint8Array.of(i));
      await receive.read();
    }
    isLost = true;
    for (const channel of channels) channel.close(1013, 'too many connections');
    expect(listener.connections).toBe(count);
    const next = await QuicClient.open(address);
    expect((await next.connect({ ...fields, origin: undefined })).status).toBe(200);
    expect(listener.connections).toBe(left + 1);
    await vi.waitFor(() => expect(closedCount).toBe(count - left));
    for (const client of [silent, next]) client.close();
    await listener.close();
  });
});
