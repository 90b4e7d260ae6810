/**
 * A run of random requests against the engine and its readable twin (tests/twin), byte for byte.
 * Everything is drawn from one seed, also the random pool, so a failure repeats from its seed
 * alone.
 */
import { Random, Region } from '@andvari/host-common/engine/generated/layout';
import { RANDOM_POOL_BYTES, RECORD_BYTES } from '@andvari/host-common/engine/generated/limits';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import { TwinServer } from '../twin/raida-twin.ts';
import type { TwinCoin, TwinRecord } from '../twin/twin-coins.ts';
import { buildRequest, type TwinEncryption, type TwinWire } from '../twin/twin-wire.ts';
import { VECTOR_ADMIN_KEY } from '../twin/vector-state.ts';
import { DerivedStore } from './derived-store.ts';
import { Harness } from './harness.ts';
import { basePages, IDENTITY, PAGES } from './vector-state.ts';

/** xorshift32: the same numbers for the same seed, everywhere. */
export class Dice {
  private state: number;
  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }
  /** 0 to sides - 1. */
  roll(sides: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % sides;
  }
  pick<T>(choices: readonly T[]): T {
    return choices[this.roll(choices.length)] as T;
  }
  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.roll(256)));
  }
}

/** [group, command, bytes per coin, fixed bytes] */
const COIN_COMMANDS = [
  [1, 10, 'an', 0],
  [1, 20, 'pan', 0],
  [2, 40, 'an', 0],
  [2, 60, 'pan', 0],
  [1, 11, 'sum', 16],
  [1, 21, 'sum', 32],
] as const;
const OTHER_COMMANDS = [
  [0, 0],
  [0, 1],
  [0, 2],
  [0, 3],
  [2, 50],
  [1, 99],
] as const;

/** A record of the base state, read from its page. */
function blankRecord(pages: Map<string, Uint8Array>, coin: TwinCoin): TwinRecord {
  const page = pages.get(`${coin.denomination}/${coin.serialNumber >>> 10}`);
  const at = (coin.serialNumber & 1023) * RECORD_BYTES;
  return { an: Buffer.from(page?.subarray(at, at + 16) ?? []), mfs: page?.[at + 16] ?? 0 };
}

export interface TwinRunOptions {
  module: WebAssembly.Module;
  shared?: boolean;
  wire: TwinWire;
  seed: number;
  requests: number;
  nativeCtr?: NativeCtr | undefined;
}

/** Replies of both, as they came; the caller compares. */
export interface Pair {
  request: string;
  engine: string | undefined;
  twin: string | undefined;
}

export class TwinRun {
  readonly dice: Dice;
  private readonly options: TwinRunOptions;
  private readonly harness: Harness;
  private readonly twin: TwinServer;
  private pattern = Buffer.alloc(4);
  private readonly tickets: Buffer[] = [];
  private readonly usual: TwinCoin[];

  static async make(options: TwinRunOptions): Promise<TwinRun> {
    return new TwinRun(options, await basePages());
  }

  private constructor(options: TwinRunOptions, pages: Map<string, Uint8Array>) {
    this.options = options;
    this.dice = new Dice(options.seed);
    const identity = { ...IDENTITY, wire: options.wire };
    this.harness = new Harness({
      module: options.module,
      ...(options.shared ? { shared: true } : {}),
      nativeCtr: options.nativeCtr,
      sizes: { pagesPerDenomination: PAGES, journalRecords: 8192, frames: 64, ringEntries: 64 },
      identity,
      pages: () => undefined,
      store: new DerivedStore((den, page) => pages.get(`${den}/${page}`), PAGES),
    });
    this.twin = new TwinServer({
      raidaId: 14,
      wire: options.wire,
      modern: true,
      pages: PAGES,
      blank: (coin) => blankRecord(pages, coin),
      version: IDENTITY.version,
      adminKey: VECTOR_ADMIN_KEY,
      nowMs: () => this.harness.nowUs / 1000,
      random: (count) => Buffer.alloc(count, this.pattern),
    });
    this.usual = Array.from({ length: 12 }, () => this.freshCoin());
  }

  /** One random request, asked of both. */
  next(count: number): Pair {
    this.pattern.writeUInt32BE(count + 1);
    this.fillPool();
    if (this.dice.roll(20) === 0) this.harness.nowUs += this.dice.roll(200) * 1_000_000;
    let request = this.drawn();
    while (!this.twin.knows(request)) request = this.drawn();
    const datagram = this.dice.roll(2) === 0;
    const local = this.dice.roll(3) > 0;
    const delivery = { transport: datagram ? 'udp' : 'message', local, executionUs: 0 } as const;
    const wanted = this.twin.answer(request, delivery) ?? undefined;
    const got = this.harness.ask(request, (datagram ? 1 : 0) | (local ? 2 : 0));
    this.remember(wanted);
    return {
      request: request.toString('hex'),
      engine: got && Buffer.from(got).toString('hex'),
      twin: wanted?.toString('hex'),
    };
  }

  /** A good request, or a damaged one. */
  private drawn(): Buffer {
    const request = this.request();
    return this.dice.roll(4) === 0 ? this.damage(request) : request;
  }

  /** Ticket numbers that 2/40 has given, for 2/50 (wire and encryption allowing). */
  private remember(reply: Buffer | undefined): void {
    if (reply && reply.length >= 36) this.tickets.push(Buffer.from(this.pattern));
  }

  private fillPool(): void {
    const { engine } = this.harness;
    const pool = engine.region(Region.RANDOM);
    const words = engine.u8.subarray(pool + Random.BYTES, pool + Random.BYTES + RANDOM_POOL_BYTES);
    words.set(Buffer.alloc(RANDOM_POOL_BYTES, this.pattern));
    const taken = engine.u32[(pool + Random.TAKEN) >>> 2] ?? 0;
    engine.u32[(pool + Random.FILLED) >>> 2] = taken + RANDOM_POOL_BYTES;
  }

  private freshCoin(): TwinCoin {
    const pageEdge = this.dice.roll(PAGES + 1) * 1024 + this.dice.roll(4) - 2;
    const serialNumber = this.dice.pick([this.dice.roll(PAGES * 1024), Math.max(0, pageEdge), 600]);
    return { denomination: this.dice.roll(15) - 8, serialNumber };
  }

  private coin(): TwinCoin {
    const strange = this.dice.roll(12) === 0;
    if (!strange) return this.dice.pick(this.usual);
    const serialNumber = this.dice.pick([PAGES * 1024, 0xffffffff, 67108864 + 5, 3]);
    return { denomination: this.dice.pick([-128, -9, -8, 6, 7, 127]), serialNumber };
  }

  private an(coin: TwinCoin): Buffer {
    const held = this.twin.coins.read(coin)?.an;
    return held && this.dice.roll(3) > 0 ? Buffer.from(held) : this.dice.bytes(16);
  }

  private named(coin: TwinCoin): Buffer {
    const bytes = Buffer.alloc(5);
    bytes.writeInt8(coin.denomination);
    bytes.writeUInt32BE(coin.serialNumber, 1);
    return bytes;
  }

  private request(): Buffer {
    const [group, command, payload] = this.command();
    const noBody = this.dice.roll(12) === 0;
    const encryption = this.encryption();
    const sent = buildRequest(this.options.wire, {
      raidaId: 14,
      group,
      command,
      payload: noBody ? Buffer.alloc(0) : payload,
      noBody,
      shardId: this.dice.pick([0, 0, 0, 0, 1, 2, 3, 4]),
      nonce: this.dice.bytes(encryption && encryption.type >= 4 ? 24 : 8),
      challenge: this.dice.bytes(12),
      ...(encryption ? { encryption } : {}),
    });
    return Buffer.from(sent.bytes);
  }

  private command(): [number, number, Buffer] {
    if (this.dice.roll(4) === 0) {
      const [group, command] = this.dice.pick(OTHER_COMMANDS);
      return [group, command, this.otherPayload(command)];
    }
    const [group, command, kind, fixed] = this.dice.pick(COIN_COMMANDS);
    const coins = Array.from({ length: 1 + this.dice.roll(11) }, () => this.coin());
    if (kind === 'sum') return [group, command, this.sumPayload(coins, fixed)];
    const list = coins.flatMap((coin) => [
      this.named(coin),
      this.an(coin),
      ...(kind === 'pan' ? [this.an(coin)] : []),
    ]);
    return [group, command, Buffer.concat(list)];
  }

  /** Mostly distinct coins with their right sum. */
  private sumPayload(coins: TwinCoin[], fixed: number): Buffer {
    const names = new Set(coins.map((coin) => this.named(coin).toString('hex')));
    const list =
      this.dice.roll(4) === 0
        ? coins
        : coins.filter((coin) => names.delete(this.named(coin).toString('hex')));
    const sum = Buffer.alloc(16);
    for (const coin of list) {
      const an = this.twin.coins.read(coin)?.an;
      for (let i = 0; i < 16; i++) sum[i] = (sum[i] ?? 0) ^ (an?.[i] ?? 0);
    }
    if (this.dice.roll(5) === 0) sum[3] = (sum[3] ?? 0) ^ 1;
    const tail = fixed === 32 ? [sum, this.dice.bytes(16)] : [sum];
    return Buffer.concat([...list.map((coin) => this.named(coin)), ...tail]);
  }

  private otherPayload(command: number): Buffer {
    if (command === 50) {
      const ticket = this.tickets.length ? this.dice.pick(this.tickets) : this.dice.bytes(4);
      return Buffer.concat([Buffer.of(this.dice.roll(27)), ticket]);
    }
    if (command === 2)
      return this.dice.pick([VECTOR_ADMIN_KEY, this.dice.bytes(16), this.dice.bytes(3)]);
    return this.dice.bytes(this.dice.roll(40));
  }

  private encryption(): TwinEncryption | undefined {
    const type = this.dice.pick([0, 0, 0, 1, 1, 1, 2, 4, 5] as const);
    if (type === 0) return undefined;
    const [coin, other] = [this.coin(), this.coin()];
    const key = this.an(coin);
    if (type === 2) return { type, key };
    if (type !== 5) return { type, key, ...coin };
    const second = { denomination2: other.denomination, serialNumber2: other.serialNumber };
    return { type, key, ...coin, ...second, key2: this.an(other) };
  }

  /** Cut, lengthened, or some bits turned. */
  private damage(request: Buffer): Buffer {
    const how = this.dice.roll(4);
    if (how === 0) return request.subarray(0, this.dice.roll(request.length + 1));
    if (how === 1) return Buffer.concat([request, this.dice.bytes(1 + this.dice.roll(40))]);
    const copy = Buffer.from(request);
    const within = how === 2 ? Math.min(48, copy.length) : copy.length;
    for (let i = 0; i <= this.dice.roll(3); i++) {
      const at = this.dice.roll(within);
      copy[at] = (copy[at] ?? 0) ^ (1 << this.dice.roll(8));
    }
    return copy;
  }
}
