// Folders that a peer offers a receiver: seen one after the other, and such as are none.
import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import type { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import type { FileSender } from '@andvari/host-common/transfer/files/file-sender';
import { TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { FileReceiver } from '@andvari/host-node/transfer/files/file-receiver';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EndpointWorld, next, pause } from '../endpoint-world.ts';
import { hostAt } from '../memory-network.ts';
import { content, newHash, sentFile } from './files-world.ts';

const EMPTY = TreeManifest.of([]).bytes;
let world: EndpointWorld;
let hash: FileHash;
let receiver: FileReceiver;
/** The sender's side. */
let session: TransferSession;
beforeEach(async () => {
  world = new EndpointWorld(nodeX25519);
  hash = await newHash();
  const [sender, endpoint] = [await world.endpoint(1), await world.endpoint(2)];
  receiver = new FileReceiver({ endpoint, secret: new Uint8Array(32), hash });
  const calling = endpoint.connect(world.identity(1).peerId, hostAt(1));
  [session] = await Promise.all([
    next(sender.incoming),
    calling.then((it) => receiver.takeFrom(it)),
  ]);
});
afterEach(() => world.close());

async function offer(row: Uint8Array): Promise<FileSender> {
  const file = await sentFile(Uint8Array.from(row), hash);
  return offerFile(session, { ...file, offer: { ...file.offer, isFolder: true } });
}
const refused = (code: string) => expect.objectContaining({ code: `ANDVARI_TRANSFER_${code}` });

it('are offered with what is in them', async () => {
  const sender = await offer(EMPTY);
  const offered = await next(receiver.offers);
  expect(offered.manifest?.entries).toEqual([]);
  await offered.refuse();
  await expect(sender.completion).rejects.toEqual(refused('REFUSED'));
});

it('wait until the one before is decided', async () => {
  const senders = [await offer(EMPTY), await offer(EMPTY)];
  const reader = receiver.offers.getReader();
  const first = (await reader.read()).value;
  let isThere = false;
  const second = reader.read().finally(() => {
    isThere = true;
  });
  await pause(200);
  expect(isThere).toBe(false);
  await first?.refuse();
  await (await second).value?.refuse();
  for (const { completion } of senders)
    await expect(completion).rejects.toEqual(refused('REFUSED'));
});

it.each([
  ['a file', content(1000)],
  ['an entry that leads out', Uint8Array.from([...EMPTY.slice(0, 8), 1, 0, 0, 2, 46, 46])],
])('that are %s are told to whoever waits for them', async (_, row) => {
  const sender = await offer(row);
  await expect(next(receiver.offers)).rejects.toEqual(refused('INTEGRITY'));
  await expect(sender.completion).rejects.toEqual(refused('PROTOCOL'));
});
