// A file of one node or two, read here and there over UDP on loopback, without being fetched.
import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CHUNK_BYTES } from '@andvari/host-common/transfer/files/file-hash';
import { blake3 } from '@noble/hashes/blake3.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { folderForTests } from '../testing/folder.ts';
import { type OpenOptions, type Source, TransferNode } from './node.ts';
import { nobody } from './node-config.ts';
import { newIdentity } from './node-identity.ts';
import type { OpenFile } from './open-file.ts';
import {
  type Holder,
  type HolderOptions,
  holderOf,
  lies,
  tellsOtherValues,
} from './testing/holders.ts';

const PATIENCE_MS = 60_000;
/** Four whole chunks and a short one. */
const BYTES = randomBytes(4 * CHUNK_BYTES + 777);
const folder = folderForTests('node-open');
const nodes: TransferNode[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.shutdown()));
});

async function held(bytes: Uint8Array, options?: HolderOptions): Promise<Holder> {
  const holder = await holderOf(bytes, options);
  nodes.push(holder.node);
  return holder;
}

async function reader(maxTransfers = 4): Promise<TransferNode> {
  const own = { dataFolder: folder.at('data'), identity: newIdentity(), maxTransfers };
  const node = await TransferNode.create({ ...own, host: '127.0.0.1', trust: nobody });
  nodes.push(node);
  return node;
}

async function opened(sources: Source[], options?: OpenOptions): Promise<OpenFile> {
  return await (await reader()).open(sources, options);
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const code = (expected: string) => expect.objectContaining({ code: expected });

/** The bytes as they are there. */
async function check(file: OpenFile, offset: number, length: number, bytes = BYTES) {
  const read = await file.read(offset, length);
  const same = Buffer.compare(read, bytes.subarray(offset, offset + length)) === 0;
  expect({ offset, length, same }).toEqual({ offset, length, same: true });
}

describe('a file that is open', () => {
  it(
    'has bytes at the borders of chunks, in the last one, and none behind its end',
    async () => {
      const { code: from, asked } = await held(BYTES);
      const offers: unknown[] = [];
      const accept = (offer: unknown) => offers.push(offer) === 1;
      const file = await opened([from], { accept });
      expect(offers).toMatchObject([{ name: 'film.bin', size: BYTES.length, sources: [{}] }]);
      expect([file.name, file.size]).toEqual(['film.bin', BYTES.length]);
      expect(file.hash).toEqual(blake3(BYTES));
      await check(file, CHUNK_BYTES - 1, 2);
      // The others do not travel.
      expect(asked.map((offset) => offset / CHUNK_BYTES)).toEqual([0, 1]);
      await check(file, CHUNK_BYTES, CHUNK_BYTES);
      expect(asked).toHaveLength(2);
      await check(file, 0, 1);
      await check(file, 2 * CHUNK_BYTES - 1, CHUNK_BYTES + 2);
      await check(file, 4 * CHUNK_BYTES, 777);
      expect(await file.read(BYTES.length - 3, 100)).toHaveLength(3);
      expect(await file.read(BYTES.length, 100)).toHaveLength(0);
      expect(await file.read(5, 0)).toHaveLength(0);
    },
    PATIENCE_MS,
  );

  it(
    'keeps a few chunks in memory, however many were read, and whoever may give it up',
    async () => {
      setFlagsFromString('--expose-gc');
      const collect: () => void = runInNewContext('gc');
      const file = await opened([(await held(randomBytes(96 * CHUNK_BYTES))).code]);
      const heldBytes = () => {
        collect();
        return process.memoryUsage().arrayBuffers;
      };
      const before = heldBytes();
      const { signal } = new AbortController();
      let read = 0;
      for await (const piece of file.stream(0, undefined, { signal })) {
        read += piece.length;
        if (read !== 90 * CHUNK_BYTES) continue;
        // What is freed goes a little later.
        await vi.waitFor(() => expect(heldBytes() - before).toBeLessThan(40 * CHUNK_BYTES));
      }
      expect(read).toBe(96 * CHUNK_BYTES);
    },
    PATIENCE_MS,
  );

  it(
    'refuses what is no range, and an offset behind its end',
    async () => {
      const file = await opened([(await held(BYTES)).code]);
      for (const [offset, length] of [
        [BYTES.length + 1, 1],
        [-1, 1],
        [0, -1],
        [0.5, 1],
        [0, Number.NaN],
        ['0', 1],
      ] as [number, number][]) {
        await expect(file.read(offset, length)).rejects.toEqual(code('ANDVARI_FILE_RANGE'));
        expect(() => file.stream(offset, length)).toThrow(RangeError);
      }
      await check(file, 0, 3);
    },
    PATIENCE_MS,
  );

  it(
    'that is empty, or of one chunk',
    async () => {
      const empty = await opened([(await held(new Uint8Array(0))).code]);
      expect(await empty.read(0, 10)).toHaveLength(0);
      for await (const piece of empty.stream()) throw new Error(`${piece.length} bytes`);
      await expect(empty.read(1, 1)).rejects.toEqual(code('ANDVARI_FILE_RANGE'));
      const short = await opened([(await held(BYTES.subarray(0, 5))).code]);
      await check(short, 1, 3);
      await check(short, 0, 99, BYTES.subarray(0, 5));
    },
    PATIENCE_MS,
  );

  it(
    'streams all from an offset on, few chunks ahead of who reads',
    async () => {
      const bytes = randomBytes(30 * CHUNK_BYTES + 5);
      const { code: from, asked } = await held(bytes);
      const file = await opened([from]);
      const pieces: Uint8Array[] = [];
      for await (const piece of file.stream(3 * CHUNK_BYTES + 100)) {
        if (pieces.length === 0) await pause(200);
        // The one that is read, and three behind it.
        expect(asked.length).toBeLessThanOrEqual(pieces.length + 4);
        pieces.push(piece);
      }
      expect(Buffer.concat(pieces).equals(bytes.subarray(3 * CHUNK_BYTES + 100))).toBe(true);
      // Whoever leaves the loop wants no more.
      for await (const piece of file.stream(0)) {
        expect(piece).toHaveLength(CHUNK_BYTES);
        break;
      }
      await check(file, 29 * CHUNK_BYTES, 10, bytes);
    },
    PATIENCE_MS,
  );

  it(
    'is read backwards, and by many at once, at random places, from two sources',
    async () => {
      const seed = seedOfRun();
      const random = randomFrom(seed);
      // More than is kept of it.
      const bytes = randomBytes(24 * CHUNK_BYTES + 999);
      const holders = [await held(bytes), await held(bytes)];
      const file = await opened(holders.map(({ code: from }) => from));
      try {
        await check(file, 0, bytes.length, bytes);
        for (let end = bytes.length; end > 0; end -= 700_000) {
          const start = Math.max(0, end - 700_000);
          await check(file, start, end - start, bytes);
        }
        const reads = Array.from({ length: 40 }, () => {
          return [random(bytes.length + 1), random(700_000)] as const;
        });
        await Promise.all(reads.map(([offset, length]) => check(file, offset, length, bytes)));
        const both = await Promise.all([file.read(0, 1 << 21), file.read(0, 1 << 21)]);
        for (const one of both) expect(Buffer.compare(one, bytes.subarray(0, 1 << 21))).toBe(0);
      } catch (error) {
        throw new Error(`ANDVARI_SEED=${seed}`, { cause: error });
      }
      for (const { asked } of holders) expect(asked.length).toBeGreaterThan(0);
      expect(file.sources.map(({ isAsked }) => isAsked)).toEqual([true, true]);
    },
    PATIENCE_MS,
  );

  it(
    'drops a source that lies, and reads on from the other',
    async () => {
      const good = await held(BYTES, { onRead: () => pause(20) });
      for (const alter of [lies, tellsOtherValues]) {
        const liar = await held(BYTES, { alter });
        const file = await opened([liar.code, good.code]);
        await Promise.all([
          check(file, 0, BYTES.length),
          check(file, CHUNK_BYTES - 5, 10),
          check(file, 2 * CHUNK_BYTES, 10),
        ]);
        const [lied] = file.sources.filter(({ name }) => name === liar.name);
        expect(lied).toMatchObject({ isAsked: false, chunks: 0 });
      }
    },
    PATIENCE_MS,
  );

  it(
    'tells every read when the only source lies or goes, and the reads behind it',
    async () => {
      const liar = await held(BYTES, { alter: lies });
      const file = await opened([liar.code]);
      const reads = [file.read(0, 10), file.read(3 * CHUNK_BYTES, 10)];
      for (const read of reads) {
        await expect(read).rejects.toEqual(code('ANDVARI_TRANSFER_INTEGRITY'));
      }
      await expect(file.read(0, 1)).rejects.toEqual(code('ANDVARI_TRANSFER_INTEGRITY'));
      await expect(file.completion).rejects.toEqual(code('ANDVARI_TRANSFER_INTEGRITY'));
      await file.close();
      const leaving: HolderOptions = { onRead: async (_, node) => void node.shutdown() };
      const gone = await opened([(await held(BYTES, leaving)).code]);
      await expect(gone.read(0, BYTES.length)).rejects.toHaveProperty('code');
      await gone.close();
    },
    PATIENCE_MS,
  );
});

describe('a read that is given up', () => {
  it(
    'asks for nothing more, and leaves the others alone',
    async () => {
      const bytes = randomBytes(40 * CHUNK_BYTES);
      const { code: from, asked } = await held(bytes, { onRead: () => pause(10) });
      const file = await opened([from]);
      const stop = new AbortController();
      const { signal } = stop;
      const read = file.read(0, bytes.length, { signal });
      const other = check(file, 39 * CHUNK_BYTES + 7, 100, bytes);
      await pause(60);
      stop.abort(new Error('elsewhere'));
      await expect(read).rejects.toThrow('elsewhere');
      await other;
      await expect(file.read(0, 1, { signal })).rejects.toThrow('elsewhere');
      await check(file, 38 * CHUNK_BYTES, 5, bytes);
      expect(asked.length).toBeLessThan(40);
    },
    PATIENCE_MS,
  );

  it(
    'by closing the file, by its signal, or with the node',
    async () => {
      const { code: from } = await held(BYTES, { onRead: () => pause(300) });
      const cancelled = code('ANDVARI_TRANSFER_CANCELLED');
      const ends: ((file: OpenFile, node: TransferNode, stop: AbortController) => unknown)[] = [
        (file) => file.close(),
        (_file, _node, stop) => stop.abort(),
        (_file, node) => node.shutdown(),
      ];
      for (const end of ends) {
        const [node, stop] = [await reader(1), new AbortController()];
        const file = await node.open([from], { signal: stop.signal });
        const read = file.read(0, 10);
        // It is one of the transfers that the node may have.
        await expect(node.open([from])).rejects.toEqual(code('ANDVARI_TOO_MANY_TRANSFERS'));
        end(file, node, stop);
        await expect(read).rejects.toEqual(cancelled);
        await expect(file.read(0, 10)).rejects.toEqual(cancelled);
        await file.completion;
        await node.shutdown();
      }
    },
    PATIENCE_MS,
  );
});

describe('nothing is opened', () => {
  it(
    'that is a folder, is not wanted, or that they do not have alike',
    async () => {
      const alter: HolderOptions['alter'] = (file) => {
        return { ...file, offer: { ...file.offer, isFolder: true } };
      };
      const isFolder = await held(BYTES, { alter });
      const node = await reader();
      await expect(node.open([isFolder.code])).rejects.toEqual(code('ANDVARI_IS_A_FOLDER'));
      const [one, two] = [await held(BYTES), await held(randomBytes(10))];
      const refused = node.open([one.code], { accept: () => false });
      await expect(refused).rejects.toEqual(code('ANDVARI_TRANSFER_REFUSED'));
      const both = node.open([one.code, two.code]);
      await expect(both).rejects.toEqual(code('ANDVARI_SOURCES_DIFFER'));
      await expect(node.open([])).rejects.toThrow(RangeError);
      await expect(node.open([one.code], { into: '.' } as never)).rejects.toThrow('there is no');
    },
    PATIENCE_MS,
  );
});
