/**
 * The largest messages that the protocol allows, over every transport: a ticket of as many coins
 * as a request can hold, and the reply to its validation, which outgrows its request.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { TcpClient } from '@andvari/host-node/io/testing/tcp-client';
import { UdpPeer } from '@andvari/host-node/io/testing/udp-peer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReply } from '../twin/twin-reply.ts';
import { buildRequest, type TwinSent } from '../twin/twin-wire.ts';
import { VECTOR_RAIDA_ID, vectorAn } from '../twin/vector-state.ts';
import { makeVectorServers, openWebSocket, type VectorServer } from './vector-server.ts';
import { WebSocketPeer } from './websocket-peer.ts';

const WIRE = 'spec';
const WITHIN_MS = 60_000;
/** Header, challenge and trailer around the payload. */
const AROUND_BYTES = 32 + 16 + 2;
const ENTRY_BYTES = 21;
/** As many coins as a body of 65535 bytes holds, and as a datagram of 65507. */
const COINS_MAX = 3119;
const DATAGRAM_COINS_MAX = 3117;
const DATAGRAM_BYTES_MAX = 65507;
/** Coins in use on each page of the base state. */
const IN_USE = 512;

let servers: Awaited<ReturnType<typeof makeVectorServers>>;
let place: VectorServer;
let websocket: Awaited<ReturnType<typeof openWebSocket>>;
let coins: Buffer[];

beforeAll(async () => {
  servers = await makeVectorServers();
  place = await servers.start({ wire: WIRE });
  websocket = await openWebSocket(place.server);
  coins = Array.from({ length: COINS_MAX }, (_, i) => {
    const serialNumber = Math.floor(i / IN_USE) * 1024 + (i % IN_USE);
    const entry = Buffer.alloc(ENTRY_BYTES);
    entry.writeUInt32BE(serialNumber, 1);
    entry.set(vectorAn(VECTOR_RAIDA_ID, { denomination: 0, serialNumber }), 5);
    return entry;
  });
});
afterAll(async () => {
  await websocket.close();
  await place.stop();
  await servers.remove();
});

const ASK = {
  async udp(request: Uint8Array) {
    const peer = await UdpPeer.open({ host: '127.0.0.1', port: place.port });
    peer.send(request);
    const reply = await peer.receive(WITHIN_MS);
    await peer.close();
    return reply;
  },
  async tcp(request: Uint8Array) {
    const client = await TcpClient.connect({ host: '127.0.0.1', port: place.port });
    await client.send(request);
    expect(await client.ending(WITHIN_MS)).toBe('ended');
    client.destroy();
    return client.received;
  },
  async websocket(request: Uint8Array) {
    const client = new WebSocketPeer(websocket.url);
    const heard = await client.ask(request, WITHIN_MS);
    client.terminate();
    return heard && 'reply' in heard ? heard.reply : undefined;
  },
};
type Transport = keyof typeof ASK;

function seal(group: number, command: number, payload: Buffer): TwinSent {
  return buildRequest(WIRE, { raidaId: VECTOR_RAIDA_ID, group, command, payload });
}

async function ask(transport: Transport, sent: TwinSent) {
  const reply = await ASK[transport](sent.bytes);
  if (!reply) throw new Error(`no reply over ${transport}`);
  return parseReply(WIRE, VECTOR_RAIDA_ID, sent, reply);
}

const names = (count: number) =>
  Buffer.concat(coins.slice(0, count).map((entry) => entry.subarray(0, 5)));

describe.each([
  ['udp', DATAGRAM_COINS_MAX],
  ['tcp', COINS_MAX],
  ['websocket', COINS_MAX],
] as const)('over %s', (transport, count) => {
  it(`a ticket of ${count} coins, validated over every transport`, async () => {
    const sent = seal(2, 40, Buffer.concat(coins.slice(0, count)));
    expect(sent.bytes.length).toBe(AROUND_BYTES + ENTRY_BYTES * count);
    const got = await ask(transport, sent);
    expect(got.status).toBe(Status.ALL_PASS);
    for (const [raida, other] of (Object.keys(ASK) as Transport[]).entries()) {
      const claim = () => seal(2, 50, Buffer.concat([Buffer.of(raida), got.payload]));
      const validated = await ask(other, claim());
      expect(validated.status).toBe(Status.SUCCESS);
      expect(validated.payload.equals(names(count))).toBe(true);
      expect((await ask(other, claim())).status).toBe(Status.TICKET_CLAIMED_ALREADY);
    }
  });

  it('one coin that is false gives a bitmap as large as it has to be', async () => {
    const list = Buffer.concat(coins.slice(0, count));
    const last = list.length - 1;
    list.writeUInt8(list.readUInt8(last) ^ 1, last);
    const { status, payload } = await ask(transport, seal(1, 10, list));
    expect(status).toBe(Status.MIXED);
    const bitmap = Buffer.alloc(Math.ceil(count / 8), 0xff);
    bitmap.writeUInt8((1 << ((count - 1) % 8)) - 1, bitmap.length - 1);
    expect(payload).toEqual(bitmap);
  });
});

it('a datagram shorter than it says is answered 16', async () => {
  const sent = seal(2, 40, Buffer.concat(coins));
  expect(sent.bytes.length).toBeGreaterThan(DATAGRAM_BYTES_MAX);
  const bytes = sent.bytes.subarray(0, DATAGRAM_BYTES_MAX);
  const reply = await ask('udp', { ...sent, bytes });
  expect(reply.status).toBe(Status.INVALID_PACKET_LENGTH);
});
