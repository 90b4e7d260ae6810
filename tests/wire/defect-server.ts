/**
 * A server in its harness, for one test a defect: made-up coins (tests/engine/rig.ts), files and
 * servers in memory, requests by name of the command.
 */
import type { EngineSizes, WireName } from '@andvari/host-common/engine/configuration';
import { Flag } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { type Encryption, EngineCodec, type RaidaReply } from '@andvari/host-common/raida/codec';
import { COMMAND, type CommandName } from '../engine/commands.ts';
import { DerivedStore, type PageSource } from '../engine/derived-store.ts';
import { Harness } from '../engine/harness.ts';
import { differences } from '../engine/invariants.ts';
import {
  anOf,
  COIN_ID,
  cachedPageOf,
  coin,
  joined,
  PAGES,
  RAIDA_ID,
  sumOf,
} from '../engine/rig.ts';
import { fromHex } from '../engine/vector-state.ts';
import { World } from '../engine/world.ts';

export const ADMIN_KEY = fromHex('6de9439834c9147569741d3c9c9fc010');
const FROM_HERE = Flag.LOCAL;
const SIZES = {
  ...{ pagesPerDenomination: PAGES, journalRecords: 8192, frames: 16, ringEntries: 64 },
  ...{ largeFrames: 2, replyFrames: 2, tickets: 16, lockerCoins: 1024 },
};

export interface DefectOptions {
  wire?: WireName;
  pages?: PageSource;
  sizes?: Partial<EngineSizes>;
  adminClear?: boolean;
  /** Instead of the made-up state: what another server has left. */
  store?: DerivedStore;
}

export interface How {
  encryption?: Encryption;
  /** From another machine. */
  remote?: boolean;
  noBody?: boolean;
  address?: number;
}

export class DefectServer {
  readonly harness: Harness;
  readonly store: DerivedStore;
  readonly world: World;
  readonly #codec: EngineCodec;

  static async start(options: DefectOptions = {}): Promise<DefectServer> {
    return new DefectServer(await plainEngine(), options);
  }

  private constructor(module: WebAssembly.Module, options: DefectOptions) {
    const { wire = 'legacy', pages = cachedPageOf, sizes, adminClear = false } = options;
    this.#codec = new EngineCodec(module, { wire, coinId: COIN_ID });
    this.store = options.store ?? new DerivedStore(pages, PAGES);
    this.world = new World();
    this.harness = new Harness({
      ...{ module, pages, store: this.store, world: this.world },
      sizes: { ...SIZES, ...sizes },
      identity: {
        ...{ raidaId: RAIDA_ID, coinId: COIN_ID, wire, modern: true, version: '20261121' },
        // As the public servers: what 4/45 does wrong there shows only when it does anything.
        ...{ adminKey: ADMIN_KEY, adminClear, openKeyRecords: true },
      },
    });
  }

  ask(command: CommandName, payload: Uint8Array, how?: How): RaidaReply {
    const { sealed, bytes } = this.exchange(command, payload, how);
    return sealed.open(bytes);
  }

  /** A request and the bytes of its reply. */
  exchange(command: CommandName, payload: Uint8Array, how: How = {}) {
    const [group, number] = COMMAND[command];
    const { encryption, noBody } = how;
    const sealed = this.#codec.seal({
      ...{ raidaId: RAIDA_ID, group, command: number, payload },
      ...(encryption ? { encryption } : {}),
      ...(noBody ? { noBody } : {}),
    });
    const bytes = this.harness.ask(sealed.bytes, how.remote ? 0 : FROM_HERE, how.address ?? 1);
    if (!bytes) throw new Error(`${command}: silence`);
    return { sealed, bytes };
  }

  status(command: CommandName, payload: Uint8Array, how?: How): number {
    return this.ask(command, payload, how).status;
  }

  /** What the engine has besides the coins is what follows from them; throws if not. */
  check(): void {
    const found = differences(this.harness.engine, this.store);
    if (found.length) throw new Error(found.join(', '));
  }
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export const ascii = (text: string) => new TextEncoder().encode(text);

/** The names of coins of one denomination, and the XOR of the ANs that they began with. */
export function summed(denomination: number, ...serials: number[]): Uint8Array {
  return joined(
    ...serials.map((serial) => coin(denomination, serial)),
    sumOf(serials.map((serial) => anOf(denomination, serial))),
  );
}

/** 12 equal bytes and ff ff ff ff. */
export const lockerKey = (value: number) =>
  joined(new Uint8Array(12).fill(value), new Uint8Array(4).fill(0xff));

/** 9 equal bytes, price, coin type, ee ee. */
export const tradeAn = (value: number, price: number, type: number) =>
  joined(new Uint8Array(9).fill(value), u32(price), Uint8Array.of(type, 0xee, 0xee));

/** What 8/85 has behind the XOR. */
export const offerOf = (an: Uint8Array, addressBytes = 34) =>
  joined(an, Uint8Array.of(addressBytes), new Uint8Array(128).fill(0x61));
