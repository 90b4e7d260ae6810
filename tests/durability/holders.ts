/**
 * Owners of coins whose every change is all or nothing. Each has a list of coins with their ANs,
 * and at times a second one that it has asked for and of which nobody has said whether it came to
 * be: then the server has the one or the other, whole.
 */
import { createHash } from 'node:crypto';
import { Status } from '@andvari/host-common/engine/generated/status';
import type { RaidaReply } from '@andvari/host-common/raida/codec';
import type { CommandName } from '../engine/commands.ts';
import { ADMIN_KEY, RAIDA_ID } from './server-setup.ts';

/** Undefined: no reply, whatever the reason. */
export type Ask = (command: CommandName, payload: Uint8Array) => Promise<RaidaReply | undefined>;

export interface Held {
  denomination: number;
  serialNumber: number;
  an: Uint8Array;
}

/** A change to ask for. */
export interface Wish {
  command: CommandName;
  payload: Uint8Array;
  next: Held[];
  made: number;
  /** Statuses that say that nothing was changed, besides 252 and 254. */
  refused?: number[];
}

const fresh = () => crypto.getRandomValues(new Uint8Array(16));
const named = ({ denomination, serialNumber }: Held) => {
  const bytes = Buffer.alloc(5);
  bytes.writeInt8(denomination);
  bytes.writeUInt32BE(serialNumber, 1);
  return bytes;
};
const withAn = (coin: Held) => Buffer.concat([named(coin), coin.an]);
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
function sumOf(coins: Held[]): Buffer {
  const sum = Buffer.alloc(16);
  for (const { an } of coins) {
    an.forEach((byte, i) => {
      sum[i] = (sum[i] ?? 0) ^ byte;
    });
  }
  return sum;
}

export abstract class Holder {
  now: Held[];
  next: Held[] | undefined;
  readonly errors: string[] = [];
  acknowledged = 0;
  readonly #first: Held[];

  constructor(coins: Held[]) {
    this.now = coins;
    this.#first = coins;
  }

  /** What to ask for next; undefined: nothing now. */
  protected abstract wish(ask: Ask): Promise<Wish | undefined>;

  /** One change, unless there is a doubt. */
  async step(ask: Ask): Promise<void> {
    const wish = this.next ? undefined : await this.wish(ask);
    if (!wish) return;
    // Written down before it is sent, as a wallet does.
    this.next = wish.next;
    const reply = await ask(wish.command, wish.payload);
    if (!reply || reply.status === Status.INTERNAL) return;
    if (reply.status === wish.made) this.#made(wish.next);
    else if (reply.status === Status.MEMORY || wish.refused?.includes(reply.status)) {
      this.next = undefined;
    } else this.errors.push(`${wish.command}: status ${reply.status}`);
  }

  #made(coins: Held[]): void {
    this.now = coins;
    this.next = undefined;
    this.acknowledged++;
  }

  /** Finds out which of the two lists the server has. */
  async resolve(ask: Ask): Promise<void> {
    const { now, next } = this;
    const has = await this.#has(ask, now);
    const has2 = next ? await this.#has(ask, next) : false;
    if (!next && has !== true) this.errors.push('an acknowledged change is lost');
    if (!next) return;
    // A list without coins says nothing by itself.
    const isNext = next.length ? has2 === true : has === false;
    const isNow = now.length ? has === true : has2 === false;
    if (isNow === isNext || has === 'some' || has2 === 'some') {
      this.errors.push(`a change half done: before ${has}, after ${has2}`);
    }
    if (isNext) this.now = next;
    this.next = undefined;
  }

  /** Are all of these coins authentic, none, or some? */
  async #has(ask: Ask, coins: Held[]): Promise<boolean | 'some'> {
    if (coins.length === 0) return true;
    const reply = await ask('detect', Buffer.concat(coins.map(withAn)));
    if (reply?.status === Status.ALL_PASS) return true;
    if (reply?.status === Status.ALL_FAIL) return false;
    if (reply?.status === Status.MIXED) return 'some';
    throw new Error(`detect: ${reply ? `status ${reply.status}` : 'no answer'}`);
  }

  /** Coins in use by denomination + 8 that there are more than at the start. */
  gained(): number[] {
    const counts = Array<number>(15).fill(0);
    for (const [coins, by] of [
      [this.now, 1],
      [this.#first, -1],
    ] as const) {
      for (const { denomination } of coins) {
        counts[denomination + 8] = (counts[denomination + 8] ?? 0) + by;
      }
    }
    return counts;
  }
}

/** Puts its coins into a locker or an offer, and takes them out again. */
export class LockerHolder extends Holder {
  #turn = 0;

  protected async wish(ask: Ask): Promise<Wish> {
    const [first] = this.now;
    const tail = Buffer.from(first?.an.slice(12) ?? []).toString('hex');
    // Two bytes of them alone are those of one fresh AN in 65536.
    if (tail === 'ffffffff') return this.#takeOut(ask, first?.an ?? fresh());
    return tail.endsWith('01eeee') ? this.#takeBack() : this.#putIn();
  }

  #putIn(): Wish {
    const offer = this.#turn++ % 2 === 1;
    const key = fresh();
    // Price at random: two offers of the same price and value are refused.
    key.set(offer ? [1, 0xee, 0xee] : [0xff, 0xff, 0xff], 13);
    if (!offer) key[12] = 0xff;
    const names = [...this.now.map(named), sumOf(this.now), key];
    const next = this.now.map((coin) => ({ ...coin, an: key }));
    const made = Status.ALL_PASS;
    if (!offer) return { command: 'lockerPut', payload: Buffer.concat(names), next, made };
    const address = Buffer.concat([Buffer.of(34), Buffer.alloc(128, 0x61)]);
    return { command: 'tradePut', payload: Buffer.concat([...names, address]), next, made };
  }

  async #takeOut(ask: Ask, key: Uint8Array): Promise<Wish> {
    const peeked = await ask('lockerPeek', key);
    const names = Buffer.concat(this.now.map(named)).toString('hex');
    if (peeked?.status === Status.ALL_PASS && hexOf(peeked.payload) !== names) {
      this.errors.push('a locker does not show its coins');
    } else if (peeked && peeked.status !== Status.ALL_PASS && peeked.status !== Status.INTERNAL) {
      this.errors.push(`a locker is gone: status ${peeked.status}`);
    }
    const next = this.now.map((coin) => ({ ...coin, an: fresh() }));
    const payload = Buffer.concat([key, ...next.map(withAn)]);
    return { command: 'lockerRemove', payload, next, made: Status.ALL_PASS };
  }

  /** Who knows the AN of an offer can pown its coins. */
  #takeBack(): Wish {
    const next = this.now.map((coin) => ({ ...coin, an: fresh() }));
    const pairs = this.now.map((coin, i) => Buffer.concat([withAn(coin), next[i]?.an ?? fresh()]));
    return { command: 'pown', payload: Buffer.concat(pairs), next, made: Status.ALL_PASS };
  }
}

/** Breaks its coin into ten and joins them again. */
export class ChangeHolder extends Holder {
  readonly #session: number;

  constructor(coin: Held, session: number) {
    super([coin]);
    this.#session = session;
  }

  protected async wish(ask: Ask): Promise<Wish | undefined> {
    const [first] = this.now;
    if (!first) throw new Error('no coin');
    const isBreak = this.now.length === 1;
    const session = u32(this.#session);
    const operation = Buffer.of(isBreak ? 1 : 2, first.denomination & 0xff);
    const offer = await ask('changeAvailable', Buffer.concat([session, operation]));
    const wanted = isBreak ? 10 : 1;
    if (offer?.status !== Status.SUCCESS || offer.payload.length < 1 + 4 * wanted) return undefined;
    const bytes = Buffer.from(offer.payload);
    const next = Array.from({ length: wanted }, (_, i) => ({
      denomination: bytes.readInt8(),
      serialNumber: bytes.readUInt32BE(1 + 4 * i),
      an: fresh(),
    }));
    const [large, small] = isBreak ? [this.now, next] : [next, this.now];
    const payload = Buffer.concat([session, ...[...large, ...small].map(withAn)]);
    const refused = [Status.PAGE_NOT_RESERVED];
    return { command: isBreak ? 'break' : 'join', payload, next, made: Status.SUCCESS, refused };
  }
}

/** Creates three coins and deletes them again. */
export class ExecutiveHolder extends Holder {
  readonly #session: number;
  readonly #denomination: number;

  constructor(denomination: number, session: number) {
    super([]);
    this.#denomination = denomination;
    this.#session = session;
  }

  protected async wish(ask: Ask): Promise<Wish | undefined> {
    if (this.now.length > 0) {
      const payload = Buffer.concat([ADMIN_KEY, ...this.now.map(withAn)]);
      return { command: 'delete', payload, next: [], made: Status.ALL_PASS };
    }
    const flags = Buffer.alloc(16);
    flags[this.#denomination + 8] = 1;
    const head = Buffer.concat([u32(this.#session), ADMIN_KEY]);
    const offer = await ask('available', Buffer.concat([head, flags]));
    const bytes = Buffer.from(offer?.payload ?? []);
    // All its pages are reserved, for this session too, until 16 s are over.
    if (offer?.status !== Status.SUCCESS || bytes.length < 11 || !bytes[1]) return undefined;
    const first = bytes.readUInt32BE(3);
    if (bytes.readUInt32BE(7) - first < 2) return undefined;
    const next = [0, 1, 2].map((i) => ({
      denomination: this.#denomination,
      serialNumber: first + i,
      an: createdAn(first + i),
    }));
    const payload = Buffer.concat([head, ...next.map(named)]);
    const refused = [Status.PAGE_NOT_RESERVED];
    return { command: 'create', payload, next, made: Status.SUCCESS, refused };
  }
}

function createdAn(serialNumber: number): Uint8Array {
  const text = `${RAIDA_ID}${serialNumber}${ADMIN_KEY.toString('hex')}`;
  return new Uint8Array(createHash('md5').update(text).digest());
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
