import { SOURCES_MAX } from '@andvari/host-common/transfer/files/download-sources';
import { FileDownload } from '@andvari/host-common/transfer/files/file-download';
import { CHUNK_BYTES, type FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { FileChangedError } from '@andvari/host-common/transfer/files/file-places';
import { FileSender, type SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { duplexOf } from '@andvari/host-common/transfer/files/record-stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomFrom, seedOfRun } from '../../seeded-random.ts';
import { content, MemorySink, newHash, StreamPlace, sentFile } from './files-world.ts';

let hash: FileHash;
const place = new StreamPlace();
beforeAll(async () => {
  hash = await newHash();
  await place.open();
});
afterAll(() => place.close());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const isFull = (sink: MemorySink, bytes: Uint8Array) => Buffer.compare(sink.bytes, bytes) === 0;

/** Another source of the file, from here on. */
async function addSource(
  download: FileDownload,
  file: SentFile,
  name = 'source',
): Promise<FileSender> {
  const [theirs, ours] = await place.stream();
  download.add(duplexOf(ours), name);
  return new FileSender(file, duplexOf(theirs));
}

async function started(size: number, { sink = new MemorySink(size) } = {}) {
  const bytes = content(size);
  const file = await sentFile(bytes, hash);
  const download = new FileDownload({ offer: file.offer, sink, hash });
  return { bytes, file, sink, download };
}

describe('a file', () => {
  const sizes = [0, 1, 1024, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 7];
  it.each(sizes)('of %i bytes comes whole', async (size) => {
    const { bytes, file, sink, download } = await started(size);
    const sender = await addSource(download, file);
    expect(await download.completion).toBe('a path');
    await sender.completion;
    expect(isFull(sink, bytes)).toBe(true);
    expect([sink.state, download.doneBytes, sender.sentBytes]).toEqual(['finished', size, size]);
  });

  it('that has come in part: only what is missing travels', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const size = 40 * CHUNK_BYTES - 5;
    const sink = new MemorySink(size);
    const { bytes, file, download: first } = await started(size, { sink });
    sink.values = file.values;
    for (let index = 0; index < 40; index++) {
      const piece = bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      if (random(2) === 0) await sink.write(index, piece);
    }
    expect(first.doneBytes).toBe(0);
    const download = new FileDownload({ offer: file.offer, sink, hash });
    const before = download.doneBytes;
    const sender = await addSource(download, file);
    await download.completion;
    await sender.completion;
    expect(isFull(sink, bytes), `seed ${seed}`).toBe(true);
    expect(before + sender.sentBytes, `seed ${seed}`).toBe(size);
  });

  it('that had come whole and had no name yet gets it', async () => {
    const { bytes, file, sink } = await started(2 * CHUNK_BYTES);
    sink.values = file.values;
    for (const index of [0, 1]) {
      await sink.write(index, bytes.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES));
    }
    const download = new FileDownload({ offer: file.offer, sink, hash });
    const sender = await addSource(download, file);
    expect(await download.completion).toBe('a path');
    await sender.completion;
    expect(sender.sentBytes).toBe(0);
  });
});

describe('several sources', () => {
  it('share the work, the fast one takes more, and a silent one holds up nobody', async () => {
    const size = 60 * CHUNK_BYTES;
    const { bytes, file, sink, download } = await started(size);
    const slow = await sentFile(bytes, hash);
    slow.source.onRead = () => pause(20) as Promise<void>;
    const silent = await sentFile(bytes, hash);
    const senders = [
      await addSource(download, slow, 'slow'),
      await addSource(download, file, 'fast'),
    ];
    silent.source.onRead = () => new Promise(() => {});
    await addSource(download, silent, 'silent');
    expect(download.sourceNames).toEqual(['slow', 'fast', 'silent']);
    await download.completion;
    expect(isFull(sink, bytes)).toBe(true);
    const [slowBytes, fastBytes] = senders.map(({ sentBytes }) => sentBytes) as [number, number];
    expect(fastBytes).toBeGreaterThan(slowBytes);
    expect(slowBytes).toBeGreaterThan(0);
  });

  it('one lies: it is dropped and told so, and the others bring the file', async () => {
    const { bytes, file, sink, download } = await started(20 * CHUNK_BYTES);
    const liar = await sentFile(bytes.slice(), hash);
    for (let index = 0; index < 20; index++) liar.source.bytes[index * CHUNK_BYTES + 99]! ^= 1;
    const lying = await addSource(download, liar, 'liar');
    await addSource(download, file, 'honest');
    await download.completion;
    expect(isFull(sink, bytes)).toBe(true);
    expect(download.lost).toMatchObject([
      { name: 'liar', error: { code: 'ANDVARI_TRANSFER_INTEGRITY' } },
    ]);
    await expect(lying.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_INTEGRITY' });
  });

  it('one goes in the middle: what it was asked for comes from the other', async () => {
    const { bytes, file, sink, download } = await started(30 * CHUNK_BYTES);
    const leaving = await sentFile(bytes, hash);
    const sender = await addSource(download, leaving, 'leaving');
    leaving.source.onRead = (offset) => {
      if (offset > 3 * CHUNK_BYTES) void sender.cancel();
    };
    const staying = await sentFile(bytes, hash);
    staying.source.onRead = () => pause(1) as Promise<void>;
    await addSource(download, staying, 'staying');
    await download.completion;
    expect(isFull(sink, bytes)).toBe(true);
    expect(download.lost.map(({ name }) => name)).toEqual(['leaving']);
    expect(file.offer.size).toBe(sink.bytes.length);
  });

  it('one that comes when the file is there, or gets its name, is told so', async () => {
    const { file, sink, download } = await started(2 * CHUNK_BYTES);
    const late: FileSender[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    sink.onWrite = (index) => {
      if (index < 0)
        void addSource(download, file).then((sender) => resolve(void late.push(sender)));
    };
    await addSource(download, file);
    await download.completion;
    await promise;
    late.push(await addSource(download, file));
    for (const sender of late) {
      await sender.completion;
      expect(sender.sentBytes).toBe(0);
    }
    expect(late).toHaveLength(2);
  });

  it('are eight at most', async () => {
    const { file, download } = await started(CHUNK_BYTES);
    download.pause();
    for (let i = 0; i < SOURCES_MAX; i++) await addSource(download, file);
    const [theirs, ours] = await place.stream();
    expect(() => download.add(duplexOf(ours), 'the ninth')).toThrow('enough');
    await expect(new FileSender(file, duplexOf(theirs)).completion).rejects.toMatchObject({
      code: 'ANDVARI_TRANSFER_REFUSED',
    });
    await expect(addSource(download, file)).rejects.toMatchObject({
      code: 'ANDVARI_TRANSFER_REFUSED',
    });
    download.resume();
    await download.completion;
  });
});

describe('a file that does not come', () => {
  it('its only source lies about chunks or their values: nothing of it is kept', async () => {
    for (const what of ['chunk', 'values'] as const) {
      const { bytes, sink, download } = await started(3 * CHUNK_BYTES);
      const liar = await sentFile(bytes.slice(), hash);
      if (what === 'chunk') liar.source.bytes.fill(1);
      else liar.values[40]! ^= 1;
      const sender = await addSource(download, liar);
      const code = 'ANDVARI_TRANSFER_INTEGRITY';
      await expect(download.completion).rejects.toMatchObject({ code });
      await expect(sender.completion).rejects.toMatchObject({ code });
      expect([sink.have.size, sink.state, sink.values]).toEqual([
        ...[0, 'discarded'],
        what === 'values' ? undefined : expect.anything(),
      ]);
    }
  });

  it.each([
    ['has changed', new FileChangedError('a file'), 'ANDVARI_FILE_CHANGED'],
    ['cannot be read', new Error('EIO'), 'ANDVARI_TRANSFER_UNREADABLE'],
  ])('it %s at its sender: both say so, and what has come stays', async (_, error, code) => {
    const { file, sink, download } = await started(9 * CHUNK_BYTES);
    file.source.onRead = (offset) => {
      if (offset === 5 * CHUNK_BYTES) throw error;
    };
    const sender = await addSource(download, file);
    await expect(download.completion).rejects.toMatchObject({ code });
    await expect(sender.completion).rejects.toBe(error);
    expect([sink.have.size, sink.state]).toEqual([5, 'closed']);
  });

  it('its receiver has no place: both say so, and what has come stays', async () => {
    for (const at of [0, 4, -1]) {
      const { file, sink, download } = await started(6 * CHUNK_BYTES);
      const error = Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
      sink.onWrite = (index) => {
        if (index === at) throw error;
      };
      const sender = await addSource(download, file);
      await expect(download.completion).rejects.toBe(error);
      await expect(sender.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_NO_PLACE' });
      const state = at === 0 ? 'discarded' : 'closed';
      expect([sink.have.size, sink.state]).toEqual([at < 0 ? 6 : at, state]);
    }
  });

  it.each([true, false])('its receiver cancels; discards: %s', async (discard) => {
    const { file, sink, download } = await started(9 * CHUNK_BYTES);
    const sender = await addSource(download, file);
    sink.onWrite = (index) => {
      if (index === 3) void download.cancel({ discard });
    };
    const code = 'ANDVARI_TRANSFER_CANCELLED';
    await expect(download.completion).rejects.toMatchObject({ code });
    await expect(sender.completion).rejects.toMatchObject({ code });
    expect(sink.state).toBe(discard ? 'discarded' : 'closed');
    await expect(addSource(download, file)).rejects.toMatchObject({
      code: 'ANDVARI_TRANSFER_REFUSED',
    });
  });

  it('its sender cancels', async () => {
    const { file, sink, download } = await started(9 * CHUNK_BYTES);
    const sender = await addSource(download, file);
    file.source.onRead = (offset) => {
      if (offset === 5 * CHUNK_BYTES) void sender.cancel();
    };
    const code = 'ANDVARI_TRANSFER_CANCELLED';
    await expect(sender.completion).rejects.toMatchObject({ code });
    await expect(download.completion).rejects.toBeDefined();
    expect(sink.state).toBe('closed');
  });
});

describe('a silence', () => {
  it('of a sender that was asked ends with it; one that has paused may be silent', async () => {
    for (const hasPaused of [false, true]) {
      const file = await sentFile(content(9 * CHUNK_BYTES), hash);
      const sink = new MemorySink(file.offer.size);
      const download = new FileDownload({ offer: file.offer, sink, hash, silenceMs: 300 });
      const sender = await addSource(download, file);
      const held = Promise.withResolvers<void>();
      file.source.onRead = (offset) => {
        if (offset !== 4 * CHUNK_BYTES) return;
        if (hasPaused) sender.pause();
        return held.promise;
      };
      if (!hasPaused) {
        await expect(download.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_CUT' });
        expect(sink.have.size).toBe(4);
        held.resolve();
        await expect(sender.completion).rejects.toBeDefined();
        continue;
      }
      await pause(900);
      sender.resume();
      held.resolve();
      expect(await download.completion).toBe('a path');
    }
  });
});

describe('a pause', () => {
  it('of the receiver: what is under way comes, then nothing until it goes on', async () => {
    const { bytes, file, sink, download } = await started(40 * CHUNK_BYTES);
    sink.onWrite = (index) => {
      if (index === 3) download.pause();
    };
    const sender = await addSource(download, file);
    await vi.waitFor(() => expect(download.isPaused).toBe(true));
    let before = -1;
    while (before !== sender.sentBytes) {
      before = sender.sentBytes;
      await pause(100);
    }
    expect(before).toBeLessThan(bytes.length);
    download.resume();
    await download.completion;
    expect(isFull(sink, bytes)).toBe(true);
  });

  it('of the sender: nothing goes until it goes on', async () => {
    const { bytes, file, sink, download } = await started(10 * CHUNK_BYTES);
    const sender = await addSource(download, file);
    file.source.onRead = (offset) => {
      if (offset === 3 * CHUNK_BYTES) sender.pause();
    };
    await pause(100);
    expect(sink.have.size).toBeLessThan(10);
    sender.resume();
    await download.completion;
    expect(isFull(sink, bytes)).toBe(true);
  });
});
