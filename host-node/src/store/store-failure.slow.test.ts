/**
 * The whole way of a refusal, from a real file system that is full to a store that is ready again.
 */
import { describe, expect, test, vi } from 'vitest';
import { SmallDisk } from './testing/small-disk.ts';
import { an, change, ThreadPlace } from './testing/thread-place.ts';
import { WrittenJournal } from './testing/written-journal.ts';

const canMount = SmallDisk.possible();
const needs = 'needs root, mkfs.ext4 and a loop device';

describe.runIf(canMount)(`a full disk${canMount ? '' : ` (DID NOT RUN: ${needs})`}`, () => {
  test('refuses, is rolled back from, and shows by itself when there is space', async () => {
    const disk = SmallDisk.make(8 << 20);
    if (!disk) return expect.fail('no disk');
    const place = new ThreadPlace(disk.folder);
    try {
      place.prepare(1);
      const { heard, handle, journal } = await place.open(new WrittenJournal());
      disk.fill();
      let value = 0;
      const publish = () => {
        journal.write([change(0, value, value + 1)]);
        handle.wake();
      };
      const refused = () => heard.log.find((entry) => entry.startsWith('refused'));
      do {
        value++;
        publish();
        const settled = () => journal.committed() === journal.head || refused() !== undefined;
        await vi.waitFor(() => expect(settled()).toBe(true), { interval: 1 });
      } while (!refused());
      expect(refused()).toBe(`refused ${journal.committed()}`);
      expect(journal.committed()).toBeLessThan(journal.head);
      const refusal = { code: 'ANDVARI_STORE_REFUSED', sqliteCode: 13 };
      expect(heard.errors.at(-1)).toMatchObject(refusal);
      journal.setCommitted(journal.head);
      handle.restart(BigInt(journal.head));
      const tried = heard.errors.length;
      await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(tried));
      expect(handle.ready).toBe(false);

      disk.empty();
      await heard.until('ready');
      publish();
      await heard.until(`committed ${journal.head}`);
      await expect(place.inStore(0)).resolves.toEqual({ an: an(value + 1), mfs: 30 });
    } finally {
      await place.client.close();
      disk.remove();
    }
  });
});
