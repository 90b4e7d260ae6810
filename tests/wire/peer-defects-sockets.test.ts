/**
 * The public server's defects that need real sockets to show (reference: RAIDA section 11), each by
 * its number, and that we do not have it.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec, type RaidaRequest } from '@andvari/host-common/raida/codec';
import { TcpClient } from '@andvari/host-node/io/testing/tcp-client';
import { UdpPeer } from '@andvari/host-node/io/testing/udp-peer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMMAND, type CommandName } from '../engine/commands.ts';
import { coin, joined } from '../engine/rig.ts';
import { IDENTITY, toHex, vectorAn } from '../engine/vector-state.ts';
import { ascii } from './defect-server.ts';
import { askTcp } from './exchange.ts';
import { makeVectorServers, type VectorServer } from './vector-server.ts';

const TCP = { idleMs: 400, lifeMs: 2000 };
const WITHIN_MS = 60_000;
const RAIDA_ID = IDENTITY.raidaId;

let servers: Awaited<ReturnType<typeof makeVectorServers>>;
let place: VectorServer;
let codec: EngineCodec;
beforeAll(async () => {
  servers = await makeVectorServers();
  codec = new EngineCodec(await plainEngine(), { wire: 'legacy', coinId: IDENTITY.coinId });
});
afterAll(() => servers.remove());
beforeEach(async () => {
  place = await servers.start({ tcp: TCP });
});
afterEach(() => place.stop());

function seal(command: CommandName, payload: Uint8Array, more: Partial<RaidaRequest> = {}) {
  const [group, number] = COMMAND[command];
  return codec.seal({ raidaId: RAIDA_ID, group, command: number, payload, ...more });
}

const address = () => ({ host: '127.0.0.1', port: place.port });

async function overTcp(command: CommandName, payload: Uint8Array) {
  const sealed = seal(command, payload);
  const reply = await askTcp(place.port, sealed.bytes);
  return sealed.open(reply ?? new Uint8Array(0));
}

it('6: of 200 connections at once every one is answered', async () => {
  const echo = seal('echo', new Uint8Array(0));
  const replies = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const client = await TcpClient.connect(address());
      await client.send(echo.bytes);
      expect(await client.ending(WITHIN_MS)).toBe('ended');
      client.destroy();
      return echo.open(client.received).status;
    }),
  );
  expect(replies).toEqual(Array(200).fill(250));
});

describe('over UDP', () => {
  const bad = new Uint8Array(32);
  bad.set([1, 0, RAIDA_ID, 0, 0, 99, 0, 6]);

  async function afterwards(first: Uint8Array): Promise<Buffer> {
    const [one, other] = [await UdpPeer.open(address()), await UdpPeer.open(address())];
    one.send(first);
    expect(await one.receive(WITHIN_MS)).toBeDefined();
    other.send(bad);
    const reply = await other.receive(WITHIN_MS);
    await Promise.all([one.close(), other.close()]);
    return reply ?? Buffer.alloc(0);
  }

  it('9: the reply to a bad header tells nothing of another request', async () => {
    const key = { denomination: 0, serialNumber: 2100, key: await vectorAn(0, 2100) };
    const encryption = { type: 1, ...key } as const;
    const before = seal('detect', coin(1, 5, await vectorAn(1, 5)), { encryption });
    const reply = await afterwards(before.bytes);
    reply.fill(0, 12, 16);
    expect(toHex(reply)).toBe(`0e00060000010000${'00'.repeat(24)}`);
  });

  it('10: and has 32 bytes, also after one of type 4', async () => {
    const key = { denomination: 0, serialNumber: 2100, key: await vectorAn(0, 2100) };
    const before = seal('version', new Uint8Array(1), { encryption: { type: 4, ...key } });
    expect(await afterwards(before.bytes)).toHaveLength(32);
  });
});

it('24: of many claims of one ticket by the same server one succeeds', async () => {
  const ticket = await overTcp('getTicket', coin(1, 5, await vectorAn(1, 5)));
  expect(ticket.status).toBe(241);
  const peers = await Promise.all(Array.from({ length: 8 }, () => UdpPeer.open(address())));
  const claim = seal('validateTicket', joined(Uint8Array.of(3), ticket.payload));
  const statuses: number[] = [];
  for (let round = 0; round < 8; round++) for (const peer of peers) peer.send(claim.bytes);
  for (const peer of peers) {
    for (let round = 0; round < 8; round++) {
      const reply = await peer.receive(WITHIN_MS);
      if (reply) statuses.push(claim.open(reply).status);
    }
    await peer.close();
  }
  expect(statuses.sort()).toEqual([...Array(63).fill(44), 250].sort());
});

it('25: connections that break while they are served do no harm', async () => {
  const an = await vectorAn(1, 5);
  for (let i = 0; i < 60; i++) {
    const client = await TcpClient.connect(address());
    const pan = new Uint8Array(16).fill(i);
    await client.send(seal('pown', coin(1, 6, an, pan)).bytes);
    client.reset();
  }
  expect((await overTcp('detect', coin(1, 5, an))).status).toBe(241);
});

it('39: a request that never ends is not waited for', async () => {
  const half = seal('detect', new Uint8Array(2100)).bytes.subarray(0, 40);
  const clients = await Promise.all(Array.from({ length: 20 }, () => TcpClient.connect(address())));
  const [silent = [], slow = []] = [clients.slice(0, 10), clients.slice(10)];
  for (const client of slow) await client.send(half);
  for (const client of [...silent, ...slow]) {
    expect(await client.ending(WITHIN_MS)).not.toBe('open');
    client.destroy();
  }
  expect((await overTcp('echo', new Uint8Array(0))).status).toBe(250);
});

it('20: what begins like a folder, or leads out of it, is not in it', async () => {
  mkdirSync(join(place.dataDir, 'Folders2'));
  writeFileSync(join(place.dataDir, 'Folders2', 'x'), 'secret');
  writeFileSync(join(place.dataDir, 'secret'), 'secret');
  symlinkSync(join(place.dataDir, 'secret'), join(place.dataDir, 'Folders', 'link'));
  symlinkSync(join(place.dataDir, 'Folders2'), join(place.dataDir, 'Folders', 'sub'));
  const paths = ['../Folders2/x', '../secret', 'link', 'sub/x', '/etc/hostname', 'a/../../secret'];
  for (const path of paths) {
    const asked = joined(IDENTITY.adminKey, ascii(path));
    const { status, payload } = await overTcp('getObject', asked);
    expect([38, 198, 202], path).toContain(status);
    expect(payload, path).toHaveLength(0);
    const content = joined(new Uint8Array([0, 0, 0, 1]), ascii(path), ascii('\0x'));
    const put = await overTcp('putObject', joined(IDENTITY.adminKey, content));
    expect([38, 198, 202], path).toContain(put.status);
    expect([38, 198, 202], path).toContain((await overTcp('removeObject', asked)).status);
  }
  const good = await overTcp('getObject', joined(IDENTITY.adminKey, ascii('hello.txt')));
  expect(new TextDecoder().decode(good.payload)).toBe('hello raida');
});

it('37: what the proxy hears is a whole request, with a nonce of its own', async () => {
  const heard: Buffer[] = [];
  const proxy = createServer((socket) => {
    socket.once('data', (bytes) => {
      heard.push(bytes);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  await place.stop();
  place = await servers.start({ tcp: TCP, proxyPort: port });
  for (let i = 0; i < 2; i++) {
    // A proxy that closes without an answer is none.
    expect([180, 187]).toContain((await overTcp('crossoverRate', ascii('BTC'))).status);
  }
  proxy.close();
  const [one = Buffer.alloc(0), two = Buffer.alloc(0)] = heard;
  for (const bytes of [one, two]) {
    // RAIDA number 25, group 11, type 1, the size of what follows the 32 bytes, the trailer.
    expect([bytes[2], bytes[4], bytes[16]]).toEqual([25, 11, 1]);
    expect(bytes.readUInt16BE(22)).toBe(bytes.length - 32);
    expect([...bytes.subarray(-2)]).toEqual([0x3e, 0x3e]);
  }
  expect(one.subarray(24, 32)).not.toEqual(two.subarray(24, 32));
});
