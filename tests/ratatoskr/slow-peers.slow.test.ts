/** Peers that say little, slowly, and stay. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { plainEngine } from '@andvari/host-common/engine/module';
import { afterEach, describe, expect, it } from 'vitest';
import { RatatoskrCodec } from '../../host-common/src/ratatoskr/codec.ts';
import { RatatoskrPlace } from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { PinnedServer } from '../bench/pinned-server.ts';
import {
  DEVICES,
  nextOf,
  openPeer,
  openRatatoskrSession,
  type Peer,
  requestOf,
} from '../bench/ratatoskr-peers.ts';

const LONG = Boolean(process.env.ANDVARI_LONG);
const IDLE = LONG ? 10_000 : 400;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function socketTo(
  place: RatatoskrPlace,
): Promise<{ socket: Socket; ended: Promise<unknown> }> {
  const socket = connect(Number(new URL(place.url).port), '127.0.0.1');
  socket.on('error', () => {});
  ends.push(() => socket.destroy());
  await once(socket, 'connect');
  return { socket, ended: once(socket.resume(), 'close') };
}

const upgradeTo = (place: RatatoskrPlace) =>
  [
    'GET /ratatoskr HTTP/1.1',
    `Host: ${new URL(place.url).host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    '\r\n',
  ].join('\r\n');

describe('a slow peer', () => {
  it('that never ends its handshake is cut, though a byte comes again and again', async () => {
    const place = await RatatoskrPlace.start();
    ends.push(() => place.close());
    const slow = await Promise.all(Array.from({ length: 20 }, () => socketTo(place)));
    const upgrade = upgradeTo(place);
    let next = 0;
    const drip = setInterval(() => {
      for (const { socket } of slow) socket.write(upgrade[next] as string);
      next = Math.min(next + 1, upgrade.length - 2);
    }, 100);
    ends.push(() => clearInterval(drip));
    const worker = await place.connected();
    expect((await worker.ask(worker.request())).success).toBe(true);
    await Promise.all(slow.map(({ ended }) => ended));
    expect(place.server.connections).toBe(1);
    expect((await worker.ask(worker.request())).success).toBe(true);
  });

  it('that never ends its message is dropped after 10 s like one that says nothing', async () => {
    const place = await RatatoskrPlace.start();
    ends.push(() => place.close());
    const { socket, ended } = await socketTo(place);
    socket.write(upgradeTo(place));
    while (place.server.connections < 1) await new Promise((resolve) => setTimeout(resolve, 2));
    // A masked binary frame of 64 KiB, of which a byte comes every second.
    socket.write(Buffer.from([0x82, 0xfe, 0xff, 0xff, 1, 2, 3, 4]));
    for (let i = 0; i < 8; i++) {
      socket.write(Buffer.from([0x2a]));
      place.clock.pass(1);
      place.server.sweep();
    }
    const worker = await place.connected();
    expect(place.server.connections).toBe(2);
    place.clock.pass(2);
    place.server.sweep();
    await ended;
    expect((await worker.ask(worker.request())).success).toBe(true);
    expect(place.server.connections).toBe(1);
  });
});

describe(`${IDLE} idle connections`, () => {
  it('with sessions and without leave the server to those who work', async () => {
    const codec = RatatoskrCodec.create({ module: await plainEngine() });
    const server = await PinnedServer.start('memory');
    ends.push(() => server.close());
    const port = server.ports.plain as number;
    const idle: Peer[] = [];
    ends.push(() => {
      for (const peer of idle) peer.close();
    });
    let next = 0;
    const lane = async () => {
      for (let i = next++; i < IDLE; i = next++) {
        const peer = await openPeer('plain', port, `127.0.0.${2 + Math.floor(i / 1000)}`);
        idle[i] = peer;
        const deviceId = DEVICES[i % DEVICES.length] as string;
        if (i % 2) await openRatatoskrSession(codec, peer, deviceId);
      }
    };
    await Promise.all(Array.from({ length: 16 }, lane));
    const worker = await openPeer('plain', port);
    ends.push(() => worker.close());
    await openRatatoskrSession(codec, worker, 'device-0');
    for (let i = 0; i < 20; i++) {
      const request = requestOf(codec, 'device-0');
      const answer = nextOf(worker);
      worker.send(codec.encodeRequest(request));
      const { requestId } = request;
      const response = { success: true, requestId };
      expect(codec.openResponse(await answer)).toMatchObject({ ok: true, response });
    }
    // And a session that has been idle still holds.
    const last = idle[1] as Peer;
    const answer = nextOf(last);
    last.send(codec.encodeRequest(requestOf(codec, DEVICES[1] as string)));
    expect(codec.openResponse(await answer)).toMatchObject({ response: { success: true } });
  }, 120_000);
});
