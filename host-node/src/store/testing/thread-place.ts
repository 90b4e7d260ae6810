/**
 * A folder with one database, and a client whose thread opens it with faults on demand
 * (fault-store.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { expect, vi } from 'vitest';
import type { AnyStoreError, CoinChange } from '../coin-store.ts';
import { identity, putCoin, readCoin } from '../compliance.ts';
import { openSqliteStore } from '../sqlite-store.ts';
import { type OpenHandleOptions, StoreClient, type StoreEvents } from '../store-client.ts';
import type { StoreThreadData } from '../store-messages.ts';
import type { Fault } from './fault-store.ts';
import type { WrittenJournal } from './written-journal.ts';

export const an = (value: number) => new Uint8Array(16).fill(value);

/** The thread can be ended by the test, and what is posted to it is counted. */
export class WatchedClient extends StoreClient {
  worker: Worker | undefined;
  wakes = 0;
  onStart: (() => void) | undefined;

  protected override startWorker(data: StoreThreadData): Worker {
    const worker = super.startWorker(data);
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (message: { kind: string }) => {
      if (message.kind === 'wake') this.wakes++;
      post(message);
    };
    this.worker = worker;
    this.onStart?.();
    return worker;
  }
}

/** Everything a store said, in order. */
export class Heard implements StoreEvents {
  readonly log: string[] = [];
  readonly errors: AnyStoreError[] = [];
  loaded(slot: number) {
    this.log.push(`loaded ${slot}`);
  }
  committed(position: bigint) {
    this.log.push(`committed ${position}`);
  }
  refused(position: bigint, error: AnyStoreError) {
    this.log.push(`refused ${position}`);
    this.errors.push(error);
  }
  unknown(position: bigint, error: AnyStoreError) {
    this.log.push(`unknown ${position}`);
    this.errors.push(error);
  }
  ready(ready: boolean) {
    this.log.push(ready ? 'ready' : 'not ready');
  }
  trouble(error: AnyStoreError) {
    this.errors.push(error);
  }
  async until(entry: string) {
    await vi.waitFor(() => expect(this.log).toContain(entry), { timeout: 60_000, interval: 2 });
  }
}

export class ThreadPlace {
  readonly folder: string;
  readonly path: string;
  readonly client = new WatchedClient({ factory: new URL('./fault-store.ts', import.meta.url) });

  /** In an own folder under the system's temporary one, or in `folder`, which stays. */
  constructor(folder?: string) {
    this.folder = folder ?? mkdtempSync(join(tmpdir(), 'andvari-thread-'));
    this.path = join(this.folder, 'coins.db');
  }

  async remove(): Promise<void> {
    await this.client.close();
    rmSync(this.folder, { recursive: true });
  }

  fault(name: Fault, always = false): void {
    writeFileSync(`${this.path}.fault`, always ? `${name} always` : name);
  }

  clearFault(): void {
    rmSync(`${this.path}.fault`, { force: true });
  }

  async open(journal: WrittenJournal, options: Partial<OpenHandleOptions> = {}) {
    const heard = new Heard();
    const place = placeOf(journal);
    const url = `sqlite:${this.path}`;
    const handle = await this.client.open({ ...identity, ...place, url, ...options }, heard);
    return { heard, handle, journal };
  }

  /** Coins (denomination 0) with AN 1, 1, ... and MFS 30, put there before the thread opens it. */
  prepare(coins: number): void {
    const store = openSqliteStore({ ...identity, path: this.path });
    for (let sn = 0; sn < coins; sn++) putCoin(store, [8, sn], an(1), 30);
    store.close();
  }

  /** What the coin holds in the database, read behind the thread's back after it has closed. */
  async inStore(serialNumber: number) {
    await this.client.close();
    const store = openSqliteStore({ ...identity, path: this.path });
    try {
      return readCoin(store, 8, serialNumber);
    } finally {
      store.close();
    }
  }
}

export function placeOf({ memory, journalOffset, journalRecords, controlOffset }: WrittenJournal) {
  return { memory, journalOffset, journalRecords, controlOffset };
}

/** A change of a coin of denomination 0 in circulation. */
export function change(serialNumber: number, from: number, to: number): CoinChange {
  const mfs = { oldMfs: 30, newMfs: 30 };
  return { denominationIndex: 8, serialNumber, oldAn: an(from), newAn: an(to), ...mfs };
}
