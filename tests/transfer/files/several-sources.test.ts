// A file from several sources, of which some stall, lie or go: in memory, over real sessions.
import { ChunkPlan } from '@andvari/host-common/transfer/files/chunk-plan';
import { ChunkSet } from '@andvari/host-common/transfer/files/chunk-set';
import { FileDownload } from '@andvari/host-common/transfer/files/file-download';
import { CHUNK_BYTES, type FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { FileSender, type SentFile } from '@andvari/host-common/transfer/files/file-sender';
import {
  FileTransfer,
  type TransferEvent,
} from '@andvari/host-common/transfer/files/file-transfer';
import { duplexOf } from '@andvari/host-common/transfer/files/record-stream';
import { NO_UPGRADE } from '@andvari/host-common/transfer/upgrade/upgrade-state';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomFrom, seedOfRun } from '../../seeded-random.ts';
import { content, MemorySink, newHash, StreamPlace, sentFile } from './files-world.ts';

const PATIENCE_MS = 60_000;
let hash: FileHash;
const place = new StreamPlace();
beforeAll(async () => {
  hash = await newHash();
  await place.open();
});
afterAll(() => place.close());

/** Streams are opened one after the other. */
let opening: Promise<unknown> = Promise.resolve();

async function addSource(download: FileDownload, file: SentFile, name: string) {
  const stream = opening.then(() => place.stream());
  opening = stream;
  const [theirs, ours] = await stream;
  const sender = new FileSender(file, duplexOf(theirs));
  download.add(duplexOf(ours), name);
  return sender;
}

async function downloadOf(chunks: number, { silenceMs = 60_000 } = {}) {
  const bytes = content(chunks * CHUNK_BYTES - 5);
  const file = await sentFile(bytes, hash);
  const sink = new MemorySink(bytes.length);
  const download = new FileDownload({ offer: file.offer, sink, hash, silenceMs });
  return { bytes, file, sink, download };
}

/** The same file from a place of its own. */
const again = (bytes: Uint8Array<ArrayBuffer>) => sentFile(bytes.slice(), hash);

/** Lies about every chunk, but not about their values. */
async function liar(bytes: Uint8Array<ArrayBuffer>) {
  const file = await again(bytes);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) file.source.bytes[at]! ^= 1;
  return file;
}

const route = { way: 'direct', upgrade: NO_UPGRADE, statistics: () => undefined } as const;

const transferOf = (
  mover: FileDownload | FileSender,
  offer = (mover as FileDownload).offer,
  direction: 'send' | 'receive' = 'receive',
) =>
  new FileTransfer(mover, {
    ...{ offer, direction, path: '' },
    ...{ peerId: new Uint8Array(32), authenticationString: '', route },
  });

describe('a transfer', () => {
  it('whose file had come in part: its rate is of what travels, at both ends', async () => {
    const { bytes, file, sink } = await downloadOf(12);
    sink.values = file.values;
    for (let index = 0; index < 9; index++) {
      await sink.write(index, bytes.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES));
    }
    const download = new FileDownload({ offer: file.offer, sink, hash });
    const [theirs, ours] = await place.stream();
    const sender = new FileSender(file, duplexOf(theirs));
    const ends = [transferOf(download), transferOf(sender, file.offer, 'send')];
    download.add(duplexOf(ours), 'source');
    for (const { completion } of ends) {
      const { bytes: all, durationS, averageRate } = await completion;
      expect(all).toBe(bytes.length);
      expect(averageRate * durationS).toBeCloseTo(3 * CHUNK_BYTES - 5, 3);
    }
    expect(sender.hadBytes).toBe(9 * CHUNK_BYTES);
  });
});

describe('a plan', () => {
  function planFor(count: number) {
    const have = new ChunkSet(count);
    return { have, plan: new ChunkPlan<string>(have) };
  }
  const taken = (plan: ChunkPlan<string>, source: string, times: number) =>
    Array.from({ length: times }, () => plan.take(source));

  it('begins where it is told to, then comes to what lies before', () => {
    const { have, plan } = planFor(6);
    expect(taken(plan, 'a', 2)).toEqual([0, 1]);
    have.add(4);
    plan.seek(3);
    expect(taken(plan, 'a', 4)).toEqual([3, 5, 2, undefined]);
    expect(() => plan.seek(6)).toThrow(RangeError);
    expect(() => plan.seek(-1)).toThrow(RangeError);
  });

  it('seeks again and again, and nothing is forgotten', () => {
    const { have, plan } = planFor(8);
    const order = [5, 2, 7].flatMap((index) => {
      plan.seek(index);
      return taken(plan, 'a', 2);
    });
    expect(order).toEqual([5, 6, 2, 3, 7, 0]);
    plan.left('a');
    plan.seek(4);
    have.add(4);
    expect(taken(plan, 'b', 8)).toEqual([5, 6, 7, 0, 1, 2, 3, undefined]);
  });

  it('asks others at once for what one lets wait, and that one no second time', () => {
    const { plan } = planFor(5);
    expect(taken(plan, 'slow', 2)).toEqual([0, 1]);
    plan.isLate('slow');
    expect(plan.take('slow')).toBe(2);
    expect(taken(plan, 'fast', 3)).toEqual([0, 1, 3]);
    plan.came(0);
    plan.isLate('fast');
    plan.left('slow');
    expect(taken(plan, 'third', 3)).toEqual([1, 3, 2]);
  });
});

describe('of several sources', () => {
  it('one that tells other values is dropped, also when the values are known', async () => {
    const { bytes, file, sink, download } = await downloadOf(12);
    const held = Promise.withResolvers<void>();
    file.source.onRead = () => held.promise;
    const other = await again(bytes);
    other.values[40]! ^= 1;
    const slow = await again(bytes);
    const lying = addSource(download, other, 'liar');
    await addSource(download, file, 'honest');
    await addSource(download, slow, 'too');
    await expect((await lying).completion).rejects.toMatchObject({
      code: 'ANDVARI_TRANSFER_INTEGRITY',
    });
    held.resolve();
    await download.completion;
    expect(sink.bytes).toEqual(bytes);
    expect(download.lost.map(({ name }) => name)).toEqual(['liar']);
  });

  it('one that has lied is not taken again, another one is', async () => {
    const { bytes, file, sink, download } = await downloadOf(12);
    const held = Promise.withResolvers<void>();
    file.source.onRead = () => held.promise;
    await addSource(download, file, 'honest');
    const bad = await addSource(download, await liar(bytes), 'liar');
    await expect(bad.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_INTEGRITY' });
    const later = await again(bytes);
    await expect(addSource(download, later, 'liar')).rejects.toThrow('has sent what is not');
    await addSource(download, later, 'later');
    held.resolve();
    await download.completion;
    expect(sink.bytes).toEqual(bytes);
  });

  it('each is told of, with what it has brought and why it has gone', async () => {
    const { bytes, file, download } = await downloadOf(20);
    const transfer = transferOf(download);
    const events: TransferEvent[] = [];
    const reading = (async () => {
      for await (const event of transfer.events({ everyMs: 5 })) events.push(event);
    })();
    await addSource(download, await liar(bytes), 'liar');
    await addSource(download, file, 'honest');
    await transfer.completion;
    await reading;
    const changes = events.flatMap((event) => (event.type === 'source' ? [event.source] : []));
    expect(changes).toMatchObject([
      { name: 'liar', isAsked: true, chunks: 0 },
      { name: 'honest', isAsked: true, chunks: 0 },
      { name: 'liar', isAsked: false, error: { code: 'ANDVARI_TRANSFER_INTEGRITY' } },
    ]);
    const [first, second] = transfer.sources;
    expect([first?.chunks, second?.chunks, second?.bytes]).toEqual([0, 20, bytes.length]);
    expect(() => transfer.seek(bytes.length)).toThrow(RangeError);
  });

  it('all lie: one error that names them, and nothing of it is kept', async () => {
    const { bytes, sink, download } = await downloadOf(9);
    const release = download.expectSource();
    for (const name of ['one', 'two']) {
      const lying = await addSource(download, await liar(bytes), name);
      await expect(lying.completion).rejects.toBeDefined();
    }
    await vi.waitFor(() => expect(download.lost).toHaveLength(2));
    release();
    await expect(download.completion).rejects.toMatchObject({
      code: 'ANDVARI_TRANSFER_INTEGRITY',
      message: expect.stringMatching(/^none of 2 sources is left: one: chunk \d.*; two: chunk \d/),
    });
    expect([sink.have.size, sink.state]).toEqual([0, 'discarded']);
  });

  it(
    'all have gone, one by itself: what has come stays, for another try',
    async () => {
      const { bytes, file, sink, download } = await downloadOf(30);
      const lying = await liar(bytes);
      const sender = await addSource(download, file, 'leaving');
      file.source.onRead = (offset) => {
        if (offset === 5 * CHUNK_BYTES) void sender.cancel();
      };
      await addSource(download, lying, 'liar');
      await expect(download.completion).rejects.toMatchObject({ code: 'ANDVARI_TRANSFER_CUT' });
      expect(sink.state).toBe('closed');
      expect(sink.have.size).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  it('one that is still called is waited for when all others have gone', async () => {
    const { bytes, file, sink, download } = await downloadOf(9);
    const release = download.expectSource();
    await (await addSource(download, await liar(bytes), 'liar')).completion.catch(() => {});
    await vi.waitFor(() => expect(download.lost).toHaveLength(1));
    await addSource(download, file, 'late');
    release();
    release();
    await download.completion;
    expect(sink.bytes).toEqual(bytes);
  });

  it('one that pauses leaves what it was asked for to the others, at once', async () => {
    const { bytes, file, sink, download } = await downloadOf(40);
    const pausing = await again(bytes);
    const sender = await addSource(download, pausing, 'pausing');
    pausing.source.onRead = (offset) => {
      if (offset === 3 * CHUNK_BYTES) sender.pause();
    };
    const asked: number[] = [];
    await vi.waitFor(() => expect(sink.have.size).toBeGreaterThan(1));
    file.source.onRead = (offset) => void asked.push(offset / CHUNK_BYTES);
    await addSource(download, file, 'other');
    await download.completion;
    expect(sink.bytes).toEqual(bytes);
    // Not after all others, as they would be at the end.
    expect(asked.indexOf(4)).toBeLessThan(12);
  });

  it(
    'one that says nothing more leaves its chunks to the others before it is dropped',
    async () => {
      const { bytes, file, sink, download } = await downloadOf(6);
      const silent = await again(bytes);
      silent.source.onRead = (offset) =>
        offset === 2 * CHUNK_BYTES ? new Promise(() => {}) : undefined;
      await addSource(download, silent, 'silent');
      await vi.waitFor(() => expect(sink.have.size).toBe(2));
      const plan = vi.spyOn(download.plan, 'isLate');
      await vi.waitFor(() => expect(plan).toHaveBeenCalledTimes(1), { timeout: 10_000 });
      await addSource(download, file, 'other');
      await download.completion;
      expect(sink.bytes).toEqual(bytes);
      expect(download.sources.map(({ chunks }) => chunks)).toEqual([2, 4]);
      expect(download.lost).toEqual([]);
    },
    PATIENCE_MS,
  );
});

it(
  'seek: chunks from there on are asked for first, then those before',
  async () => {
    const { bytes, file, sink, download } = await downloadOf(40);
    const asked: number[] = [];
    file.source.onRead = (offset) => void asked.push(offset / CHUNK_BYTES);
    download.seek(30 * CHUNK_BYTES + 1);
    sink.onWrite = () => {
      if (sink.have.size === 1) download.seek(20 * CHUNK_BYTES - 1);
    };
    await addSource(download, file, 'one');
    await download.completion;
    expect(sink.bytes).toEqual(bytes);
    expect(asked).toHaveLength(40);
    expect(asked[0]).toBe(30);
    const second = asked.indexOf(19);
    // What was asked for still came: eight of them, and one more with each that had come.
    expect(asked.slice(0, second)).toEqual(Array.from({ length: second }, (_, i) => 30 + i));
    expect(second).toBeLessThanOrEqual(10);
    expect(asked.slice(second, second + 5)).toEqual([19, 20, 21, 22, 23]);
    expect(asked.at(-1)).toBe(18);
    for (const offset of [-1, bytes.length, 0.5]) expect(() => download.seek(offset)).toThrow();
  },
  PATIENCE_MS,
);

type Random = (below: number) => number;
type Kind = 'honest' | 'lies' | 'lies about values' | 'stalls' | 'goes' | 'fails';
const KINDS: Kind[] = ['honest', 'lies', 'lies about values', 'stalls', 'goes', 'fails'];

interface Round {
  download: FileDownload;
  bytes: Uint8Array<ArrayBuffer>;
  /** Resolves when it is over. */
  held: Promise<void>;
}

/** A source of this kind, from the chunk at which it shows. */
async function addKind({ download, bytes, held }: Round, kind: Kind, random: Random) {
  const file = await again(bytes);
  const shows = random(Math.ceil(bytes.length / CHUNK_BYTES));
  if (kind === 'lies') file.source.bytes[shows * CHUNK_BYTES]! ^= 1;
  if (kind === 'lies about values') file.values[random(file.values.length)]! ^= 1;
  let sender: FileSender | undefined;
  file.source.onRead = (offset) => {
    if (offset < shows * CHUNK_BYTES) return undefined;
    if (kind === 'stalls') return held;
    if (kind === 'fails') throw new Error('EIO');
    if (kind === 'goes') void sender?.cancel();
    return undefined;
  };
  try {
    sender = await addSource(download, file, `${kind} ${random(1e9)}`);
  } catch {
    // It has ended before this one came.
  }
}

it(
  'whoever stalls, lies or goes: it is the right file, or an error that says why',
  async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    for (let round = 0; round < 12; round++) {
      const where = `seed ${seed}, round ${round}`;
      const kinds = Array.from(
        { length: 1 + random(4) },
        () => KINDS[random(KINDS.length)] as Kind,
      );
      // Short, since it may have to pass; not so short that an honest one seems to stall.
      const silenceMs = kinds.includes('honest') ? 5_000 : 300;
      const { bytes, sink, download } = await downloadOf(1 + random(12), { silenceMs });
      const { promise: held, resolve: over } = Promise.withResolvers<void>();
      const one = { download, bytes, held };
      const release = download.expectSource();
      await Promise.all(kinds.map((kind) => addKind(one, kind, random)));
      release();
      const end = await download.completion.catch((error: unknown) => error as { code: string });
      over();
      if (end === 'a path') expect(Buffer.compare(sink.bytes, bytes), where).toBe(0);
      else {
        expect(kinds, where).not.toContain('honest');
        const { code } = end as { code: string };
        expect(code, where).toMatch(/^ANDVARI_TRANSFER_(INTEGRITY|CUT|CANCELLED|UNREADABLE)$/);
      }
      for (let index = 0; index < sink.have.count; index++) {
        const piece = (of: Uint8Array) =>
          of.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
        if (sink.have.has(index))
          expect(Buffer.compare(piece(sink.bytes), piece(bytes)), where).toBe(0);
      }
    }
  },
  PATIENCE_MS,
);
