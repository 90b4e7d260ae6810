/**
 * A real RAIDA server with the vectors' base state: SQLite store, store thread, files, UDP and TCP
 * on loopback, and a WebSocket when asked for.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineIdentity, WireName } from '@andvari/host-common/engine/configuration';
import { Folder } from '@andvari/host-common/engine/generated/layout';
import {
  PAGE_BYTES,
  PAGE_RECORDS,
  RECORD_BYTES,
} from '@andvari/host-common/engine/generated/limits';
import { Secret } from '@andvari/host-node/config/secret';
import { HttpServer } from '@andvari/host-node/http/http-server';
import { PortableIo } from '@andvari/host-node/io/portable';
import type { TcpOptions } from '@andvari/host-node/io/tcp';
import { createLogger } from '@andvari/host-node/log/logger';
import { openOutsideWorld } from '@andvari/host-node/raida/outside-world';
import { RaidaServer } from '@andvari/host-node/raida/server';
import { openStore } from '@andvari/host-node/store/open-store';
import { StoreClient } from '@andvari/host-node/store/store-client';
import { Registry } from 'prom-client';
import {
  baseFiles,
  basePages,
  fromHex,
  IDENTITY,
  PAGES,
  vectorAn,
} from '../engine/vector-state.ts';

const HOST = '127.0.0.1';
const ANY_PORT = { host: HOST, port: 0 };
/** Of TCP, WebSocket and portable UDP; and of a native socket. */
const HOST_FRAMES = 64;
const SOCKET_FRAMES = 17 * 8;
/** Nothing listens there (TCP port 1 of loopback). */
const NOBODY = { host: HOST, port: 1 };
const PROXY_KEY = fromHex('11b524f989a384f58e0d442da6bd6379');
const FOLDER_NAMES = {
  [Folder.COINS]: 'coins',
  [Folder.KEYS]: 'Keys',
  [Folder.TRADES]: 'Trades',
  [Folder.ZONES]: 'Zones',
  [Folder.FOLDERS]: 'Folders',
};

export interface VectorServerOptions {
  /** Default legacy, as the vectors were recorded. */
  wire?: WireName;
  tcp?: TcpOptions;
  /** Ports of the network by RAIDA number; a number without one is nobody's. */
  servers?: ReadonlyMap<number, number>;
  identity?: Partial<EngineIdentity>;
  /** Where the crossover proxy listens; left out: nobody does. */
  proxyPort?: number;
  /** Opens the server's sockets [UDP and TCP on loopback]. */
  listen?: (server: RaidaServer) => Promise<Listener>;
}

export interface Listener {
  readonly port: number;
  /** Over TCP. */
  readonly connections: number;
  close(): Promise<void>;
}

export interface VectorServer {
  readonly server: RaidaServer;
  readonly listener: Listener;
  /** UDP and TCP. */
  readonly port: number;
  /** coins, Keys, Trades, Zones and Folders are in here. */
  readonly dataDir: string;
  stop(): Promise<void>;
}

/** Makes the base state once; every server then starts from a copy of it. */
export async function makeVectorServers() {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-vectors-'));
  const base = join(folder, 'base.db');
  fillStore(base, IDENTITY.raidaId, await basePages());
  const files = await baseFiles();
  const storeClient = new StoreClient();
  let made = 0;

  /** Runs on the database `from`, or on a copy of the base state. */
  async function run(options: VectorServerOptions, from?: string): Promise<VectorServer> {
    const dataDir = join(folder, `server-${made++}`);
    for (const name of Object.values(FOLDER_NAMES)) mkdirSync(join(dataDir, name), LISTED);
    for (const [number, name, bytes] of files) {
      writeFileSync(join(dataDir, nameOfFolder(number), name), bytes);
    }
    const file = join(dataDir, 'coins.db');
    copyFileSync(from ?? base, file);
    const identity = { ...IDENTITY, wire: options.wire ?? 'legacy', ...options.identity };
    const server = await RaidaServer.start({
      identity,
      sizes: { pagesPerDenomination: PAGES, frames: HOST_FRAMES + SOCKET_FRAMES, ringEntries: 64 },
      hostFrames: HOST_FRAMES,
      storeClient,
      storeUrl: `sqlite:${file}`,
      outside: await openOutsideWorld({
        ...{ ...identity, dataDir },
        proxy: { host: HOST, port: options.proxyPort ?? NOBODY.port, key: new Secret(PROXY_KEY) },
        servers: Array.from({ length: 25 }, (_, raidaId) => {
          const port = options.servers?.get(raidaId);
          return port === undefined ? NOBODY : { host: HOST, port };
        }),
      }),
    });
    const listen = options.listen ?? ((one) => listenOnLoopback(one, options.tcp));
    const listener = await listen(server);
    const stop = async () => {
      await listener.close();
      await server.close();
    };
    return { server, listener, port: listener.port, dataDir, stop };
  }

  const start = (options: VectorServerOptions = {}) => run(options);

  /** A server of another number, of whose base state there are a few coins alone. */
  async function startOther(raidaId: number, coins: readonly [number, number][]) {
    const file = join(folder, `other-${raidaId}.db`);
    rmSync(file, { force: true });
    const pages = new Map<string, Uint8Array>();
    for (const [denomination, serialNumber] of coins) {
      const name = `${denomination}/${serialNumber >>> 10}`;
      const page = pages.get(name) ?? new Uint8Array(PAGE_BYTES);
      const at = (serialNumber & (PAGE_RECORDS - 1)) * RECORD_BYTES;
      page.set(await vectorAn(denomination, serialNumber, raidaId), at);
      page[at + 16] = 30;
      pages.set(name, page);
    }
    fillStore(file, raidaId, pages);
    return run({ identity: { raidaId } }, file);
  }

  async function remove() {
    await storeClient.close();
    rmSync(folder, { recursive: true });
  }
  return { start, startOther, remove };
}

const LISTED = { recursive: true };

async function listenOnLoopback(server: RaidaServer, tcp: TcpOptions = {}): Promise<Listener> {
  const io = new PortableIo(tcp);
  const { port } = await io.open(ANY_PORT, server);
  return {
    port,
    get connections() {
      return io.connections;
    },
    close: () => io.close(),
  };
}

function nameOfFolder(number: number): string {
  return FOLDER_NAMES[number as keyof typeof FOLDER_NAMES];
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

/** A new database with these pages; records without AN and MFS stay as the store makes them. */
function fillStore(file: string, raidaId: number, pages: ReadonlyMap<string, Uint8Array>): void {
  const { coinId } = IDENTITY;
  const store = openStore({ url: `sqlite:${file}`, raidaId, coinId, pagesPerDenomination: PAGES });
  const old = new Uint8Array(PAGE_BYTES);
  store.begin();
  for (const [name, page] of pages) {
    const [denomination = 0, number = 0] = name.split('/').map(Number);
    const denominationIndex = denomination + 8;
    store.readPage(denominationIndex, number, old);
    for (let i = 0; i < PAGE_RECORDS; i++) {
      const at = i * RECORD_BYTES;
      if (page.subarray(at, at + RECORD_BYTES).every((byte) => byte === 0)) continue;
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
