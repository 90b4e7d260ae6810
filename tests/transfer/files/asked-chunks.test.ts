// Chunks on their way to a receiver: what is read ahead, what waits, and how it ends.
import { expect, it, vi } from 'vitest';
import { AskedChunks } from '../../../host-common/src/transfer/files/asked-chunks.ts';
import { CHUNK_BYTES } from '../../../host-common/src/transfer/files/file-hash.ts';

const CHUNKS = 100;
/** Where the index lies in a chunk's record. */
const INDEX_AT = 6;

function world({ unreadable = -1, isStuck = false } = {}) {
  const read: number[] = [];
  const sent: number[] = [];
  const told: unknown[] = [];
  const stuck = Promise.withResolvers<void>();
  const error = new Error('EIO');
  let reading = 0;
  const asked = new AskedChunks({
    source: {
      size: CHUNKS * CHUNK_BYTES - 5,
      async read(offset) {
        expect(++reading).toBe(1);
        await Promise.resolve();
        reading--;
        if (offset / CHUNK_BYTES === unreadable) throw error;
        read.push(offset / CHUNK_BYTES);
      },
      close: async () => {},
    },
    async write(record, bytes) {
      const { buffer, byteOffset } = record;
      const index = Number(new DataView(buffer, byteOffset).getBigUint64(INDEX_AT));
      expect(bytes).toBe(index === CHUNKS - 1 ? CHUNK_BYTES - 5 : CHUNK_BYTES);
      sent.push(index);
      if (isStuck) await stuck.promise;
    },
    unreadable: async (why) => void told.push(why),
    failed: (why) => void told.push(why),
  });
  return { asked, read, sent, told, error, goOn: () => stuck.resolve() };
}

it('sends what was asked for, in that order, reading one at a time', async () => {
  const { asked, sent, told } = world();
  await asked.add({ first: 7, count: 2 });
  await asked.add({ first: CHUNKS - 1, count: 1 });
  await asked.add({ first: 0, count: 3 });
  await asked.gone();
  expect(sent).toEqual([7, 8, CHUNKS - 1, 0, 1, 2]);
  expect(told).toEqual([]);
});

it('reads what is asked for later while the first goes, as far as it has room', async () => {
  const { asked, read, sent, goOn } = world({ isStuck: true });
  for (let first = 10; first < 15; first++) await asked.add({ first, count: 1 });
  await vi.waitFor(() => expect(read).toEqual([10, 11, 12]));
  expect(sent).toEqual([10]);
  goOn();
  await asked.gone();
  expect(sent).toEqual([10, 11, 12, 13, 14]);
});

it('lets wait who asks more often than chunks go', async () => {
  const { asked, goOn } = world({ isStuck: true });
  let taken = 0;
  const asking = (async () => {
    for (; taken < 200; taken++) await asked.add({ first: 1, count: 1 });
  })();
  await vi.waitFor(() => expect(taken).toBeGreaterThan(60));
  expect(taken).toBeLessThan(70);
  goOn();
  await asking;
  await asked.gone();
});

it('tells of what cannot be read behind what was read before, and sends nothing more', async () => {
  const { asked, sent, told, error } = world({ unreadable: 3 });
  await asked.add({ first: 1, count: 10 });
  await asked.gone();
  await asked.add({ first: 1, count: 1 });
  expect(sent).toEqual([1, 2]);
  expect(told).toEqual([error, error]);
});

it('forgets what is not wanted any more', async () => {
  const { asked, sent, told, goOn } = world({ isStuck: true });
  await asked.add({ first: 1, count: 10 });
  await vi.waitFor(() => expect(sent).toEqual([1]));
  asked.drop();
  goOn();
  await asked.gone();
  expect(sent).toEqual([1]);
  expect(told).toEqual([]);
});
