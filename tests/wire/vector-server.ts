/** A real RAIDA server with the vectors' base state: SQLite store, store thread, UDP and TCP on loopback. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  PAGE_BYTES,
  PAGE_RECORDS,
  RECORD_BYTES,
} from '@andvari/host-common/engine/generated/limits';
import { PortableIo } from '@andvari/host-node/io/portable';
import { RaidaServer } from '@andvari/host-node/raida/server';
import { openStore } from '@andvari/host-node/store/open-store';
import { StoreClient } from '@andvari/host-node/store/store-client';
import { basePages, IDENTITY, PAGES } from '../engine/vector-state.ts';

const STORE = { raidaId: IDENTITY.raidaId, coinId: IDENTITY.coinId, pagesPerDenomination: PAGES };

/** Makes the base state once; every server then starts from a copy of that file. */
export async function makeVectorServers() {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-vectors-'));
  const base = join(folder, 'base.db');
  await fillBase(base);
  const storeClient = new StoreClient();
  let made = 0;

  async function start() {
    const file = join(folder, `server-${made++}.db`);
    copyFileSync(base, file);
    const server = await RaidaServer.start({
      identity: IDENTITY,
      sizes: { pagesPerDenomination: PAGES, frames: 64, ringEntries: 64 },
      storeClient,
      storeUrl: `sqlite:${file}`,
      watcher: { record() {}, recordDropped() {} },
    });
    const io = new PortableIo();
    const { port } = await io.open({ host: '127.0.0.1', port: 0 }, server);
    const stop = async () => {
      await io.close();
      await server.close();
    };
    return { port, stop };
  }

  async function remove() {
    await storeClient.close();
    rmSync(folder, { recursive: true });
  }
  return { start, remove };
}

async function fillBase(file: string): Promise<void> {
  const store = openStore({ url: `sqlite:${file}`, ...STORE });
  const old = new Uint8Array(PAGE_BYTES);
  store.begin();
  for (const [name, page] of await basePages()) {
    const [denomination = 0, number = 0] = name.split('/').map(Number);
    const denominationIndex = denomination + 8;
    store.readPage(denominationIndex, number, old);
    for (let i = 0; i < PAGE_RECORDS; i++) {
      const at = i * RECORD_BYTES;
      store.apply({
        denominationIndex,
        serialNumber: number * PAGE_RECORDS + i,
        newAn: page.subarray(at, at + 16),
        newMfs: page[at + 16] ?? 0,
        oldAn: old.slice(at, at + 16),
        oldMfs: old[at + 16] ?? 0,
      });
    }
  }
  store.commit();
  store.close();
}
