import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { WebSocketChannel } from './websocket-channel.ts';

it('what is sent in one turn leaves in one write, what comes later in another', async () => {
  const writes: number[] = [];
  const below = new Duplex({
    read: () => {},
    write: (_chunk, _encoding, done) => {
      writes.push(1);
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.length);
      done();
    },
  });
  const socket = {
    ...{ readyState: WebSocket.OPEN, OPEN: WebSocket.OPEN, bufferedAmount: 0 },
    send: (message: Uint8Array) => below.write(message),
  };
  const channel = new WebSocketChannel(socket as unknown as WebSocket, below, 'test');
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  channel.send(Uint8Array.of(1));
  await Promise.resolve();
  channel.send(Uint8Array.of(2));
  channel.send(Uint8Array.of(3));
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toEqual([3]);
  channel.send(Uint8Array.of(4));
  await turn();
  expect(writes).toEqual([3, 1]);
  // A long one waits for nothing, and keeps its place.
  channel.send(Uint8Array.of(5));
  channel.send(new Uint8Array(4097));
  expect(writes).toEqual([3, 1, 1, 1]);
  // Where more is gathered it waits too.
  const relay = new WebSocketChannel(socket as unknown as WebSocket, below, 'test', 4097);
  relay.send(Uint8Array.of(6));
  relay.send(new Uint8Array(4097));
  await turn();
  relay.send(new Uint8Array(4098));
  expect(writes).toEqual([3, 1, 1, 1, 2, 1]);
});
