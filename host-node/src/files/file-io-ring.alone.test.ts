import { closeSync, openSync, readFileSync } from 'node:fs';
import { loadNative, type NativeAddon } from '@andvari/native-io';
import { FILE_TRANSFERS_WAITING_MAX } from '@andvari/native-io/file-ring';
import { describe, expect, it } from 'vitest';
import { fileIoCompliance } from './file-io.compliance.ts';
import { openFileIo, RingFileIo } from './file-io.ts';

const native = loadNative();
const why = 'missing' in native ? native.missing : native.probe().uring.why;
/** Without the addon or io_uring, what is left to show is that FileIo goes on without it. */
const addon = why === '' ? (native as NativeAddon) : undefined;

const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 });
const range = { memory, offset: 65_536, bytes: 1_048_576 };

describe.runIf(addon)('RingFileIo', () => {
  fileIoCompliance((options) => new RingFileIo(addon!, options));

  it('pins its range while it is open, and keeps no descriptor', async () => {
    const pinnedKiB = () =>
      Number(/VmPin:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const firstFree = () => {
      const fd = openSync('/dev/null', 'r');
      closeSync(fd);
      return fd;
    };
    const [pinned, descriptor] = [pinnedKiB(), firstFree()];
    for (let i = 0; i < 100; i++) {
      const io = new RingFileIo(addon!, range);
      expect(pinnedKiB()).toBe(pinned + 1024);
      const fd = openSync('/proc/self/exe', 'r');
      const reads = [1, 2, 3].map(() => io.read(fd, 0, 65_536, 1_048_576));
      await io.close();
      closeSync(fd);
      await Promise.all(reads);
    }
    expect(pinnedKiB()).toBe(pinned);
    expect(firstFree()).toBe(descriptor);
  });

  it('lets no more wait than it says', async () => {
    const io = new RingFileIo(addon!, range);
    const fd = openSync('/dev/zero', 'r');
    const reads = Array.from({ length: FILE_TRANSFERS_WAITING_MAX + 100 }, () =>
      io.read(fd, 0, 65_536, 1).catch((error: Error) => error.message),
    );
    const results = await Promise.all(reads);
    expect(results.filter((result) => result === 1).length).toBeGreaterThanOrEqual(4096);
    expect(results.at(-1)).toContain('reads and writes wait');
    await io.close();
    closeSync(fd);
  });

  it('refuses a range in C when it is asked past the TypeScript', () => {
    const calls: unknown[] = [];
    const ring = addon!.openFileRing(range, (...results) => calls.push(results));
    for (const [offset, bytes] of [
      [65_535, 10],
      [65_536 + 1_048_576 - 9, 10],
      [0, 0],
      [65_536, 2 ** 32],
      [-1, 2],
      [65_536, Number.NaN],
      [Number.POSITIVE_INFINITY, 1],
    ] as const) {
      expect(() => ring.start(false, 0, 0, offset, bytes)).toThrow(RangeError);
    }
    for (const position of [-1, Number.NaN, 2 ** 53]) {
      expect(() => ring.start(true, 0, position, 65_536, 1)).toThrow(RangeError);
    }
    ring.close();
    ring.close();
    expect(() => ring.start(false, 0, 0, 65_536, 1)).toThrow('closed');
    expect(calls).toEqual([]);
    for (const wrong of [
      { memory, offset: 0, bytes: 0 },
      { memory, offset: 4_194_303, bytes: 2 },
      { memory, offset: 2 ** 32 - 1, bytes: 2 ** 31 },
    ]) {
      expect(() => addon!.openFileRing(wrong, () => {})).toThrow(RangeError);
    }
  });

  it('close() in C waits, and reports what it gave up', () => {
    const results: [number, number][] = [];
    const ring = addon!.openFileRing(range, (...result) => results.push(result));
    const fd = openSync('/proc/self/exe', 'r');
    const started = Array.from({ length: 64 }, () => ring.start(false, fd, 0, 65_536, 1_048_576));
    expect(new Set(started).size).toBe(64);
    expect(ring.start(false, fd, 0, 65_536, 1)).toBe(-1);
    ring.close();
    closeSync(fd);
    expect(results.map(([operation]) => operation).sort()).toEqual([...started].sort());
    for (const [, result] of results) expect(result === 1_048_576 || result < 0).toBe(true);
  });
});

describe('openFileIo', () => {
  it('takes io_uring where it works', async () => {
    const reasons: string[] = [];
    const io = openFileIo(range, addon, (reason) => reasons.push(reason));
    expect([io.backend, reasons.length]).toEqual(addon ? ['io_uring', 0] : ['fs', 1]);
    await io.close();
  });

  it('goes on with node:fs where it does not, and says why', async () => {
    const reasons: string[] = [];
    const refused = Object.assign(new Error('io_uring_setup: Operation not permitted'), {
      mend: 'allow it',
    });
    const refusing = {
      openFileRing: () => {
        throw refused;
      },
    };
    for (const each of [undefined, refusing]) {
      const io = openFileIo(range, each, (reason) => reasons.push(reason));
      expect(io.backend).toBe('fs');
      await io.close();
    }
    expect(reasons[1]).toBe('io_uring_setup: Operation not permitted (allow it)');
    expect(() => openFileIo({ ...range, bytes: 2 ** 40 }, undefined)).toThrow(RangeError);
  });
});
