/**
 * A process that changes coins, lockers and cells is killed at random moments: what follows from
 * the pages must be what is kept, and the cells must be those of the same transaction.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { identity, readCoin } from './compliance.ts';
import { openSqliteStore } from './sqlite-store.ts';
import {
  keptTables,
  readTables,
  scanLeaves,
  scanTables,
  walkLeaves,
} from './testing/read-tables.ts';

const ROUNDS = process.env['ANDVARI_LONG'] === '1' ? 100 : 6;
const folder = mkdtempSync(join(tmpdir(), 'andvari-killed-'));
const path = join(folder, 'coins.db');

const storeModule = new URL('./sqlite-store.ts', import.meta.url).href;
/** Transaction n gives 8 coins of 3 pages new ANs, one in two in a locker, and cell 0 the n. */
const writer = `
  const { openSqliteStore } = await import(${JSON.stringify(storeModule)});
  const store = openSqliteStore(${JSON.stringify({ ...identity, path })});
  const page = new Uint8Array(17408);
  const cell = store.tables().cells;
  let n = cell.length ? new DataView(cell.buffer).getUint32(4) : 0;
  const bytesOf = (value) => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(0, value);
    return bytes;
  };
  for (let told = false; ; n++) {
    const changes = [];
    for (let i = 0; i < 8; i++) {
      const record = i === 0 ? 0 : 1 + Math.floor(Math.random() * 16) * 8 + i;
      const serialNumber = (i % 3) * 1024 + record;
      store.readPage(8, serialNumber >>> 10, page);
      const at = (serialNumber & 1023) * 17;
      const old = { oldAn: page.slice(at, at + 16), oldMfs: page[at + 16] };
      const newAn = bytesOf(n + 1);
      if (Math.random() < 0.5) newAn.fill(255, 12);
      const newMfs = i > 0 && Math.random() < 0.2 ? 0 : 30;
      changes.push({ denominationIndex: 8, serialNumber, ...old, newAn, newMfs });
    }
    store.begin();
    for (const change of changes) store.apply(change);
    store.applyCell({ index: 0, oldBytes: bytesOf(n), newBytes: bytesOf(n + 1) });
    store.commit();
    if (n % 5 === 0) store.keepLeaves(store.leaves(0).computed);
    if (!told) console.log('writing');
    told = true;
  }
`;

async function writeUntilKilled(): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  expect(child.exitCode).toBe(null);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test(`after ${ROUNDS} kills the tables are what follows from the pages`, async () => {
  let transactions = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await writeUntilKilled();
      const store = openSqliteStore({ ...identity, path });
      try {
        expect(keptTables(store)).toEqual(scanTables(store));
        expect(walkLeaves(store).leaves).toEqual(scanLeaves(store));
        const { an } = readCoin(store, 8, 0);
        const value = Buffer.from(an).readUInt32BE();
        const cells = readTables(store.tables()).cells;
        expect(cells[0]).toBe(value.toString(16).padStart(8, '0').padEnd(32, '0'));
        expect(value).toBeGreaterThan(transactions);
        transactions = value;
      } finally {
        store.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 300_000);
