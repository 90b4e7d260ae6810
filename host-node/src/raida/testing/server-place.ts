/**
 * A real RaidaServer over a real database in a folder of its own, whose store waits and fails when
 * a test says so, and requests to it as its sockets would make them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineSizes } from '@andvari/host-common/engine/configuration';
import { plainEngine } from '@andvari/host-common/engine/module';
import {
  EngineCodec,
  type RaidaReply,
  type RaidaRequest,
  type SealedRequest,
} from '@andvari/host-common/raida/codec';
import { Registry } from 'prom-client';
import { FileDesk } from '../../files/file-desk.ts';
import { createLogger } from '../../log/logger.ts';
import { putCoin, readCoin, identity as storeIdentity } from '../../store/compliance.ts';
import { openSqliteStore } from '../../store/sqlite-store.ts';
import { StoreClient } from '../../store/store-client.ts';
import type { Fault } from '../../store/testing/fault-store.ts';
import type { RequestOrigin } from '../origin.ts';
import { RaidaServer } from '../server.ts';
import { RaidaStatistics } from '../statistics.ts';
import type { Gate } from './gated-store.ts';

export const PEER_ADDRESS = '192.0.2.7';
/** Denomination of every coin here. */
export const DENOMINATION = 0;
const DENOMINATION_INDEX = DENOMINATION + 8;
const COINS = 64;

/** 16 equal bytes. */
export const an = (value: number) => new Uint8Array(16).fill(value);

/** A coin of a list: denomination, serial number (big-endian), then its ANs. */
export function coin(serialNumber: number, ...ans: Uint8Array[]): Uint8Array {
  const name = new Uint8Array(5);
  new DataView(name.buffer).setUint32(1, serialNumber);
  name[0] = DENOMINATION;
  return new Uint8Array([name, ...ans].flatMap((part) => [...part]));
}

/** One request as a socket hands it over. `answer`: null when no reply will come. */
export class Asked implements RequestOrigin {
  readonly address = PEER_ADDRESS;
  readonly local = false;
  readonly datagram: boolean;
  readonly sealed: SealedRequest;
  replies = 0;
  readonly #settled: PromiseWithResolvers<RaidaReply | null> = Promise.withResolvers();

  constructor(sealed: SealedRequest, datagram: boolean) {
    this.sealed = sealed;
    this.datagram = datagram;
  }

  get answered(): boolean {
    return this.replies > 0;
  }

  /** Settles with the reply, or with null when none will come. */
  get answer(): Promise<RaidaReply | null> {
    return this.#settled.promise;
  }

  reply(bytes: Uint8Array): void {
    this.replies++;
    this.#settled.resolve(this.sealed.open(bytes));
  }

  dropped(): void {
    this.replies++;
    this.#settled.resolve(null);
  }
}

export interface Sent {
  /** Default true: the first of a turn is answered at once. */
  datagram?: boolean;
  /** Other bytes than those of the request. */
  bytes?: Uint8Array;
}

export class ServerPlace {
  /** What the watcher was told, in order: `refused`, `unknown`, `trouble`, `ready`, `not ready`. */
  readonly told: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'andvari-server-'));
  readonly #client = new StoreClient({ factory: new URL('./gated-store.ts', import.meta.url) });
  readonly #codec: EngineCodec;
  #server: RaidaServer | undefined;
  #statistics: RaidaStatistics | undefined;

  private constructor(codec: EngineCodec) {
    this.#codec = codec;
    const store = openSqliteStore({ ...storeIdentity, path: this.#path });
    const name = (serialNumber: number) => [DENOMINATION_INDEX, serialNumber] as const;
    for (let serial = 0; serial < COINS; serial++) putCoin(store, name(serial), an(1), 30);
    store.close();
  }

  /** Coins 0 to 63 have AN 01 01 ... and are in use. */
  static async make(sizes: Partial<EngineSizes> = {}): Promise<ServerPlace> {
    const wire = { wire: 'spec', coinId: storeIdentity.coinId } as const;
    const place = new ServerPlace(new EngineCodec(await plainEngine(), wire));
    await place.#start(sizes);
    return place;
  }

  get server(): RaidaServer {
    if (!this.#server) throw new Error('server place: not started');
    return this.#server;
  }

  get statistics(): RaidaStatistics {
    this.#statistics ??= new RaidaStatistics({
      logger: createLogger({ level: 'silent' }),
      registry: new Registry(),
      instances: this.server.requestNumbers,
    });
    return this.#statistics;
  }

  get #path(): string {
    return join(this.#folder, 'coins.db');
  }

  async #start(sizes: Partial<EngineSizes>): Promise<void> {
    const { told } = this;
    this.#server = await RaidaServer.start({
      identity: { ...storeIdentity, wire: 'spec', modern: true, version: '20260101' },
      sizes: {
        ...{ pagesPerDenomination: storeIdentity.pagesPerDenomination, journalRecords: 8192 },
        ...{ frames: 64, largeFrames: 2, ringEntries: 64, ...sizes },
      },
      storeClient: this.#client,
      storeUrl: `sqlite:${this.#path}`,
      outside: {
        folders: await FileDesk.open(this.#folder),
        servers: undefined,
        proxy: undefined,
      },
      watcher: {
        storeTrouble: (kind) => told.push(kind),
        readyChanged: (ready) => told.push(ready ? 'ready' : 'not ready'),
      },
    });
  }

  seal(
    [group, command]: readonly [number, number],
    payload: Uint8Array = new Uint8Array(0),
    more = {},
  ) {
    const request: RaidaRequest = { raidaId: storeIdentity.raidaId, group, command, payload };
    return this.#codec.seal({ ...request, ...more });
  }

  /** Submits; undefined: the server had no room. */
  submit(sealed: SealedRequest, options: Sent = {}): Asked | undefined {
    const { datagram = true, bytes = sealed.bytes } = options;
    const asked = new Asked(sealed, datagram);
    return this.server.submit(bytes, asked) ? asked : undefined;
  }

  /** Submits what there must be room for. */
  ask(sealed: SealedRequest, options: Sent = {}): Asked {
    const asked = this.submit(sealed, options);
    if (!asked) throw new Error('server place: no room');
    return asked;
  }

  /** The store thread stands still there until open(). */
  shut(gate: Gate): void {
    writeFileSync(`${this.#path}.gate`, gate);
  }
  open(): void {
    rmSync(`${this.#path}.gate`, { force: true });
  }

  fault(fault: Fault): void {
    writeFileSync(`${this.#path}.fault`, fault);
  }

  /** AN and MFS in the database. The server has been closed. */
  stored(serialNumber: number) {
    const store = openSqliteStore({ ...storeIdentity, path: this.#path });
    try {
      return readCoin(store, DENOMINATION_INDEX, serialNumber);
    } finally {
      store.close();
    }
  }

  async remove(): Promise<void> {
    this.open();
    await this.#server?.close();
    await this.#client.close();
    rmSync(this.#folder, { recursive: true });
  }
}
