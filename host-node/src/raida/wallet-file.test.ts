import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { newEntry } from '@andvari/host-common/raida/wallet-entry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WalletFile } from './wallet-file.ts';

let directory = '';
let path = '';
const open: WalletFile[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-wallet-'));
  path = join(directory, 'pending.wallet');
});
afterEach(() => {
  for (const file of open.splice(0)) file.close();
  rmSync(directory, { recursive: true });
  vi.restoreAllMocks();
});

/** Every save from now on meets a full disk. */
function fillDisk(): void {
  const { exec } = DatabaseSync.prototype;
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql) {
    if (sql !== 'COMMIT') return exec.call(this, sql);
    throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
  });
}

function openFile(create = true): WalletFile {
  const file = WalletFile.open(path, { create });
  open.push(file);
  return file;
}

function entry(id: number) {
  const authenticationNumbers = new Uint8Array(400).fill(id);
  return newEntry(id, { denomination: -2, serialNumber: 100 + id, authenticationNumbers });
}

describe('WalletFile', () => {
  it('begins empty, for its owner alone', async () => {
    expect(await openFile().load()).toEqual({ nextId: 1, entries: [] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps what was saved', async () => {
    const file = openFile();
    await file.save({ put: [entry(1), entry(2)], remove: [], nextId: 3 });
    const proposed = { ...entry(2), proposedNumbers: new Uint8Array(400).fill(9), unknown: 1 };
    await file.save({ put: [proposed, entry(4)], remove: [1], nextId: 5 });
    file.close();
    expect(await openFile(false).load()).toEqual({ nextId: 5, entries: [proposed, entry(4)] });
  });

  it('saves all of a change or nothing', async () => {
    const file = openFile();
    await file.save({ put: [entry(1)], remove: [], nextId: 2 });
    const broken = { ...entry(2), authenticationNumbers: undefined as unknown as Uint8Array };
    await expect(file.save({ put: [entry(1), broken], remove: [1], nextId: 3 })).rejects.toThrow();
    expect(await file.load()).toEqual({ nextId: 2, entries: [entry(1)] });
    await file.save({ put: [], remove: [1], nextId: 3 });
    expect(await file.load()).toEqual({ nextId: 3, entries: [] });
  });

  it('keeps a second process out until the first has ended', () => {
    const first = openFile();
    expect(() => openFile()).toThrow(expect.objectContaining({ code: 'ANDVARI_WALLET_IN_USE' }));
    first.close();
    openFile();
  });

  it('goes without a trace when it is done', () => {
    openFile().destroy();
    expect(existsSync(path)).toBe(false);
    expect(() => openFile(false)).toThrow(/ENOENT/);
  });

  it('goes with the journal that a killed run has left', () => {
    openFile().close();
    // This process writes nothing, so SQLite does not see to the journal.
    const file = openFile(false);
    writeFileSync(`${path}-journal`, 'secrets');
    file.destroy();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('says path and cause when the disk is full, and removes only what it has made', async () => {
    const kept = openFile();
    await kept.save({ put: [entry(1)], remove: [], nextId: 2 });
    const problem = { code: 'ANDVARI_WALLET_SAVE', message: expect.stringContaining(path) };
    fillDisk();
    const save = kept.save({ put: [entry(2)], remove: [], nextId: 3 });
    await expect(save).rejects.toThrow(expect.objectContaining(problem));
    kept.close();
    expect(() => openFile()).toThrow(/pending\.wallet .*: database or disk is full/);
    expect(existsSync(path)).toBe(true);
    path = join(directory, 'new.wallet');
    expect(() => openFile()).toThrow(/new\.wallet .*: database or disk is full/);
    expect(existsSync(path)).toBe(false);
    vi.restoreAllMocks();
    path = join(directory, 'pending.wallet');
    expect(await openFile(false).load()).toEqual({ nextId: 2, entries: [entry(1)] });
  });

  it('keeps a wish, the last one', () => {
    const file = openFile();
    expect(file.wish).toBeUndefined();
    file.keepWish('20');
    file.keepWish('10');
    file.close();
    expect(openFile(false).wish).toBe('10');
  });

  it('refuses what is no wallet, and leaves it as it is', () => {
    writeFileSync(path, 'A letter to my grandmother, which is no database at all.'.repeat(40));
    const { size } = statSync(path);
    expect(() => openFile()).toThrow(expect.objectContaining({ code: 'ANDVARI_WALLET_FILE' }));
    expect(statSync(path).size).toBe(size);
  });

  it('takes an empty file for a wallet only where one may be made', () => {
    writeFileSync(path, '');
    const problem = { code: 'ANDVARI_WALLET_FILE', message: expect.stringContaining('is damaged') };
    expect(() => openFile(false)).toThrow(expect.objectContaining(problem));
    expect(statSync(path).size).toBe(0);
    openFile().close();
    openFile(false);
  });
});
