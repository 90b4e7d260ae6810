/**
 * One engine, several peers: some fill all they are allowed to and are never read from, one
 * behaves. Real engines and handshakes over a network in memory.
 */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { identityOf } from '@andvari/host-common/transfer/identity';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import type { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostAt, MemoryNetwork } from './memory-network.ts';

/** The server's; 512 blocks of 16 KiB, of which each of three peers may ask for half. */
const SIZES = transferSizes({ sessions: 8, blocks: 512 });
const SERVER = 1;
const GOOD = 2;
const HOGS = [3, 4, 5];
const BYTES = 3_000_000;

let network: MemoryNetwork;
let opened: TransferEndpoint[];

const identity = (name: number) => identityOf(new Uint8Array(32).fill(name), nodeX25519);

async function endpoint(name: number): Promise<TransferEndpoint> {
  const one = await TransferEndpoint.open({
    engine: Engine.create({ module: await plainEngine(), sizes: SIZES, identity: CLIENT_IDENTITY }),
    transport: network.at(hostAt(name)),
    identity: identity(name),
    x25519: nodeX25519,
  });
  opened.push(one);
  return one;
}

async function write(stream: TransferStream, bytes: number): Promise<void> {
  const writer = stream.writable?.getWriter();
  for (let left = bytes; left > 0; left -= 50_000) {
    await writer?.write(new Uint8Array(Math.min(left, 50_000)));
  }
  await writer?.close();
}

async function read(stream: TransferStream): Promise<number> {
  const reader = stream.readable?.getReader();
  let bytes = 0;
  for (let got = await reader?.read(); got && !got.done; got = await reader?.read()) {
    bytes += got.value.length;
  }
  return bytes;
}

/** Opens streams and writes until the peer's windows are full. Nobody reads them. */
async function hog(session: TransferSession): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const stream = await session.openStream({ bidi: false });
    void write(stream, 2_000_000).catch(() => undefined);
  }
}

/** What has come of the hogs, once no more does; not before it is more than `least`. */
async function settled(sessions: TransferSession[], least: number): Promise<number> {
  const come = () =>
    sessions.reduce((sum, session) => sum + (session.statistics()?.BYTES_RECEIVED ?? 0), 0);
  for (let before = -1; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (come() > least && come() - before < 50_000) return come();
    before = come();
  }
}

beforeEach(() => {
  network = new MemoryNetwork();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()));
});

test('peers that fill all they can leave another its windows', async () => {
  const server = await endpoint(SERVER);
  const incoming = server.incoming.getReader();
  const meet = async (name: number): Promise<[TransferSession, TransferSession]> => {
    const client = await endpoint(name);
    const calling = client.connect(identity(SERVER).peerId, hostAt(SERVER));
    const [session, { value }] = await Promise.all([calling, incoming.read()]);
    if (!value) throw new Error('nobody called');
    return [session, value];
  };
  const unread: TransferSession[] = [];
  for (const name of HOGS) {
    const [session, seen] = await meet(name);
    unread.push(seen);
    await hog(session);
  }
  await settled(unread, 4_000_000);
  const [good, seen] = await meet(GOOD);
  const asking = await good.openStream();
  const first = await (async () => {
    const wrote = write(asking, BYTES);
    const { value } = await seen.incoming.getReader().read();
    if (!value) throw new Error('no stream came');
    expect(await read(value)).toBe(BYTES);
    await wrote;
    return value;
  })();
  // And back: the server needs blocks to write to as well.
  const answer = write(first, BYTES);
  expect(await read(asking)).toBe(BYTES);
  await answer;
  for (const session of unread) expect(session.statistics()).toBeDefined();
});
