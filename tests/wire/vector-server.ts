/**
 * A real RAIDA server with the vectors' base state: SQLite store, store thread, UDP and TCP on
 * loopback, and a WebSocket when asked for.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WireName } from '@andvari/host-common/engine/configuration';
import {
  PAGE_BYTES,
  PAGE_RECORDS,
  RECORD_BYTES,
} from '@andvari/host-common/engine/generated/limits';
import { HttpServer } from '@andvari/host-node/http/http-server';
import { PortableIo } from '@andvari/host-node/io/portable';
import type { TcpOptions } from '@andvari/host-node/io/tcp';
import { createLogger } from '@andvari/host-node/log/logger';
import { RaidaServer } from '@andvari/host-node/raida/server';
import { openStore } from '@andvari/host-node/store/open-store';
import { StoreClient } from '@andvari/host-node/store/store-client';
import { Registry } from 'prom-client';
import { basePages, IDENTITY, PAGES } from '../engine/vector-state.ts';

const HOST = '127.0.0.1';
const ANY_PORT = { host: HOST, port: 0 };
const STORE = { raidaId: IDENTITY.raidaId, coinId: IDENTITY.coinId, pagesPerDenomination: PAGES };

export interface VectorServerOptions {
  /** Default legacy, as the vectors were recorded. */
  wire?: WireName;
  tcp?: TcpOptions;
}

export interface VectorServer {
  readonly server: RaidaServer;
  readonly io: PortableIo;
  /** UDP and TCP. */
  readonly port: number;
  stop(): Promise<void>;
}

/** Makes the base state once; every server then starts from a copy of that file. */
export async function makeVectorServers() {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-vectors-'));
  const base = join(folder, 'base.db');
  await fillBase(base);
  const storeClient = new StoreClient();
  let made = 0;

  async function start({ wire = 'legacy', tcp }: VectorServerOptions = {}): Promise<VectorServer> {
    const file = join(folder, `server-${made++}.db`);
    copyFileSync(base, file);
    const server = await RaidaServer.start({
      identity: { ...IDENTITY, wire },
      sizes: { pagesPerDenomination: PAGES, frames: 64, ringEntries: 64 },
      storeClient,
      storeUrl: `sqlite:${file}`,
      watcher: { record() {}, recordDropped() {} },
    });
    const io = new PortableIo(tcp);
    const { port } = await io.open(ANY_PORT, server);
    const stop = async () => {
      await io.close();
      await server.close();
    };
    return { server, io, port, stop };
  }

  async function remove() {
    await storeClient.close();
    rmSync(folder, { recursive: true });
  }
  return { start, remove };
}

/** The WebSocket of a server; gives its address, and how to close it. */
export async function openWebSocket(server: RaidaServer) {
  const http = new HttpServer({
    listen: ANY_PORT,
    raida: server,
    readiness: () => ({ ready: server.ready }),
    registry: new Registry(),
    logger: createLogger({ level: 'silent' }),
    origins: ['none'],
  });
  const { port } = await http.open();
  return { url: `ws://${HOST}:${port}/raida`, close: () => http.close() };
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
