/** Who comes to the WebSocket listener of a peer, and does not behave. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { PeerNetworkSetup } from '@andvari/host-common/peer/libp2p';
import { Libp2pNetwork, libp2pKey, openLibp2p } from '@andvari/host-common/peer/open-libp2p';
import { withReset } from '@andvari/host-common/peer/websocket-reset';
import { webSockets } from '@libp2p/websockets';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type WebSocketGuard, withGuard } from './websocket-guard.ts';

const letsIn = () => false;
const setup: PeerNetworkSetup = {
  gater: {
    ...{ denyDialPeer: letsIn, denyInboundConnection: letsIn, denyOutboundConnection: letsIn },
    ...{ denyInboundEncryptedConnection: letsIn, denyOutboundEncryptedConnection: letsIn },
  },
  ...{ connectionsMax: 100, gossipOptions: {}, gossipRegistrar: (registrar) => registrar },
  ...{ protocolVersion: 'test/1', agentVersion: 'test' },
};
const LONG_MS = 600_000;

let network: Libp2pNetwork | undefined;

/** Its port. */
async function listen(guard: WebSocketGuard): Promise<number> {
  const { privateKey } = await libp2pKey(new Uint8Array(32).fill(3));
  const transports = [withGuard(withReset(webSockets()), guard)];
  const own = { privateKey, listen: ['/ip4/127.0.0.1/tcp/0/ws'], transports };
  network = new Libp2pNetwork(await openLibp2p(own, setup));
  await network.start();
  return Number(network.addresses()[0]?.split('/')[4]);
}

async function silent(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function webSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await once(socket, 'open');
  return socket;
}

afterEach(async () => {
  await network?.stop();
  network = undefined;
});

it('takes WebSockets, and they stay', async () => {
  const port = await listen({ socketsMax: 1, upgradeMs: 50 });
  const socket = await webSocket(port);
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.ping();
  await once(socket, 'pong');
  socket.terminate();
});

it('closes a socket that asks for no WebSocket, whether it speaks or not', async () => {
  const port = await listen({ socketsMax: 10, upgradeMs: 50 });
  const [mute, slow] = [await silent(port), await silent(port)];
  slow.write('GET / HTTP/1.1\r\nHost: ');
  await Promise.all([once(mute, 'close'), once(slow, 'close')]);
});

it('takes no more sockets than it has room for', async () => {
  const port = await listen({ socketsMax: 2, upgradeMs: LONG_MS });
  const first = [await silent(port), await silent(port)];
  const third = await silent(port);
  await once(third, 'close');
  for (const socket of first) {
    expect(socket.closed).toBe(false);
    socket.destroy();
  }
  await expect
    .poll(async () => (await webSocket(port).catch(() => undefined)) !== undefined)
    .toBe(true);
});

it('reads no message beyond 1 MiB', async () => {
  const port = await listen({ socketsMax: 10, upgradeMs: LONG_MS });
  const socket = await webSocket(port);
  const closed = once(socket, 'close');
  socket.send(new Uint8Array(2 ** 20 + 1));
  expect((await closed)[0]).toBe(1009);
});

it('outlives a frame that is none', async () => {
  const port = await listen({ socketsMax: 10, upgradeMs: LONG_MS });
  const headers = {
    ...{ Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' },
    'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
  };
  const asked = request({ host: '127.0.0.1', port, headers }).end();
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Socket];
  const closed = once(socket, 'close');
  socket.resume().write(Buffer.alloc(64, 0xff));
  await closed;
  (await webSocket(port)).terminate();
});

it('ends at once, whoever waits at it', async () => {
  const port = await listen({ socketsMax: 10, upgradeMs: LONG_MS });
  const mute = await silent(port);
  const closed = once(mute, 'close');
  await network?.stop();
  await closed;
});
