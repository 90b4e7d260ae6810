/** What a relay learns of a file that goes through it (docs/privacy.md). */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { folderForTests } from '@andvari/host-node/testing/folder';
import { TransferNode } from '@andvari/host-node/transfer/node';
import { everybody, nobody } from '@andvari/host-node/transfer/node-config';
import { newIdentity } from '@andvari/host-node/transfer/node-identity';
import { afterEach, expect, it } from 'vitest';
import { RelayPlace } from './relay-place.ts';

const relays = new RelayPlace();
const folder = folderForTests('relay-privacy');
const atEnd: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of atEnd.splice(0).reverse()) await end();
  await relays.close();
});

/** A way to the relay; what the relay says (which is not masked, as what clients say) is kept. */
async function watchedWay(url: string, seen: Buffer[]): Promise<string> {
  const open = new Set<Socket>();
  const way = createServer((client) => {
    const relay = connect(Number(new URL(url).port), '127.0.0.1');
    open.add(client).add(relay);
    relay.on('data', (data) => seen.push(data));
    client.pipe(relay).on('error', () => client.destroy());
    relay.pipe(client).on('error', () => relay.destroy());
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  atEnd.push(() => {
    for (const socket of open) socket.destroy();
    way.close();
  });
  return `ws://127.0.0.1:${(way.address() as { port: number }).port}/relay`;
}

it('learns whom packets are for, and neither who sends nor what', async () => {
  const { url } = await relays.relay();
  const seen: Buffer[] = [];
  const relay = await watchedWay(url, seen);
  for (const name of ['data', 'in']) mkdirSync(folder.at(name));
  const path = folder.at('a-name-of-its-own.txt');
  const text = randomBytes(60_000);
  writeFileSync(path, text);

  const [own, theirs] = [newIdentity(), newIdentity()];
  const common = { dataFolder: folder.at('data'), host: '127.0.0.1', relay, upgrade: false };
  const receiver = await TransferNode.create({ ...common, identity: theirs, trust: everybody });
  atEnd.push(() => receiver.shutdown());
  const sender = await TransferNode.create({ ...common, identity: own, trust: nobody });
  atEnd.push(() => sender.shutdown());
  const offers = receiver.receive({ into: folder.at('in') });
  const transfer = await sender.sendFile(path, peerIdText(theirs.peerId));
  for await (const offer of offers) {
    const { hash } = await (await offer.accept()).completion;
    await transfer.completion;
    const all = Buffer.concat(seen);
    expect(all.length).toBeGreaterThan(text.length);
    // Answers come from the key that was called.
    expect(all.includes(Buffer.from(theirs.peerId))).toBe(true);
    const hidden = { hash, sender: own.peerId, text: text.subarray(30_000, 30_016) };
    for (const [what, bytes] of Object.entries(hidden))
      expect(all.includes(Buffer.from(bytes)), what).toBe(false);
    expect(all.includes('a-name-of-its-own')).toBe(false);
    break;
  }
});
