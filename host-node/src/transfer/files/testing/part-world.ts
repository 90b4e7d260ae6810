/** Files to receive, and what is in the folder while they come. */
import { createCipheriv } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { plainEngine } from '@andvari/host-common/engine/module';
import { joined } from '@andvari/host-common/transfer/byte-strings';
import { CHUNK_BYTES, chunkCount, FileHash } from '@andvari/host-common/transfer/files/file-hash';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import { PartFile } from '../part-file.ts';

export const SECRET = new Uint8Array(32).fill(7);
export const hash = FileHash.create(await plainEngine());

export interface TestFile {
  bytes: Uint8Array;
  chunks: Uint8Array[];
  values: Uint8Array;
  offer: FileOffer;
}

/** The same file each time for the same seed, or one of other bytes. */
export function testFile(
  size: number,
  seed: number,
  more: Partial<FileOffer> = {},
  bytes = bytesOf(size, seed),
): TestFile {
  const count = chunkCount(size);
  const chunks = Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
  );
  const values = joined(...chunks.map((chunk, index) => hash.valueOf(chunk, { index, count })));
  const offer: FileOffer = {
    transferId: new Uint8Array(32),
    name: 'a.bin',
    size,
    hash: hash.root(values),
    mode: 0o644,
    modifiedUs: 1_700_000_000_123_456n,
    compressed: false,
    isFolder: false,
    ...more,
  };
  return { bytes, chunks, values, offer };
}

function bytesOf(size: number, seed: number): Uint8Array {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return new Uint8Array(stream.update(Buffer.alloc(size)));
}

export function openPart(folder: string, offer: FileOffer, secret = SECRET): Promise<PartFile> {
  return PartFile.open({ folder, offer, secret, hash });
}

/** Which chunks it has. */
export function chunksOf({ have }: PartFile): number[] {
  return Array.from({ length: have.count }, (_, index) => index).filter((i) => have.has(i));
}

export async function writeChunks(
  part: PartFile,
  file: TestFile,
  indices: Iterable<number>,
): Promise<void> {
  for (const index of indices) await part.write(index, file.chunks[index] as Uint8Array);
}

/** Names in a folder, sorted. */
export function namesIn(folder: string): string[] {
  return readdirSync(folder).sort();
}

/** Compared so, megabytes are not printed. */
export function isFile(path: string, bytes: Uint8Array): boolean {
  return readFileSync(path).equals(bytes);
}
