import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Effect,
  EffectBlock,
  EffectKind,
  EffectStatus,
  Folder,
  WriteMode,
} from '@andvari/host-common/engine/generated/layout';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FileDesk } from '../../files/file-desk.ts';
import type { CrossoverProxy } from './crossover-proxy.ts';
import { EffectDesk, type EffectDeskOptions } from './effect-desk.ts';
import type { EffectResult } from './effect-result.ts';
import type { PeerServers } from './peer-servers.ts';

const BLOCK = 4096;
const RESULT = 131_072;
const RESULT_LIMIT = 1000;
const FILLER = 0xa5;
const AN = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i);
const TRADE = Buffer.from(AN).toString('hex');

interface Asked {
  kind: number;
  slot?: number;
  folder?: number;
  mode?: number;
  name?: string;
  content?: Uint8Array;
  permissions?: number;
}

/** An engine's memory with one ring entry (at word 16) and one effect block. */
class Place {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'andvari-effects-'));
  readonly u8 = new Uint8Array(new SharedArrayBuffer(RESULT + 2 * RESULT_LIMIT)).fill(FILLER);
  readonly u32 = new Uint32Array(this.u8.buffer);
  /** [slot, status, length] in order. */
  readonly completed: [number, number, number][] = [];
  readonly problems: string[] = [];
  committed = 0;
  #serving = false;
  desk!: EffectDesk;

  async open(options: Partial<EffectDeskOptions> = {}): Promise<this> {
    this.desk = new EffectDesk({
      memory: this,
      complete: (slot, status, length, worker) => {
        expect(this.#serving).toBe(false);
        expect(worker).toBe(0);
        this.completed.push([slot, status, length]);
      },
      folders: await FileDesk.open(this.dataDir),
      servers: undefined,
      proxy: undefined,
      committed: () => this.committed,
      trouble: (problem) => this.problems.push(problem),
      ...options,
    });
    return this;
  }

  serve(asked: Asked): void {
    const { u8, u32 } = this;
    const name = Buffer.from(asked.name ?? '');
    const content = asked.content ?? new Uint8Array(0);
    const set = (offset: number, value: number) => {
      u32[(BLOCK + offset) >>> 2] = value;
    };
    set(EffectBlock.FOLDER, asked.folder ?? Folder.FOLDERS);
    set(EffectBlock.MODE, asked.mode ?? WriteMode.REPLACE);
    set(EffectBlock.NAME_BYTES, name.length);
    set(EffectBlock.CONTENT_BYTES, content.length);
    set(EffectBlock.RESULT, RESULT);
    set(EffectBlock.RESULT_LIMIT, RESULT_LIMIT);
    set(EffectBlock.PERMISSIONS, asked.permissions ?? 0o640);
    u8.set(name, BLOCK + EffectBlock.NAME);
    u8.set(content, BLOCK + EffectBlock.CONTENT);
    u32[16 + (Effect.KIND >>> 2)] = asked.kind;
    u32[16 + (Effect.OFFSET >>> 2)] = BLOCK;
    u32[16 + (Effect.SLOT >>> 2)] = asked.slot ?? 1;
    this.#serve();
    // The frame and the ring entry may have other contents by the next turn.
    u8.fill(FILLER, BLOCK, BLOCK + EffectBlock.BYTES);
  }

  forget(position: number, an = AN): void {
    this.u32[16 + (Effect.KIND >>> 2)] = EffectKind.FORGET_TRADE;
    this.u32[16 + (Effect.POSITION >>> 2)] = position >>> 0;
    this.u32[17 + (Effect.POSITION >>> 2)] = Math.floor(position / 2 ** 32);
    this.u8.set(an, 64 + Effect.AN);
    this.#serve();
  }

  #serve(): void {
    this.#serving = true;
    this.desk.serve(16);
    this.#serving = false;
    this.u8.fill(FILLER, 64, 128);
  }

  async done(count = 1): Promise<void> {
    await vi.waitFor(() => expect(this.completed.length).toBeGreaterThanOrEqual(count));
  }

  result(length: number): string {
    return Buffer.from(this.u8.slice(RESULT, RESULT + length)).toString('latin1');
  }

  at(path: string): string {
    return join(this.dataDir, path);
  }
}

let place: Place;
beforeEach(async () => {
  place = await new Place().open();
});
afterEach(async () => {
  await place.desk.close();
  rmSync(place.dataDir, { recursive: true });
});

const untouched = String.fromCharCode(FILLER).repeat(RESULT_LIMIT);
/** An ask that ends when the test says so, or when it is given up. */
function stalled() {
  const { promise, resolve, reject } = Promise.withResolvers<EffectResult>();
  const asked: unknown[][] = [];
  let aborted = 0;
  const ask = (...words: unknown[]) => {
    asked.push(words);
    (words.at(-1) as AbortSignal).addEventListener('abort', () => aborted++);
    return promise;
  };
  return { ask, resolve, reject, asked, aborted: () => aborted };
}
const asServers = (part: { ask: unknown }) => part as unknown as PeerServers;
const asProxy = (part: { ask: unknown }) => part as unknown as CrossoverProxy;

describe('files', () => {
  test('written, read to the result area, removed', async () => {
    const content = Buffer.from('content');
    place.serve({ kind: EffectKind.WRITE_FILE, slot: 3, name: 'a', content, permissions: 0o604 });
    await place.done();
    expect(readFileSync(place.at('Folders/a'), 'latin1')).toBe('content');
    place.serve({ kind: EffectKind.READ_FILE, slot: 4, name: 'a' });
    await place.done(2);
    expect(place.result(8)).toBe('content\xa5');
    place.serve({ kind: EffectKind.REMOVE_FILE, slot: 5, name: 'a' });
    await place.done(3);
    expect(place.completed).toEqual([
      [3, EffectStatus.OK, 0],
      [4, EffectStatus.OK, 7],
      [5, EffectStatus.OK, 0],
    ]);
    expect(existsSync(place.at('Folders/a'))).toBe(false);
    expect(place.desk.outstanding).toBe(0);
  });

  test('each status reaches the request, and nothing the result area', async () => {
    mkdirSync(place.at('Folders/folder'), { recursive: true });
    writeFileSync(place.at('Folders/file'), 'x');
    writeFileSync(place.at('Folders/long'), 'x'.repeat(RESULT_LIMIT + 1));
    const { READ_FILE, WRITE_FILE, REMOVE_FILE } = EffectKind;
    const cases: [Asked, number][] = [
      [{ kind: READ_FILE, name: 'none' }, EffectStatus.MISSING],
      [{ kind: WRITE_FILE, name: 'none/x' }, EffectStatus.MISSING],
      [{ kind: WRITE_FILE, name: 'file', mode: WriteMode.CREATE }, EffectStatus.EXISTS],
      [{ kind: READ_FILE, name: '../x' }, EffectStatus.OUTSIDE],
      [{ kind: REMOVE_FILE, name: 'folder' }, EffectStatus.NOT_A_FILE],
      [{ kind: READ_FILE, name: 'long' }, EffectStatus.TOO_LARGE],
      [{ kind: WRITE_FILE, name: 'x'.repeat(256) }, EffectStatus.FAILED],
      [{ kind: 9, name: 'file' }, EffectStatus.FAILED],
    ];
    cases.forEach(([asked], slot) => {
      place.serve({ ...asked, slot });
    });
    await place.done(cases.length);
    const ends = [...place.completed].sort(([a], [b]) => a - b);
    expect(ends).toEqual(cases.map(([, status], slot) => [slot, status, 0]));
    expect(place.result(RESULT_LIMIT)).toBe(untouched);
    expect(place.problems).toEqual(
      expect.arrayContaining(['write in Folders: no name for a file', 'unknown effect 9']),
    );
  });
});

describe('other servers and the proxy', () => {
  test('get what the block says; their bytes come back', async () => {
    const [servers, proxy] = [stalled(), stalled()];
    await place.open({ servers: asServers(servers), proxy: asProxy(proxy) });
    place.serve({ kind: EffectKind.ASK_SERVERS, slot: 1, content: Buffer.from('tickets') });
    place.serve({ kind: EffectKind.ASK_PROXY, slot: 2, mode: 113, content: Buffer.from('body') });
    await vi.waitFor(() => expect(proxy.asked).toHaveLength(1));
    expect(servers.asked[0]?.[0]).toEqual(new Uint8Array(Buffer.from('tickets')));
    expect(proxy.asked[0]?.slice(0, 2)).toEqual([113, new Uint8Array(Buffer.from('body'))]);
    proxy.resolve({ status: EffectStatus.OK, bytes: Buffer.from('proxy') });
    await place.done(1);
    expect(place.result(5)).toBe('proxy');
    servers.resolve({ status: EffectStatus.OK, bytes: Buffer.from('votes') });
    await place.done(2);
    expect(place.result(5)).toBe('votes');
    expect(place.completed).toEqual([
      [2, EffectStatus.OK, 5],
      [1, EffectStatus.OK, 5],
    ]);
  });

  test('nobody is configured', async () => {
    place.serve({ kind: EffectKind.ASK_SERVERS, slot: 1 });
    place.serve({ kind: EffectKind.ASK_PROXY, slot: 2 });
    await place.done(2);
    expect(place.completed.map(([, status]) => status)).toEqual(
      Array(2).fill(EffectStatus.UNREACHABLE),
    );
  });

  test('more than fits, and an error, have failed', async () => {
    const [servers, proxy] = [stalled(), stalled()];
    await place.open({ servers: asServers(servers), proxy: asProxy(proxy) });
    place.serve({ kind: EffectKind.ASK_SERVERS, slot: 1 });
    servers.resolve({ status: EffectStatus.OK, bytes: new Uint8Array(RESULT_LIMIT + 1) });
    await place.done(1);
    place.serve({ kind: EffectKind.ASK_PROXY, slot: 2 });
    proxy.reject(new TypeError('secret'));
    await place.done(2);
    expect(place.completed).toEqual([
      [1, EffectStatus.FAILED, 0],
      [2, EffectStatus.FAILED, 0],
    ]);
    expect(place.result(RESULT_LIMIT)).toBe(untouched);
    expect(place.problems).toEqual(['an effect failed: TypeError']);
  });

  test('whoever takes too long has failed, once; what comes later goes nowhere', async () => {
    const servers = stalled();
    await place.open({ servers: asServers(servers), effectMs: 20 });
    place.serve({ kind: EffectKind.ASK_SERVERS, slot: 7 });
    await place.done();
    expect(servers.aborted()).toBe(1);
    const late = Buffer.from('late');
    servers.resolve({ status: EffectStatus.OK, bytes: late });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(place.completed).toEqual([[7, EffectStatus.FAILED, 0]]);
    expect(place.result(RESULT_LIMIT)).toBe(untouched);
    expect([...late]).toEqual([0, 0, 0, 0]);
  });
});

describe('a trade locker that is gone', () => {
  const address = `Trades/${TRADE}`;
  const offer = { kind: EffectKind.WRITE_FILE, folder: Folder.TRADES, name: TRADE };
  const isThere = () => existsSync(place.at(address));
  beforeEach(() => {
    mkdirSync(place.at('Trades'));
    writeFileSync(place.at(address), 'old');
  });

  test('loses its address when its position is committed, not before', async () => {
    const position = 2 ** 33 + 5;
    place.forget(position);
    place.desk.committed(position - 1);
    await place.desk.close();
    expect(isThere()).toBe(true);
    await place.open();
    place.forget(position);
    place.desk.committed(position);
    await vi.waitFor(() => expect(isThere()).toBe(false));
    expect(place.completed).toEqual([]);
  });

  test('loses it at once when that was committed already', async () => {
    place.committed = 10;
    place.forget(10);
    await vi.waitFor(() => expect(isThere()).toBe(false));
  });

  test('keeps it when the change was taken back', async () => {
    writeFileSync(place.at(`Trades/${'00'.repeat(16)}`), 'other');
    place.forget(10, new Uint8Array(16));
    place.forget(20);
    place.desk.rolledBack(10);
    place.desk.committed(30);
    await vi.waitFor(() => expect(existsSync(place.at(`Trades/${'00'.repeat(16)}`))).toBe(false));
    await place.desk.close();
    expect(isThere()).toBe(true);
  });

  test('gives its name to a new offer only when it has lost it', async () => {
    place.forget(20);
    place.serve({ ...offer, slot: 1, content: Buffer.from('new') });
    await place.done(1);
    expect(place.completed).toEqual([[1, EffectStatus.FAILED, 0]]);
    expect(readFileSync(place.at(address), 'latin1')).toBe('old');
    place.desk.committed(20);
    place.serve({ ...offer, slot: 2, mode: WriteMode.CREATE, content: Buffer.from('new') });
    await place.done(2);
    expect(place.completed[1]).toEqual([2, EffectStatus.OK, 0]);
    expect(readFileSync(place.at(address), 'latin1')).toBe('new');
    place.forget(30);
    place.desk.rolledBack(20);
    place.serve({ ...offer, slot: 3, content: Buffer.from('newer') });
    await place.done(3);
    expect(readFileSync(place.at(address), 'latin1')).toBe('newer');
  });

  test('an offer that is being written when its name is to go has failed', async () => {
    place.serve({ ...offer, content: Buffer.from('new') });
    place.forget(20);
    await place.done();
    expect(place.completed).toEqual([[1, EffectStatus.FAILED, 0]]);
  });

  test('thousands at once are bounded', async () => {
    for (let i = 0; i < 5000; i++) {
      const an = new Uint8Array(16);
      new DataView(an.buffer).setUint32(0, i);
      place.forget(1, an);
    }
    place.forget(1);
    place.desk.committed(1);
    await place.desk.close();
    expect(isThere()).toBe(true);
  });
});

describe('close', () => {
  test('ends what waits for others as failed, files as they end', async () => {
    const servers = stalled();
    await place.open({ servers: asServers(servers) });
    place.serve({ kind: EffectKind.ASK_SERVERS, slot: 1 });
    place.serve({ kind: EffectKind.WRITE_FILE, slot: 2, name: 'a', content: Buffer.from('x') });
    await vi.waitFor(() => expect(servers.asked).toHaveLength(1));
    const closing = place.desk.close();
    expect(place.completed[0]).toEqual([1, EffectStatus.FAILED, 0]);
    expect(servers.aborted()).toBe(1);
    place.serve({ kind: EffectKind.READ_FILE, slot: 3, name: 'a' });
    await closing;
    expect(place.completed).toHaveLength(3);
    expect(place.completed).toContainEqual([2, EffectStatus.OK, 0]);
    expect(place.completed).toContainEqual([3, EffectStatus.FAILED, 0]);
    servers.resolve({ status: EffectStatus.OK });
    place.serve({ kind: EffectKind.READ_FILE, slot: 4, name: 'a' });
    place.desk.committed(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(place.completed).toHaveLength(3);
    await place.desk.close();
  });

  test('waits for a disk that hangs only so long', async () => {
    const { promise } = Promise.withResolvers<EffectResult>();
    const folders = { read: () => promise } as unknown as FileDesk;
    await place.open({ folders, closeMs: 20 });
    place.serve({ kind: EffectKind.READ_FILE, slot: 9, name: 'a' });
    await place.desk.close();
    expect(place.completed).toEqual([[9, EffectStatus.FAILED, 0]]);
  });
});
