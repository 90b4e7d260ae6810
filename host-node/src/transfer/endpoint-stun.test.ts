import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { SocketAddress } from '../io/packet-io.ts';
import { addressValue } from '../stun/addresses.ts';
import { decodeStun, encodeStun, StunClass, type StunMessage, StunType } from '../stun/message.ts';
import { StunServer } from '../stun/stun-server.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { until } from '../testing/until.ts';
import { newIdentity } from './node-identity.ts';
import { openNodeEndpoint } from './open-endpoint.ts';
import { farEndOf } from './socket-address.ts';

const atEnd = closedAfterEach();
const HERE = { host: '127.0.0.1', port: 0 };

async function stunServer() {
  const server = await StunServer.open({ listen: HERE });
  atEnd(() => server.close());
  return server;
}

async function opened(stun: SocketAddress[], listen = HERE) {
  const node = await openNodeEndpoint({ listen, identity: newIdentity(), upgrade: { stun } });
  atEnd(() => node.endpoint.close());
  return node;
}

/** Somebody who answers each datagram as he likes. */
async function answering(answer: (request: StunMessage) => Uint8Array[]) {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  atEnd(() => void socket.close());
  await once(socket, 'listening');
  socket.on('message', (bytes, { address, port }) => {
    for (const piece of answer(decodeStun(bytes) as StunMessage)) socket.send(piece, port, address);
  });
  return { host: '127.0.0.1', port: socket.address().port };
}

describe('the socket of an endpoint', () => {
  it('is what a STUN server sees; its own address is told once', async () => {
    const { address, counts } = await stunServer();
    const { bound, stun } = await opened([address]);
    expect(await stun?.gather()).toEqual([{ kind: 'host', farEnd: farEndOf(bound) }]);
    expect(await stun?.gather()).toHaveLength(1);
    expect(counts.answered).toBe(1);
    expect(stun?.counts).toEqual({ answered: 1, stray: 0, forged: 0, malformed: 0 });
  });

  it('tells what the server saw, if that is another', async () => {
    const mapped = { host: '198.51.100.7', port: 4321 };
    const place = await answering(({ transactionId }) => [
      encodeStun({ kind: StunClass.SUCCESS, method: 1, transactionId }, [
        { type: StunType.XOR_MAPPED_ADDRESS, value: addressValue(mapped, transactionId) },
      ]),
    ]);
    const { bound, stun } = await opened([place]);
    expect(await stun?.gather()).toEqual([
      { kind: 'host', farEnd: farEndOf(bound) },
      { kind: 'reflexive', farEnd: farEndOf(mapped) },
    ]);
  });

  it('refuses and counts answers that nobody asked for, and what is too large', async () => {
    const { address } = await stunServer();
    const { bound, stun } = await opened([address]);
    await stun?.gather();
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    atEnd(() => void socket.close());
    await once(socket, 'listening');
    const answer = Buffer.from(`010100002112a442${'00'.repeat(12)}`, 'hex');
    const large = Buffer.concat([answer, Buffer.alloc(1300)]);
    for (const bytes of [answer, answer, large]) socket.send(bytes, bound.port, bound.host);
    await until(() => stun?.counts.malformed === 1);
    expect(stun?.counts).toEqual({ answered: 1, stray: 2, forged: 0, malformed: 1 });
    // A request is nobody's here.
    answer[0] = 0;
    socket.send(answer, bound.port, bound.host);
    socket.send(large, bound.port, bound.host);
    await until(() => stun?.counts.malformed === 2);
    expect(stun?.counts.stray).toBe(2);
  });

  it('does without a server that is silent, unknown, or of another family', async () => {
    const silent = await answering(() => []);
    const servers = [silent, { host: '::1', port: 9 }, { host: 'nobody.invalid', port: 3478 }];
    const { bound, stun } = await opened(servers);
    expect(await stun?.gather()).toEqual([{ kind: 'host', farEnd: farEndOf(bound) }]);
  });
});
