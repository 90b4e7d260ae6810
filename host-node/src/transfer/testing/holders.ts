/** Nodes that have a file and offer it to whoever calls, some of them badly, for tests. */
import { randomBytes } from 'node:crypto';
import { plainEngine } from '@andvari/host-common/engine/module';
import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import type { FileSource } from '@andvari/host-common/transfer/files/file-places';
import { hashFile, type SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { TransferNode } from '../node.ts';
import { everybody } from '../node-config.ts';
import { newIdentity } from '../node-identity.ts';

export interface Holder {
  node: TransferNode;
  /** How it is called. */
  code: string;
  /** Its peer ID. */
  name: string;
  /** Where the chunks began that it has read, in this order. */
  asked: number[];
}

export interface HolderOptions {
  /** What it says and sends instead; a copy each. */
  alter?: (file: SentFile, bytes: Uint8Array) => SentFile | undefined;
  /** Called before each read. */
  onRead?: (offset: number, node: TransferNode) => Promise<void> | undefined;
}

/** A node at a port of its own, over UDP on loopback. Whoever opens it shuts it down. */
export async function holderOf(
  content: Uint8Array,
  { alter, onRead }: HolderOptions = {},
): Promise<Holder> {
  const node = await TransferNode.create({
    ...{ identity: newIdentity(), host: '127.0.0.1', trust: everybody },
  });
  const asked: number[] = [];
  let isOffered = false;
  const bytes = Uint8Array.from(content);
  const source: FileSource = {
    size: bytes.length,
    read: async (offset, into) => {
      if (isOffered) {
        asked.push(offset);
        await onRead?.(offset, node);
      }
      into.set(bytes.subarray(offset, offset + into.length));
    },
    close: async () => {},
  };
  const { hash, values } = await hashFile(source, FileHash.create(await plainEngine()));
  isOffered = true;
  const offer = {
    ...{ transferId: new Uint8Array(randomBytes(32)), name: 'film.bin', size: bytes.length, hash },
    ...{ mode: 0o644, modifiedUs: 1_700_000_000_000_000n, compressed: false, isFolder: false },
  };
  const file: SentFile = { offer, source, values: values.slice() };
  const offered = alter?.(file, bytes) ?? file;
  const serve = async () => {
    for await (const session of node.incoming) await offerFile(session, offered);
  };
  serve().catch(() => {}); // with the node
  return { node, code: node.codes()[0], name: peerIdText(node.publicKey), asked };
}

/** Sends other bytes than it has told the values of, in each chunk. */
export function lies(_: SentFile, bytes: Uint8Array): undefined {
  for (let at = 7; at < bytes.length; at += 262_144) bytes[at] = (bytes[at] as number) ^ 1;
}

/** Tells a value that is not its chunk's. */
export function tellsOtherValues({ values }: SentFile): undefined {
  values[33] = (values[33] as number) ^ 1;
}
