// What is in a folder, learned from its sender before it is taken; and senders that lie about it.
import { FileDownload } from '@andvari/host-common/transfer/files/file-download';
import { CHUNK_BYTES, type FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { encodeRecord, RecordType } from '@andvari/host-common/transfer/files/file-records';
import { FileSender } from '@andvari/host-common/transfer/files/file-sender';
import { inspectFolder } from '@andvari/host-common/transfer/files/inspect-folder';
import { duplexOf, RecordStream } from '@andvari/host-common/transfer/files/record-stream';
import { TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { content, MemorySink, newHash, StreamPlace, sentFile } from './files-world.ts';

let hash: FileHash;
const place = new StreamPlace();
beforeAll(async () => {
  hash = await newHash();
  await place.open();
});
afterAll(() => place.close());

/** Its list alone is longer than a chunk. */
const manifest = TreeManifest.of(
  Array.from({ length: 6_000 }, (_, i) => ({
    ...{ path: `${'x'.repeat(20)} ${i}`, mode: 0o600, modifiedUs: BigInt(i) },
    ...{ isFolder: false as const, size: i % 100 },
  })),
);
const row = content(manifest.size);
row.set(manifest.bytes);

async function offered(bytes = row) {
  const file = await sentFile(bytes.slice(), hash);
  const [theirs, ours] = await place.stream();
  return {
    file,
    sender: new FileSender(file, duplexOf(theirs)),
    records: new RecordStream(duplexOf(ours)),
  };
}

describe('a folder that is offered', () => {
  it('is seen, and then taken as any file', async () => {
    const { file, sender, records } = await offered();
    const seen = await inspectFolder(records, file.offer, hash);
    expect(manifest.bytes.length).toBeGreaterThan(CHUNK_BYTES);
    expect(seen.manifest.entries).toEqual(manifest.entries);
    expect(seen.values).toEqual(file.values);
    expect([sender.isTaken, sender.sentBytes, sender.doneBytes]).toEqual([false, 0, 0]);
    const sink = new MemorySink(file.offer.size);
    await sink.keepValues(seen.values);
    const download = new FileDownload({ offer: file.offer, sink, hash });
    download.add(records, 'sender');
    await download.completion;
    await sender.completion;
    expect(Buffer.from(sink.bytes).equals(row)).toBe(true);
    expect(sender.sentBytes).toBe(row.length);
  });

  it('is seen, and refused', async () => {
    const { file, sender, records } = await offered();
    await inspectFolder(records, file.offer, hash);
    await records.write(encodeRecord({ type: RecordType.REJECT, code: 0 }));
    await expect(sender.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_REFUSED' });
  });

  it.each<[string, (file: Awaited<ReturnType<typeof sentFile>>) => void, string]>([
    ['other values', ({ values }) => (values[40]! ^= 1), 'ANDVARI_TRANSFER_INTEGRITY'],
    ['another list', ({ source }) => (source.bytes[100]! ^= 1), 'ANDVARI_TRANSFER_INTEGRITY'],
    [
      'another end of its list',
      ({ source }) => (source.bytes[CHUNK_BYTES + 1]! ^= 1),
      'ANDVARI_TRANSFER_INTEGRITY',
    ],
  ])('with %s is not believed', async (_, change, code) => {
    const { file, records } = await offered();
    change(file);
    await expect(inspectFolder(records, file.offer, hash)).rejects.toMatchObject({ code });
    await records.abandon(new Error('enough'));
  });

  it.each<[string, Uint8Array<ArrayBuffer>]>([
    ['a file', content(1000)],
    ['a byte too many', Uint8Array.of(...TreeManifest.of([]).bytes, 0)],
    ['a list that never ends', Uint8Array.of(1, 0, 255, 255, 255, 0, 0, 0, 1)],
  ])('and is %s is none', async (_, bytes) => {
    const { file, records } = await offered(bytes);
    await expect(inspectFolder(records, file.offer, hash)).rejects.toMatchObject({
      code: 'ANDVARI_TREE_MANIFEST',
    });
    await records.abandon(new Error('enough'));
  });

  it('is asked for once before it is taken, and its chunks not before that', async () => {
    const inspect = encodeRecord({ type: RecordType.INSPECT });
    const request = encodeRecord({ type: RecordType.CHUNK_REQUEST, first: 0, count: 1 });
    const accept = encodeRecord({ type: RecordType.ACCEPT, wantsValues: false, have: 0 });
    for (const said of [[inspect, inspect], [request], [accept, inspect]]) {
      const { sender, records } = await offered(TreeManifest.of([]).bytes);
      for (const record of said) await records.write(record).catch(() => {});
      await expect(sender.completion).rejects.toMatchObject({
        code: 'ANDVARI_TRANSFER_PROTOCOL',
      });
    }
  });
});
