/**
 * Clients of the Ratatoskr benches. Requests are signed before the clock runs and answers checked
 * after it, so that the load does not cost more than the server.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { MESSAGE_BYTES_MAX } from '@andvari/host-common/engine/generated/limits';
import { FrameReader, framed } from '@andvari/host-common/ratatoskr/client/length-frames';
import type { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { MessageType, type RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import { certificates } from '@andvari/host-node/ratatoskr/testing/certificates';
import { signerOf } from '@andvari/host-node/ratatoskr/testing/test-peer';
import { QuicClient } from '@andvari/host-node/webtransport/testing/quic-client';
import { WebSocket } from 'ws';

export const USER = 'user-1';
/** So many that none comes near its bound of connections: 10,000 are twenty of each. */
export const DEVICES = Array.from({ length: 512 }, (_, i) => `device-${i}`);
export const CONNECTIONS_MAX = 10_500;
/** Of one load, and the requests that each has under way at full load. */
export const CONNECTIONS = 16;
export const WINDOW = 8;
/** A request of 300 bytes with it: JSON, as every service of ours takes. */
const PAYLOAD = new TextEncoder().encode(
  JSON.stringify({ request_type: 'BENCH', text: 'x'.repeat(112) }),
);

const signers = new Map(DEVICES.map((deviceId) => [deviceId, signerOf(deviceId)]));

export function requestOf(
  codec: RatatoskrCodec,
  deviceId: string,
  change: Partial<RatatoskrRequest> = {},
): RatatoskrRequest {
  const request = {
    messageType: MessageType.BUSINESS_REQUEST as number,
    ...{ requestId: randomUUID() as string, deviceId, userId: USER },
    timestamp: BigInt(Math.floor(Date.now() / 1000)),
    nonce: new Uint8Array(randomBytes(16)),
    payload: PAYLOAD,
    metadata: new Map<string, string>(),
    ...change,
  };
  const signature = signers.get(deviceId)?.signNow(codec.requestDigest(request));
  if (!signature) throw new Error(`no device ${deviceId}`);
  return { ...request, signature };
}

export interface Peer {
  /** Who gets what comes; set before anything is sent. */
  onMessage: (bytes: Uint8Array) => void;
  send(message: Uint8Array): void;
  close(): void;
}

export type Transport = 'plain' | 'tls' | 'webTransport';

/** `localAddress`: 127.x.y.z, where one address has too few ports. */
export function openPeer(kind: Transport, port: number, localAddress?: string): Promise<Peer> {
  return kind === 'webTransport' ? openSession(port) : openSocket(kind, port, localAddress);
}

async function openSocket(
  kind: 'plain' | 'tls',
  port: number,
  localAddress?: string,
): Promise<Peer> {
  const url = `${kind === 'tls' ? 'wss' : 'ws'}://127.0.0.1:${port}/ratatoskr`;
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    ...(kind === 'tls' ? { ca: certificates[0].cert } : {}),
    ...(localAddress ? { localAddress } : {}),
  });
  await once(socket, 'open');
  const peer: Peer = {
    onMessage: () => {},
    send: (message) => socket.send(message, { binary: true }),
    close: () => socket.terminate(),
  };
  socket.on('message', (data) => peer.onMessage(data as Buffer));
  return peer;
}

async function openSession(port: number): Promise<Peer> {
  const client = await QuicClient.open({ host: '127.0.0.1', port });
  const authority = `127.0.0.1:${port}`;
  const fields = { ':path': '/ratatoskr', ':authority': authority, origin: undefined };
  const { id, status } = await client.connect(fields);
  if (status !== 200) throw new Error(`no WebTransport session: ${status}`);
  const stream = client.sessionStream(id, new Uint8Array(0));
  const peer: Peer = {
    onMessage: () => {},
    send: (message) => void stream.send.write(framed(message)),
    close: () => client.close(),
  };
  const reader = new FrameReader(MESSAGE_BYTES_MAX);
  const read = async () => {
    for (let piece = await stream.receive.read(); piece; piece = await stream.receive.read()) {
      for (const message of reader.feed(piece)) peer.onMessage(message);
    }
  };
  read().catch(() => {});
  return peer;
}

/** The next message that comes. */
export function nextOf(peer: Peer): Promise<Uint8Array> {
  return new Promise((resolve) => {
    peer.onMessage = resolve;
  });
}

/** Ask for a session, and have it. */
export async function openRatatoskrSession(
  codec: RatatoskrCodec,
  peer: Peer,
  deviceId: string,
): Promise<void> {
  const payload = codec.encodeConnectionRequest({
    deviceIdentity: 'bench',
    authenticationToken: '',
    version: '1.0',
  });
  const messageType = MessageType.CONNECTION_REQUEST;
  const answer = nextOf(peer);
  peer.send(codec.encodeRequest(requestOf(codec, deviceId, { messageType, payload })));
  const opened = codec.openResponse(await answer);
  if (!opened.ok || !opened.response.success) throw new Error(`no session for ${deviceId}`);
}
