// A sender and a receiver that say what nobody asked for, on real streams.
import { FileDownload } from '@andvari/host-common/transfer/files/file-download';
import { CHUNK_BYTES, type FileHash } from '@andvari/host-common/transfer/files/file-hash';
import {
  encodeRecord,
  type FileRecord,
  RecordType,
} from '@andvari/host-common/transfer/files/file-records';
import { FileSender } from '@andvari/host-common/transfer/files/file-sender';
import { duplexOf, RecordStream } from '@andvari/host-common/transfer/files/record-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { content, MemorySink, newHash, StreamPlace, sentFile } from './files-world.ts';

let hash: FileHash;
const place = new StreamPlace();
beforeAll(async () => {
  hash = await newHash();
  await place.open();
});
afterAll(() => place.close());

const CHUNKS = 4;
const chunk = (index: number, bytes = content(CHUNKS * CHUNK_BYTES)): FileRecord => ({
  type: RecordType.CHUNK,
  index,
  bytes: bytes.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
});
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

/** A download whose only source says `records`, whatever it is asked for, then nothing. */
async function hear(say: (values: Uint8Array) => (FileRecord | Uint8Array)[]) {
  const file = await sentFile(content(CHUNKS * CHUNK_BYTES), hash);
  const sink = new MemorySink(file.offer.size);
  const download = new FileDownload({ offer: file.offer, sink, hash });
  const [theirs, ours] = await place.stream();
  const sender = new RecordStream(duplexOf(theirs));
  download.add(duplexOf(ours), 'hostile');
  for (const said of say(file.values)) {
    const bytes = said instanceof Uint8Array ? said : encodeRecord(said);
    await sender.write(bytes).catch(() => {});
  }
  return { sink, download, sender };
}

const hashes = (values: Uint8Array, first = 0): FileRecord => ({
  type: RecordType.CHUNK_HASHES,
  first,
  values,
});

describe('a download does not believe', () => {
  it.each<[string, (values: Uint8Array) => (FileRecord | Uint8Array)[]]>([
    ['a chunk before the values', () => [chunk(0)]],
    ['a chunk twice', (values) => [hashes(values), chunk(0), chunk(0)]],
    ['values from the middle', (values) => [hashes(values.subarray(32), 1)]],
    ['more values than chunks', (values) => [hashes(new Uint8Array(values.length + 32))]],
    ['the same values twice', (values) => [hashes(values), hashes(values)]],
    [
      'records of the receiver',
      (values) => [hashes(values), { type: RecordType.ACCEPT, wantsValues: true, have: 0 }],
    ],
    ['a request', () => [{ type: RecordType.CHUNK_REQUEST, first: 0, count: 1 }]],
    ['what is no record', () => [bytesOf('ffffffffffffffffffffffff')]],
    ['a record of 4 GiB', () => [bytesOf('0110ffffffff')]],
    [
      'a chunk that is cut',
      (values) => {
        const whole = chunk(0) as FileRecord & { bytes: Uint8Array };
        return [hashes(values), { ...whole, bytes: whole.bytes.subarray(1) }];
      },
    ],
    [
      'a chunk of another place',
      (values) => [hashes(values), { ...chunk(0), index: 1 } as FileRecord],
    ],
  ])('%s', async (_, say) => {
    const { sink, download } = await hear(say);
    await expect(download.completion).rejects.toMatchObject({
      code: expect.stringMatching(/^ANDVARI_(TRANSFER_(PROTOCOL|INTEGRITY)|FILE_RECORD)$/),
    });
    expect(sink.state).toBe(sink.have.size > 0 ? 'closed' : 'discarded');
    const good = content(CHUNKS * CHUNK_BYTES);
    for (let index = 0; index < CHUNKS; index++) {
      const piece = (of: Uint8Array) => of.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      if (sink.have.has(index)) expect(piece(sink.bytes)).toEqual(piece(good));
      else expect(piece(sink.bytes).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('and what it may: all chunks, asked for or not in this order', async () => {
    const { sink, download } = await hear((values) => [
      hashes(values.subarray(0, 64)),
      hashes(values.subarray(64), 2),
      ...[3, 1, 0, 2].map((index) => chunk(index)),
    ]);
    await download.completion;
    expect(sink.have.isFull).toBe(true);
  });

  it('a sender that ends in the middle', async () => {
    const { download, sender } = await hear((values) => [hashes(values), chunk(0)]);
    await sender.finish();
    await expect(download.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_CUT' });
  });
});

describe('a sender does not answer', () => {
  const accept: FileRecord = { type: RecordType.ACCEPT, wantsValues: false, have: 0 };
  const request = (first: number, count: number): FileRecord => ({
    type: RecordType.CHUNK_REQUEST,
    first,
    count,
  });

  async function send(records: (FileRecord | Uint8Array)[]) {
    const file = await sentFile(content(CHUNKS * CHUNK_BYTES), hash);
    const [theirs, ours] = await place.stream();
    const sender = new FileSender(file, duplexOf(theirs));
    const receiver = new RecordStream(duplexOf(ours));
    for (const said of records) {
      const bytes = said instanceof Uint8Array ? said : encodeRecord(said);
      await receiver.write(bytes).catch(() => {});
    }
    return { sender, receiver };
  }

  it.each<[string, (FileRecord | Uint8Array)[]]>([
    ['a request before it is taken', [request(0, 1)]],
    ['a request beyond the end', [accept, request(3, 2)]],
    ['a request far beyond it', [accept, request(1 << 20, 1 << 20)]],
    ['to be taken twice', [accept, accept]],
    ['one that has more than there is', [{ ...accept, have: CHUNKS + 1 } as FileRecord]],
    ['a chunk', [accept, chunk(0)]],
    ['what is no record', [accept, bytesOf('00')]],
  ])('%s', async (_, records) => {
    const { sender, receiver } = await send(records);
    await receiver.finish().catch(() => {});
    await expect(sender.completion).rejects.toMatchObject({
      code: expect.stringMatching(/^ANDVARI_(TRANSFER_(PROTOCOL|CUT)|FILE_RECORD)$/),
    });
    expect(sender.sentBytes).toBe(0);
  });

  it('for a file that the receiver has not got', async () => {
    const other: FileRecord = { type: RecordType.COMPLETE, hash: new Uint8Array(32) };
    const { sender } = await send([accept, other]);
    await expect(sender.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_INTEGRITY' });
  });

  it('but the same chunk as often as it is asked for', async () => {
    const { sender, receiver } = await send([accept, request(2, 1), request(2, 2)]);
    for (const index of [2, 2, 3]) expect(await receiver.read()).toEqual(chunk(index));
    expect(sender.isTaken).toBe(true);
    await sender.cancel();
    await expect(sender.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_CANCELLED' });
  });

  it('a receiver that does not want it', async () => {
    const { sender } = await send([{ type: RecordType.REJECT, code: 0 }]);
    await expect(sender.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_REFUSED' });
  });
});
