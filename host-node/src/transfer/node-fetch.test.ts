// One file from several nodes at once, each an endpoint of its own, over UDP on loopback.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { CHUNK_BYTES } from '@andvari/host-common/transfer/files/file-hash';
import type {
  FileTransfer,
  TransferEvent,
} from '@andvari/host-common/transfer/files/file-transfer';
import { blake3 } from '@noble/hashes/blake3.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { type FetchOptions, type Source, TransferNode } from './node.ts';
import { nobody } from './node-config.ts';
import { newIdentity } from './node-identity.ts';
import {
  type Holder,
  type HolderOptions,
  holderOf,
  lies,
  tellsOtherValues,
} from './testing/holders.ts';

const PATIENCE_MS = 60_000;
const folder = folderForTests('node-fetch');
const open: TransferNode[] = [];
let into = '';
beforeEach(() => {
  into = folder.at('in');
  mkdirSync(into);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.shutdown()));
});

async function held(bytes: Uint8Array, options?: HolderOptions): Promise<Holder> {
  const holder = await holderOf(bytes, options);
  open.push(holder.node);
  return holder;
}

async function fetcher(): Promise<TransferNode> {
  const own = { dataFolder: folder.at('data'), identity: newIdentity() };
  const node = await TransferNode.create({ ...own, host: '127.0.0.1', trust: nobody });
  open.push(node);
  return node;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const until = async (isSo: () => boolean) => {
  while (!isSo()) await pause(5);
};
const bytesThere = () => readFileSync(`${into}/film.bin`);
const hashOf = (bytes: Uint8Array) => blake3(bytes);
const wrongValues: HolderOptions = { alter: tellsOtherValues };

/** Fetches, and all that is told meanwhile. */
async function fetched(sources: Source[], more: Partial<FetchOptions> = {}) {
  const transfer = await (await fetcher()).fetch(sources, { into, ...more });
  return { transfer, events: eventsOf(transfer) };
}

async function eventsOf(transfer: FileTransfer): Promise<TransferEvent[]> {
  const events: TransferEvent[] = [];
  for await (const event of transfer.events({ everyMs: 20 })) events.push(event);
  return events;
}

/** Those that were told to have gone, and why. */
const gone = (events: TransferEvent[]) =>
  events.flatMap((event) => {
    if (event.type !== 'source' || event.source.isAsked) return [];
    const { name, error } = event.source;
    return [[name, (error as { code?: string }).code]];
  });

describe('one file from several nodes', () => {
  it(
    'comes from all of them, byte for byte, a slow one holds up nobody',
    async () => {
      const bytes = randomBytes(60 * CHUNK_BYTES + 77);
      let reads = 0;
      const others: HolderOptions = { onRead: async () => void reads++ };
      // It says nothing until the others have brought half of the file.
      const slow = await held(bytes, { onRead: () => until(() => reads > 30) });
      const fast = await held(bytes, others);
      const other = await held(bytes, others);
      const offers: unknown[] = [];
      const { transfer } = await fetched([slow.code, fast.code, other.code], {
        accept: ({ name, size, hash, sources }) => {
          offers.push([name, size, Buffer.from(hash).toString('hex'), sources.length]);
          return true;
        },
      });
      const { path, hash } = await transfer.completion;
      expect(path).toBe(`${into}/film.bin`);
      expect(hash).toEqual(hashOf(bytes));
      expect(bytesThere().equals(bytes)).toBe(true);
      expect(offers).toEqual([
        ['film.bin', bytes.length, Buffer.from(hashOf(bytes)).toString('hex'), 3],
      ]);
      const brought = new Map(transfer.sources.map(({ name, chunks }) => [name, chunks]));
      expect(brought.size).toBe(3);
      expect([...brought.values()].reduce((sum, chunks) => sum + chunks)).toBe(61);
      const of = ({ name }: Holder) => brought.get(name) as number;
      for (const holder of [slow, fast, other]) expect(of(holder)).toBeGreaterThan(0);
      expect(of(slow)).toBeLessThan(31);
    },
    PATIENCE_MS,
  );

  it(
    'those that lie, about bytes, values or the size, are dropped and named',
    async () => {
      const bytes = randomBytes(40 * CHUNK_BYTES);
      const good = await held(bytes, { onRead: () => pause(5) });
      const liar = await held(bytes, { alter: lies });
      const values = await held(bytes, wrongValues);
      const size = await held(bytes, {
        alter: (file) => ({ ...file, offer: { ...file.offer, size: bytes.length - 1 } }),
      });
      const all = [liar.code, values.code, size.code, good.code];
      const { transfer, events } = await fetched(all, { hash: hashOf(bytes) });
      await transfer.completion;
      expect(bytesThere().equals(bytes)).toBe(true);
      const integrity = 'ANDVARI_TRANSFER_INTEGRITY';
      expect(new Map(gone(await events) as [string, string][])).toEqual(
        new Map([
          [liar.name, integrity],
          [values.name, integrity],
          [size.name, 'ANDVARI_SOURCES_DIFFER'],
        ]),
      );
      const own = transfer.sources.find(({ name }) => name === good.name);
      expect(own).toMatchObject({ isAsked: true, chunks: 40 });
    },
    PATIENCE_MS,
  );

  it(
    'all lie: one error that says so of each, and nothing is there',
    async () => {
      const bytes = randomBytes(9 * CHUNK_BYTES);
      const liars = [await held(bytes, { alter: lies }), await held(bytes, wrongValues)];
      const { transfer } = await fetched(liars.map(({ code }) => code));
      await expect(transfer.completion).rejects.toMatchObject({
        code: 'ANDVARI_TRANSFER_INTEGRITY',
        message: expect.stringContaining('none of 2 sources is left'),
      });
      expect(readdirSync(into)).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'one ends in the middle: the others go on; all do: what has come is kept',
    async () => {
      const bytes = randomBytes(30 * CHUNK_BYTES);
      const atTwelfth: HolderOptions = {
        onRead: async (offset, node) => {
          if (offset === 12 * CHUNK_BYTES) void node.shutdown();
          await pause(2);
        },
      };
      const leaving = await held(bytes, atTwelfth);
      const { transfer: first } = await fetched([leaving.code]);
      await expect(first.completion).rejects.toBeDefined();
      expect(readdirSync(into)).toContain('film.bin.andvari-part');
      const [again, staying] = [await held(bytes, atTwelfth), await held(bytes)];
      const { transfer } = await fetched([again.code, staying.code]);
      expect(transfer.doneBytes).toBeGreaterThan(0);
      await transfer.completion;
      expect(bytesThere().equals(bytes)).toBe(true);
      expect(staying.asked.length).toBeLessThan(30);
      expect(readdirSync(into)).toEqual(['film.bin']);
    },
    PATIENCE_MS,
  );

  it(
    'one that nobody answers for is told, and holds up nobody',
    async () => {
      const bytes = randomBytes(5 * CHUNK_BYTES);
      const away = await held(bytes);
      await away.node.shutdown();
      const { transfer, events } = await fetched([away.code, (await held(bytes)).code], {
        timeoutMs: 700,
      });
      await transfer.completion;
      expect(bytesThere().equals(bytes)).toBe(true);
      expect(gone(await events)).toEqual([[away.name, 'ANDVARI_UNREACHABLE']]);
    },
    PATIENCE_MS,
  );
});

describe('nothing is fetched', () => {
  const code = (expected: string) => expect.objectContaining({ code: expected });

  it(
    'when they do not offer the same, or nobody offers what is wanted',
    async () => {
      const [one, two] = [await held(randomBytes(10)), await held(randomBytes(11))];
      const node = await fetcher();
      const both = [one.code, two.code];
      await expect(node.fetch(both, { into })).rejects.toEqual(code('ANDVARI_SOURCES_DIFFER'));
      await expect(node.fetch(both, { into })).rejects.toThrow(/10 bytes.*; .*11 bytes|11.*10/);
      const hash = new Uint8Array(32);
      await expect(node.fetch(both, { into, hash })).rejects.toThrow('nobody offers the file');
      expect(readdirSync(into)).toEqual([]);
      expect(node.transfers).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'when it is not wanted, nobody is there, or the caller wants no more',
    async () => {
      const holder = await held(randomBytes(10));
      const node = await fetcher();
      const refused = node.fetch([holder.code], { into, accept: () => false });
      await expect(refused).rejects.toEqual(code('ANDVARI_TRANSFER_REFUSED'));
      const places = [9, 10].map((port) => holder.code.replace(/:\d+$/, `:${port}`));
      const away = node.fetch([places[0] as string], { into, timeoutMs: 300 });
      await expect(away).rejects.toEqual(code('ANDVARI_UNREACHABLE'));
      const stop = new AbortController();
      const calling = node.fetch(places, { into, signal: stop.signal });
      stop.abort(new Error('no more'));
      await expect(calling).rejects.toThrow('no more');
    },
    PATIENCE_MS,
  );

  it('of no peer, of nine, or with an option that there is not', async () => {
    const node = await fetcher();
    await expect(node.fetch([], { into })).rejects.toThrow(RangeError);
    const nine = Array.from({ length: 9 }, () => ({
      peerId: newIdentity().peerId,
      address: { host: '127.0.0.1', port: 9 },
    }));
    await expect(node.fetch(nine, { into })).rejects.toThrow(RangeError);
    await expect(node.fetch(nine, { to: into } as never)).rejects.toThrow('there is no to');
    await expect(node.fetch(nine, {} as never)).rejects.toThrow('into: wanted a folder');
    await expect(node.fetch(nine, { into, hash: new Uint8Array(3) })).rejects.toThrow();
  });
});
