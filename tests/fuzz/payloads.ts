/**
 * A valid payload of every command, drawn from few coins, keys and names, so that requests meet
 * what others have left behind.
 */
import { createHash } from 'node:crypto';
import type { CommandName } from '../engine/commands.ts';
import type { Dice } from '../engine/twin-run.ts';
import { IDENTITY } from '../engine/vector-state.ts';

/** Pages of each denomination: all of them fit memory, and are few. */
export const PAGES = 2;
const DENOMINATIONS = [-1, -1, 0, 0, 1, 6, -8];
const COINS_MAX = 12;
const ADMIN_KEY = Buffer.from(IDENTITY.adminKey);
const SESSIONS = [0, 7, 7, 7, 8];
/** The coin whose file is there, and which nobody's request changes on purpose. */
export const KEY_COIN = { denomination: 1, serialNumber: 77 };
export const OBJECTS = ['hello.txt', 'n.txt', 'sub/x', 'BTC', '../up', 'sub', ''];
export const NAMES = ['a.test', 'b.test', 'none', '-x', '..'];

const hex = (text: string) => Buffer.from(text, 'hex');
/** New ANs and keys: plain ones, lockers, offers, and forms that are neither. */
const ANS = [
  ...['11', '22'].map((byte) => hex(byte.repeat(16))),
  ...['33', '34', '35'].map((byte) => hex(`${byte.repeat(12)}ffffffff`)),
  ...['41', '42', '43'].map((byte, i) => hex(`${byte.repeat(9)}0000006${i}0${i}eeee`)),
  ...[hex(`${'44'.repeat(9)}0000006403eeee`), hex(`${'45'.repeat(12)}fffffffe`)],
];

export interface Coin {
  denomination: number;
  serialNumber: number;
}

/** What the coins are, as far as anybody knows. */
export interface Records {
  /** 17 bytes; undefined: there is no such coin. */
  record(denomination: number, serialNumber: number): Uint8Array | undefined;
}

export function named({ denomination, serialNumber }: Coin): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeInt8(denomination);
  bytes.writeUInt32BE(serialNumber, 1);
  return bytes;
}

function u16(value: number): Buffer {
  return Buffer.of(value >>> 8, value);
}
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export class Payloads {
  readonly #dice: Dice;
  readonly #store: Records;
  readonly #manyOf: number;
  /** Numbers of tickets that were given. */
  readonly tickets: number[] = [];

  /** One list in `manyOf` is so long that what is told of it outgrows a frame. */
  constructor(dice: Dice, store: Records, manyOf: number) {
    this.#dice = dice;
    this.#store = store;
    this.#manyOf = manyOf;
  }

  of(command: CommandName): Buffer {
    const parts = this.#writers[command]();
    return Buffer.isBuffer(parts) ? parts : Buffer.concat(parts);
  }

  /** The AN that the store has, all zeros for no coin. */
  an(coin: Coin): Buffer {
    const record = this.#store.record(coin.denomination, coin.serialNumber);
    return Buffer.from(record?.subarray(0, 16) ?? Buffer.alloc(16));
  }

  coin(free = false): Coin {
    const dice = this.#dice;
    if (dice.roll(24) === 0) {
      const serialNumber = dice.pick([PAGES * 1024, 0xffffffff, 67108864 + 5, 1023, 1024]);
      return { denomination: dice.pick([-128, -9, 0, 7]), serialNumber };
    }
    const page = dice.roll(8) === 0 ? 1024 : 0;
    const serialNumber = page + (free ? 512 + dice.roll(60) : 5 + dice.roll(24));
    return { denomination: dice.pick(DENOMINATIONS), serialNumber };
  }

  /** So many that what is told of them outgrows a frame. */
  #many(): Coin[] {
    const denomination = this.#dice.pick(DENOMINATIONS);
    const page = 1024 * this.#dice.roll(PAGES);
    const coins = (of: number) =>
      Array.from({ length: 500 }, (_, i) => ({ denomination: of, serialNumber: page + 5 + i }));
    return [...coins(denomination), ...coins(2)];
  }

  #coins(free = false): Coin[] {
    if (!free && this.#dice.roll(this.#manyOf) === 0) return this.#many();
    const { length } = { length: 1 + this.#dice.roll(COINS_MAX) };
    const coins = Array.from({ length }, () => this.coin(free));
    if (this.#dice.roll(8) === 0) return coins;
    const names = new Set<string>();
    return coins.filter((coin) => {
      const name = `${coin.denomination}:${coin.serialNumber}`;
      if (names.has(name)) return false;
      names.add(name);
      return true;
    });
  }

  #isInUse(coin: Coin): boolean {
    return (this.#store.record(coin.denomination, coin.serialNumber)?.[16] ?? 0) !== 0;
  }

  #own(coin: Coin): Buffer {
    return this.#dice.roll(8) ? this.an(coin) : this.#dice.bytes(16);
  }

  #new(): Buffer {
    return this.#dice.roll(3) ? this.#dice.pick(ANS) : this.#dice.bytes(16);
  }

  #locker(): Buffer {
    return this.#dice.pick(ANS.slice(2, this.#dice.roll(12) ? 5 : 10));
  }
  #offer(): Buffer {
    return this.#dice.pick(ANS.slice(5, this.#dice.roll(12) ? 8 : 10));
  }

  /** A coin list with `own` ANs and `fresh` new ones. */
  #list(own: boolean, fresh: boolean): Buffer[] {
    return this.#coins().flatMap((coin) => [
      named(coin),
      ...(own ? [this.#own(coin)] : []),
      ...(fresh ? [this.#new()] : []),
    ]);
  }

  /** Mostly of coins in use, so that the XOR is right. */
  #sum(): Buffer {
    const all = this.#coins();
    const inUse = all.filter((coin) => this.#isInUse(coin));
    const coins = inUse.length && this.#dice.roll(6) ? inUse : all;
    const sum = Buffer.alloc(16);
    for (const coin of coins) {
      this.an(coin).forEach((byte, i) => {
        sum[i] = (sum[i] ?? 0) ^ byte;
      });
    }
    return Buffer.concat([...coins.map(named), sum]);
  }

  #session = () => u32(this.#dice.pick(SESSIONS));
  #key = () => (this.#dice.roll(20) ? ADMIN_KEY : this.#dice.bytes(16));
  #flags = () => Buffer.from(Array.from({ length: 16 }, () => this.#dice.roll(4)));
  #memo = () => this.#dice.bytes(this.#dice.roll(40));
  #receipt = () => Buffer.alloc(16, 0x52);
  #ticker = () => Buffer.from(this.#dice.roll(10) ? 'BTC' : 'XMR');

  /** Eleven coins, the large one first. */
  #eleven(isBreak: boolean): Buffer[] {
    const denomination = this.#dice.roll(2);
    const first = this.#dice.roll(30);
    const free = (base: number) => 512 + base;
    const large = { denomination, serialNumber: isBreak ? 5 + first : free(first) };
    const small = Array.from({ length: 10 }, (_, i) => ({
      denomination: denomination - 1,
      serialNumber: isBreak ? free(first + i) : 5 + first + i,
    }));
    return [large, ...small].flatMap((coin, i) => [
      named(coin),
      (i === 0) === isBreak ? this.#own(coin) : this.#new(),
    ]);
  }

  #putMany(): Buffer[] {
    const parts = Array.from({ length: this.#dice.roll(4) }, () => {
      const sum = this.#sum();
      return Buffer.concat([u16((sum.length - 16) / 5), sum, this.#locker()]);
    });
    return [Buffer.of(parts.length), ...parts];
  }

  /** Keys of group 4: few, so that some are replaced. */
  #keyId = () => Buffer.alloc(16, 0xa0 + this.#dice.roll(3));

  #crossover(withAddress: boolean): Buffer[] {
    const { length } = { length: 26 + this.#dice.roll(37) };
    const address = withAddress ? [Buffer.of(length), Buffer.alloc(length, 0x31)] : [];
    const amount = Buffer.concat([u32(0), u32(this.#dice.roll(3))]);
    return [this.#locker(), this.#ticker(), amount, ...address, this.#receipt(), this.#memo()];
  }

  #decrypt(): Buffer[] {
    const records = Array.from({ length: 1 + this.#dice.roll(3) }, () => [
      Buffer.of(0, 6, this.#dice.roll(2), this.#dice.roll(26), 0),
      named(this.coin()),
      this.#dice.bytes(16),
    ]);
    const file = this.#dice.roll(4) ? KEY_COIN : this.coin();
    return [named(file), ...records.flat()];
  }

  #object = () => Buffer.from(this.#dice.pick(OBJECTS));

  readonly #writers: Record<CommandName, () => Buffer | Buffer[]> = {
    echo: () => this.#memo(),
    version: () => this.#memo(),
    showStats: () => this.#key(),
    audit: () => this.#memo(),
    detect: () => this.#list(true, false),
    detectSum: () => this.#sum(),
    pown: () => this.#list(true, true),
    pownSum: () => [this.#sum(), this.#new()],
    getTicket: () => this.#list(true, false),
    validateTicket: () => {
      const number = this.tickets.length ? this.#dice.pick(this.tickets) : 5;
      return [Buffer.of(this.#dice.roll(27)), u32(number)];
    },
    find: () => this.#list(true, true),
    fix: () => {
      const tickets = Array.from({ length: 25 }, (_, i) => u32(this.#dice.roll(6) ? i + 1 : 0));
      return [...this.#coins().map(named), this.#new(), ...tickets];
    },
    available: () => [this.#session(), this.#key(), this.#flags()],
    create: () => [this.#session(), this.#key(), ...this.#coins(true).map(named)],
    delete: () => [this.#key(), ...this.#list(true, false)],
    free: () => [this.#session(), this.#key(), ...this.#coins().slice(0, 2).map(named)],
    allSerials: () => [this.#key(), Buffer.of((this.#dice.roll(17) - 9) & 0xff)],
    postKey: () => {
      const place = Buffer.of(this.#dice.roll(64), this.#dice.roll(70));
      const file = [this.#keyId(), Buffer.alloc(16), named(KEY_COIN), this.#dice.bytes(128)];
      return [...file, place];
    },
    keyAlert: () => this.#memo(),
    getKey: () => [this.#keyId(), Buffer.alloc(21)],
    encryptKey: () => [named(this.coin()), this.#dice.bytes(this.#dice.roll(2) * 8)],
    decryptKey: () => this.#decrypt(),
    peekTrade: () => this.#offer(),
    lockerPut: () => [this.#sum(), this.#locker()],
    lockerPeek: () => this.#locker(),
    lockerRemove: () => [this.#locker(), ...this.#list(false, true)],
    tradePut: () => {
      const field = Buffer.alloc(128, 0x61);
      return [this.#sum(), this.#offer(), Buffer.of(14 + this.#dice.roll(110)), field];
    },
    tradeList: () => Buffer.of(this.#dice.roll(4), this.#dice.roll(256)),
    tradeBuy: () => {
      const [amount, transaction] = [Buffer.alloc(8), Buffer.alloc(32, 0x74)];
      const what = [Buffer.of(this.#dice.roll(4)), amount, u32(0x60 + this.#dice.roll(4))];
      return [this.#locker(), ...what, transaction, this.#receipt(), this.#memo()];
    },
    lockerPutMany: () => this.#putMany(),
    tradeRemove: () => this.#offer(),
    changeAvailable: () => [
      this.#session(),
      Buffer.of(1 + this.#dice.roll(2), (this.#dice.roll(4) - 1) & 0xff),
    ],
    break: () => [this.#session(), ...this.#eleven(true)],
    join: () => [this.#session(), ...this.#eleven(false)],
    shardSwitch: () => [
      ...[this.#session(), Buffer.of(this.#dice.roll(5), 0), this.#new()],
      ...this.#coins().map(named),
    ],
    shardPickup: () => [this.#session(), this.#new(), ...this.#coins(true).map(named)],
    shardSerials: () => [this.#session(), Buffer.of(3 + this.#dice.roll(2)), this.#flags()],
    shardRollback: () => this.#memo(),
    shardSwitchSerials: () => {
      const [olds, news] = [this.#coins().map(named), this.#coins(true).map(named)];
      const head = [this.#session(), Buffer.of(this.#dice.roll(5), 0), this.#new()];
      return [...head, u16(olds.length), ...olds, this.#new(), u16(news.length), ...news];
    },
    crossoverReserve: () => this.#crossover(true),
    crossoverCheck: () => [
      ...[this.#locker(), this.#ticker(), Buffer.alloc(32, 0x74), this.#receipt()],
      this.#memo(),
    ],
    crossoverWithdraw: () => this.#crossover(true),
    crossoverRate: () => this.#ticker(),
    lookUp: () => [Buffer.of(this.#dice.roll(4)), Buffer.from(this.#dice.pick(NAMES))],
    putObject: () => {
      const content = this.#dice.bytes(this.#dice.roll(300));
      return [this.#key(), u32(content.length), this.#object(), Buffer.of(0), content];
    },
    getObject: () => [this.#key(), this.#object(), Buffer.alloc(this.#dice.roll(2))],
    removeObject: () => [this.#key(), this.#object(), Buffer.alloc(this.#dice.roll(2))],
    merkleBranch: () => [
      ...[Buffer.of((this.#dice.roll(17) - 9) & 0xff), u32(this.#dice.roll(3))],
      u32(this.#dice.roll(3)),
    ],
    merkleRoots: () => Buffer.alloc(480),
  };
}

/** 25 keys of KEY_COIN, as its file has them. */
export function keyFile(): Uint8Array {
  const file = new Uint8Array(440);
  file[3] = IDENTITY.coinId;
  for (let i = 0; i < 25; i++) {
    file.set(createHash('md5').update(`key ${i}`).digest(), 40 + 16 * i);
  }
  return file;
}
