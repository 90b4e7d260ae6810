/** A relay between a client and a server, which does to business requests what a test wants. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { RatatoskrCodec } from '../../host-common/src/ratatoskr/codec.ts';
import { MessageType, type RatatoskrRequest } from '../../host-common/src/ratatoskr/messages.ts';

/** What goes on in the place of a message; empty: nothing yet. */
export type Turn = (message: Uint8Array) => Uint8Array[];
export const asIs: Turn = (message) => [message];

export interface Relay {
  url: string;
  /** Of business requests; everything else passes. */
  there: Turn;
  /** Of the answers to them. */
  back: Turn;
}

export const codec = RatatoskrCodec.create({ module: await plainEngine() });

function requestOf(message: Uint8Array): RatatoskrRequest {
  const opened = codec.openRequest(message, Date.now() / 1000, 10);
  if (!opened.ok) throw new Error(opened.reason);
  return opened.request;
}

/** What it opens is closed by `ends`. */
export async function relayTo(url: string, ends: (() => unknown)[]): Promise<Relay> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const relay: Relay = { url: `ws://127.0.0.1:${port}/ratatoskr`, there: asIs, back: asIs };
  server.on('connection', async (client) => {
    client.pause();
    const behind = new WebSocket(url, 'ratatoskr.v1');
    ends.push(() => behind.terminate());
    client.on('message', (data: Buffer) => {
      const message = new Uint8Array(data);
      const isBusiness = requestOf(message).messageType === MessageType.BUSINESS_REQUEST;
      for (const next of isBusiness ? relay.there(message) : [message]) behind.send(next);
    });
    behind.on('message', (data: Buffer) => {
      const message = new Uint8Array(data);
      const opened = codec.openResponse(message);
      const isSession =
        opened.ok && opened.response.messageType === MessageType.CONNECTION_RESPONSE;
      for (const next of isSession ? [message] : relay.back(message)) client.send(next);
    });
    await once(behind, 'open');
    client.resume();
  });
  ends.push(() => server.close());
  return relay;
}

/** The same message with other fields, as canonical as it was. */
export function changed(
  message: Uint8Array,
  change: (request: RatatoskrRequest) => object,
): Uint8Array {
  const request = requestOf(message);
  return codec.encodeRequest({ ...request, ...change(request) });
}
