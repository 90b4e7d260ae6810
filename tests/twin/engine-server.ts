/** A real engine as a server of FaultyNetwork: commits at once, keeps everything in memory. */
import { CLIENT_SIZES } from '../../host-common/src/engine/configuration.ts';
import { Harness } from '../engine/harness.ts';
import type { NetworkServer } from './faulty-network.ts';
import type { TwinCoin } from './twin-coins.ts';
import { vectorRecord } from './vector-state.ts';

const RECORD_BYTES = 17;
const PAGE_RECORDS = 1024;

/** Coins of the base state on each page; the other records are free. */
const COINS = 8;

export class EngineServer implements NetworkServer {
  readonly raidaId: number;
  private readonly harness: Harness;

  constructor(module: WebAssembly.Module, raidaId: number) {
    this.raidaId = raidaId;
    this.harness = new Harness({
      module,
      sizes: { ...CLIENT_SIZES, parkSlots: 4, frames: 4, largeFrames: 2 },
      identity: { raidaId, coinId: 6, wire: 'spec', version: '20260101' },
      pages: (denomination) => this.page(denomination),
    });
  }

  answer(request: Uint8Array): Uint8Array | null {
    return this.harness.ask(request) ?? null;
  }

  held({ denomination, serialNumber }: TwinCoin): Buffer | undefined {
    const record = this.harness.record(denomination, serialNumber);
    const { an } = vectorRecord(this.raidaId, { denomination, serialNumber });
    // A page that no request has asked for is as it was made.
    return record ? Buffer.from(record.subarray(0, 16)) : an;
  }

  private page(denomination: number): Uint8Array {
    const page = new Uint8Array(PAGE_RECORDS * RECORD_BYTES);
    for (let serialNumber = 0; serialNumber < COINS; serialNumber++) {
      const { an, mfs } = vectorRecord(this.raidaId, { denomination, serialNumber });
      page.set(an, serialNumber * RECORD_BYTES);
      page[serialNumber * RECORD_BYTES + 16] = mfs;
    }
    return page;
  }
}
