/** Files in memory, and both ends of the streams on which they go. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { ChunkSet } from '@andvari/host-common/transfer/files/chunk-set';
import { CHUNK_BYTES, chunkCount, FileHash } from '@andvari/host-common/transfer/files/file-hash';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import {
  FileChangedError,
  type FileSink,
  type FileSource,
} from '@andvari/host-common/transfer/files/file-places';
import { hashFile, type SentFile } from '@andvari/host-common/transfer/files/file-sender';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import type { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { EndpointWorld, next } from '../endpoint-world.ts';

/** Bytes that no two chunks have alike. */
export function content(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 10) * 7 + (i >> 18) * 101) & 255;
  return bytes;
}

export class MemorySource implements FileSource {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Called before each read. */
  onRead: (offset: number) => void | Promise<void> = () => {};

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }
  get size(): number {
    return this.bytes.length;
  }
  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.onRead(offset);
    if (offset + into.length > this.size) throw new FileChangedError('memory');
    into.set(this.bytes.subarray(offset, offset + into.length));
  }
  async close(): Promise<void> {}
}

export class MemorySink implements FileSink {
  readonly have: ChunkSet;
  values: Uint8Array | undefined;
  readonly bytes: Uint8Array<ArrayBuffer>;
  state: 'open' | 'finished' | 'closed' | 'discarded' = 'open';
  /** Called before each write, and before the end (-1). */
  onWrite: (index: number) => void = () => {};

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.have = new ChunkSet(chunkCount(size));
  }
  async keepValues(values: Uint8Array): Promise<void> {
    this.values = values;
  }
  async write(index: number, bytes: Uint8Array): Promise<void> {
    this.onWrite(index);
    this.bytes.set(bytes, index * CHUNK_BYTES);
    this.have.add(index);
  }
  async finish(): Promise<string> {
    this.onWrite(-1);
    this.state = 'finished';
    return 'a path';
  }
  async close(): Promise<void> {
    this.state = 'closed';
  }
  async discard(): Promise<void> {
    this.state = 'discarded';
  }
}

export async function newHash(): Promise<FileHash> {
  return FileHash.create(await plainEngine());
}

/** A file as it is sent, with the source that its bytes come from. */
export async function sentFile(
  bytes: Uint8Array<ArrayBuffer>,
  hash: FileHash,
): Promise<SentFile & { source: MemorySource; offer: FileOffer }> {
  const source = new MemorySource(bytes);
  const known = await hashFile(source, hash);
  const offer: FileOffer = {
    ...{ transferId: new Uint8Array(32).fill(7), name: 'a file', size: bytes.length },
    ...{
      hash: known.hash,
      mode: 0o644,
      modifiedUs: 1_700_000_000_000_000n,
      compressed: false,
      isFolder: false,
    },
  };
  return { offer, source, values: known.values };
}

/** Streams between two endpoints, over sessions of their own. */
export class StreamPlace {
  private readonly world = new EndpointWorld(nodeX25519);
  private sessions: [TransferSession, TransferSession] | undefined;

  async open(): Promise<void> {
    this.sessions = await this.world.pair();
  }

  close(): Promise<void> {
    return this.world.close();
  }

  /** Both ends of a stream; the first has opened it. */
  async stream(metadata = new Uint8Array(0)): Promise<[TransferStream, TransferStream]> {
    if (!this.sessions) throw new Error('the place is not open');
    const [opener, other] = this.sessions;
    const coming = next(other.incoming);
    return [await opener.openStream({ metadata }), await coming];
  }
}
