/**
 * A whole RAIDA server for groups 0, 1 and 2 in memory, written only from reference RAIDA sections
 * 1-6 and 9: the oracle of the engine's property tests. Slow and readable on purpose.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { Status } from '../../host-common/src/engine/generated/status.ts';
import { COMMAND } from '../engine/commands.ts';
import {
  monthsFromStart,
  type TwinCoin,
  TwinCoins,
  type TwinRecord,
  TwinTickets,
} from './twin-coins.ts';
import { buildReply } from './twin-reply.ts';
import { checkHeader, readBody, readHeader, type TwinHeader } from './twin-request.ts';
import { cipherKey, type TwinWire, xor } from './twin-wire.ts';

const COIN = 5;
const AN = 16;
const LIST_COINS_MAX = 4096;
const EMPTY = Buffer.alloc(0);

export interface TwinServerOptions {
  raidaId: number;
  wire: TwinWire;
  coinId?: number;
  /** Also take types 4 and 5. */
  modern?: boolean;
  pages?: number;
  /** Records that no request has changed yet; free ones with a zero AN if left out. */
  blank?: (coin: TwinCoin) => TwinRecord;
  /** Eight ASCII characters. */
  version?: string;
  adminKey?: Uint8Array;
  /** Take an admin command in type 0 from any address. */
  adminClear?: boolean;
  /** Keys that type 2 may name. */
  lockers?: readonly Uint8Array[];
  nowMs?: () => number;
  random?: (count: number) => Buffer;
}

export interface TwinDelivery {
  /** A datagram, a byte stream, or whole messages (WebSocket), which count as datagrams do not. */
  transport?: 'udp' | 'tcp' | 'message';
  /** From this machine itself. */
  local?: boolean;
  executionUs?: number;
}

interface Call {
  header: TwinHeader;
  /** N = 0: no body at all. */
  hasBody: boolean;
  payload: Buffer;
  local: boolean;
}

interface Outcome {
  status: number;
  payload?: Buffer;
}

type Handler = (call: Call) => Outcome;

export class TwinServer {
  readonly raidaId: number;
  readonly coins: TwinCoins;
  readonly tickets = new TwinTickets();
  private readonly options: Required<Omit<TwinServerOptions, 'adminKey'>>;
  private readonly adminKey: Uint8Array | undefined;
  private readonly statistics = { echo: 0n, pownCount: 0n, pownValue: 0n, datagrams: 0n };
  private readonly handlers: ReadonlyMap<string, Handler>;

  constructor({ adminKey, ...options }: TwinServerOptions) {
    this.options = {
      coinId: 6,
      modern: false,
      pages: 8,
      blank: () => ({ an: Buffer.alloc(AN), mfs: 0 }),
      version: '20250323',
      adminClear: false,
      lockers: [],
      nowMs: Date.now,
      random: randomBytes,
      ...options,
    };
    this.raidaId = options.raidaId;
    this.adminKey = adminKey;
    this.coins = new TwinCoins(this.options.pages, this.options.blank);
    this.handlers = new Map<string, Handler>([
      ['0/0', () => this.echo()],
      ['0/1', () => this.version()],
      ['0/2', (call) => this.showStatistics(call)],
      ['0/3', () => this.audit()],
      ['1/10', (call) => this.detect(call)],
      ['1/11', (call) => this.detectSum(call)],
      ['1/20', (call) => this.pown(call)],
      ['1/21', (call) => this.pownSum(call)],
      ['2/40', (call) => this.getTicket(call)],
      ['2/50', (call) => this.validateTicket(call)],
      ['2/60', (call) => this.find(call)],
    ]);
  }

  /** Commands of the first three groups; the others have a model of their own (tests/model). */
  knows(request: Uint8Array): boolean {
    const [group = 0, command = 0] = request.subarray(4, 6);
    const others: readonly (readonly number[])[] = Object.values(COMMAND);
    const exists = others.some(([a, b]) => a === group && b === command);
    return !exists || this.handlers.has(`${group}/${command}`);
  }

  /** The AN that the coin has here now. */
  held(coin: TwinCoin): Buffer | undefined {
    return this.coins.read(coin)?.an;
  }

  /** The reply to one request; null: silence. */
  answer(request: Uint8Array, delivery: TwinDelivery = {}): Buffer | null {
    const { transport = 'udp', local = true, executionUs = 0 } = delivery;
    const message = Buffer.from(request);
    const header = readHeader(message);
    if (!header) return null;
    if (transport === 'udp') this.statistics.datagrams++;
    const { wire, random } = this.options;
    const common = { wire, random, executionUs, raidaId: this.raidaId, header: header.bytes };
    const refuse = (status: number, challengeHash: Buffer = Buffer.alloc(16), anonymous = false) =>
      buildReply({ ...common, status, payload: EMPTY, key: EMPTY, challengeHash, anonymous });

    const exists = (group: number, command: number) => this.handlers.has(`${group}/${command}`);
    const rules = { ...this.options, exists };
    const headerStatus = checkHeader(header, rules);
    if (headerStatus !== Status.OK) {
      const anonymous = wire === 'legacy' && headerStatus !== Status.INVALID_ENCRYPTION_CODE;
      return refuse(headerStatus, undefined, anonymous);
    }
    const key = this.findKey(header);
    if (!key)
      return refuse(header.wide ? Status.ENCRYPTION_COIN_NOT_FOUND : Status.INVALID_ENCRYPTION);

    const body = message.subarray(header.bytes.length, header.bytes.length + header.bodyBytes);
    if (body.length < header.bodyBytes) {
      return transport === 'tcp' ? null : refuse(Status.INVALID_PACKET_LENGTH);
    }
    const hasBody = header.bodyBytes > 0;
    const read = hasBody
      ? readBody(wire, header, body, key)
      : { status: Status.OK, payload: EMPTY, challengeHash: Buffer.alloc(16) };
    if (read.status !== Status.OK) return refuse(read.status, read.challengeHash);

    const handler = this.handlers.get(`${header.group}/${header.command}`) as Handler;
    const outcome = handler({ header, hasBody, payload: read.payload, local });
    const { status, payload = EMPTY } = outcome;
    const { challengeHash } = read;
    return buildReply({ ...common, status, payload, key, challengeHash, anonymous: false });
  }

  /** The key of an encrypted request, empty for type 0. Nobody asks whether the coin is in use. */
  private findKey(header: TwinHeader): Buffer | undefined {
    const { bytes, type } = header;
    if (type === 0) return EMPTY;
    if (type === 2) {
      const prefix = bytes.subarray(17, 22);
      const locker = this.options.lockers.find((key) => prefix.equals(key.subarray(0, COIN)));
      return locker && Buffer.from(locker);
    }
    const first = this.coins.read(readCoin(bytes, header.wide ? 19 : 17));
    if (!first) return undefined;
    if (type !== 5) return cipherKey(type, first.an);
    const second = this.coins.read(readCoin(bytes, 24));
    return second && cipherKey(type, first.an, second.an);
  }

  private echo(): Outcome {
    this.statistics.echo++;
    return { status: Status.SUCCESS };
  }

  private version(): Outcome {
    return { status: Status.SUCCESS, payload: Buffer.from(this.options.version, 'ascii') };
  }

  private showStatistics({ header, hasBody, payload, local }: Call): Outcome {
    if (!hasBody) return { status: Status.EMPTY_REQUEST };
    if (payload.length < AN) return { status: Status.INVALID_PACKET_LENGTH };
    const clear = header.type === 0 && !local && !this.options.adminClear;
    const { adminKey } = this;
    if (clear || !adminKey || !timingSafeEqual(adminKey, payload.subarray(0, AN))) {
      return { status: Status.ADMIN_AUTH };
    }
    const { echo, pownCount, pownValue, datagrams } = this.statistics;
    const reply = Buffer.alloc(32);
    for (const [index, counter] of [echo, pownCount, pownValue, datagrams].entries()) {
      reply.writeBigUInt64LE(counter, index * 8);
    }
    return { status: Status.SUCCESS, payload: reply };
  }

  private audit(): Outcome {
    const reply = Buffer.alloc(15 * COIN);
    for (let index = 0; index < 15; index++) {
      reply.writeInt8(index - 8, index * COIN);
      reply.writeUInt32BE(this.coins.count(index - 8), index * COIN + 1);
    }
    return { status: Status.SUCCESS, payload: reply };
  }

  private detect({ header, hasBody, payload }: Call): Outcome {
    const refused = checkSize(hasBody, payload, { fixed: 0, each: COIN + AN });
    if (refused) return { status: refused };
    if (header.shardId === 1 || header.shardId === 2) return { status: Status.LEGACY_DB };
    const good = entries(payload, COIN + AN).map((entry) =>
      this.coins.authentic(readCoin(entry, 0), entry.subarray(COIN)),
    );
    return aggregate(good);
  }

  private detectSum({ hasBody, payload }: Call): Outcome {
    const list = this.readSum(hasBody, payload, AN);
    return 'status' in list ? list : { status: Status.ALL_PASS };
  }

  private pown({ hasBody, payload }: Call): Outcome {
    const each = COIN + 2 * AN;
    const refused = checkSize(hasBody, payload, { fixed: 0, each });
    if (refused) return { status: refused };
    const good = entries(payload, each).map((entry) => {
      const coin = readCoin(entry, 0);
      if (!this.coins.authentic(coin, entry.subarray(COIN, COIN + AN))) return false;
      this.take(coin, entry.subarray(COIN + AN));
      return true;
    });
    return aggregate(good);
  }

  private pownSum({ hasBody, payload }: Call): Outcome {
    const list = this.readSum(hasBody, payload, 2 * AN);
    if ('status' in list) return list;
    const delta = payload.subarray(-AN);
    for (const coin of list.coins) {
      const record = this.coins.read(coin) as TwinRecord;
      this.take(coin, xor(record.an, delta));
    }
    return { status: Status.ALL_PASS };
  }

  private take(coin: TwinCoin, an: Buffer): void {
    this.coins.write(coin, { an, mfs: monthsFromStart(this.options.nowMs()) });
    this.statistics.pownCount++;
    this.statistics.pownValue += 10n ** BigInt(coin.denomination + 8);
  }

  /**
   * A list of 5 bytes a coin and the XOR of their ANs (then `fixed` - 16 bytes more): the coins if
   * the sum holds. A sum in which a coin cancels itself out proves nothing: 242.
   */
  private readSum(
    hasBody: boolean,
    payload: Buffer,
    fixed: number,
  ): { status: number } | { coins: TwinCoin[] } {
    // 1/11 wants N >= 39 and 1/21 N >= 55: one coin, and what is fixed.
    const refused = checkSize(hasBody, payload, { fixed, each: COIN });
    if (refused) return { status: refused };
    const coins = entries(payload.subarray(0, -fixed), COIN).map((entry) => readCoin(entry, 0));
    if (coins.length > LIST_COINS_MAX) return { status: Status.TOO_MANY_COINS };
    const records = coins.map((coin) => this.coins.read(coin));
    let sum: Buffer = Buffer.alloc(AN);
    for (const record of records) {
      if (!record) return { status: Status.INVALID_SN_OR_DENOMINATION };
      sum = xor(sum, record.an);
    }
    const names = new Set(coins.map((coin) => `${coin.denomination}:${coin.serialNumber}`));
    const free = records.some((record) => record?.mfs === 0);
    const wanted = payload.subarray(coins.length * COIN, coins.length * COIN + AN);
    if (names.size < coins.length || free || !sum.equals(wanted)) {
      return { status: Status.ALL_FAIL };
    }
    return { coins };
  }

  private getTicket({ hasBody, payload }: Call): Outcome {
    const refused = checkSize(hasBody, payload, { fixed: 0, each: COIN + AN });
    if (refused) return { status: refused };
    const list = entries(payload, COIN + AN);
    const coins = list.map((entry) => readCoin(entry, 0));
    if (coins.some((coin) => !this.coins.read(coin))) {
      return { status: Status.INVALID_SN_OR_DENOMINATION };
    }
    const good = list.map((entry, index) =>
      this.coins.authentic(coins[index] as TwinCoin, entry.subarray(COIN)),
    );
    const outcome = aggregate(good);
    if (outcome.status === Status.ALL_FAIL) return outcome;
    const number = this.tickets.make(
      coins.flatMap((coin, index) =>
        good[index] ? [{ coin, an: Buffer.from(list[index]?.subarray(COIN) ?? EMPTY) }] : [],
      ),
      this.options.nowMs(),
      () => this.options.random(4).readUInt32BE(0),
    );
    if (number === undefined) return { status: Status.NO_TICKET_SLOT };
    const ticket = Buffer.alloc(4);
    ticket.writeUInt32BE(number);
    return { ...outcome, payload: Buffer.concat([outcome.payload ?? EMPTY, ticket]) };
  }

  private validateTicket({ hasBody, payload }: Call): Outcome {
    if (!hasBody) return { status: Status.EMPTY_REQUEST };
    if (payload.length !== 5) return { status: Status.INVALID_PACKET_LENGTH };
    const claimer = payload.readUInt8(0);
    if (claimer > 24) return { status: Status.WRONG_RAIDA };
    const ticket = this.tickets.find(payload.readUInt32BE(1), this.options.nowMs());
    if (!ticket) return { status: Status.NO_TICKET_FOUND };
    if (ticket.claimed.has(claimer)) return { status: Status.TICKET_CLAIMED_ALREADY };
    ticket.claimed.add(claimer);
    const same = ticket.vouched.filter(({ coin, an }) => this.coins.authentic(coin, an));
    const payloadOfSame = Buffer.concat(same.map(({ coin }) => emitCoin(coin)));
    return { status: Status.SUCCESS, payload: payloadOfSame };
  }

  private find({ hasBody, payload }: Call): Outcome {
    const each = COIN + 2 * AN;
    const refused = checkSize(hasBody, payload, { fixed: 0, each });
    if (refused) return { status: refused };
    const list = entries(payload, each);
    if (list.some((entry) => !this.coins.read(readCoin(entry, 0)))) {
      return { status: Status.INVALID_SN_OR_DENOMINATION };
    }
    const found = list.map((entry) => {
      const coin = readCoin(entry, 0);
      if (this.coins.authentic(coin, entry.subarray(COIN, COIN + AN))) return 1;
      return this.coins.authentic(coin, entry.subarray(COIN + AN)) ? 2 : 0;
    });
    const uniform = [Status.FIND_NEITHER, Status.FIND_ALL_AN, Status.FIND_ALL_PAN] as const;
    const [first = 0] = found;
    if (found.every((answer) => answer === first)) return { status: uniform[first] as number };
    return { status: Status.FIND_MIXED, payload: Buffer.from(found) };
  }
}

/** 36 without a body, 16 for less than one coin, 39 for no whole number of coins; else 0. */
function checkSize(
  hasBody: boolean,
  payload: Buffer,
  { fixed, each }: { fixed: number; each: number },
): number {
  if (!hasBody) return Status.EMPTY_REQUEST;
  if (payload.length < fixed + each) return Status.INVALID_PACKET_LENGTH;
  return (payload.length - fixed) % each === 0 ? Status.OK : Status.COINS_NOT_DIVISIBLE;
}

function entries(payload: Buffer, each: number): Buffer[] {
  return Array.from({ length: payload.length / each }, (_, index) =>
    payload.subarray(index * each, (index + 1) * each),
  );
}

function readCoin(bytes: Buffer, offset: number): TwinCoin {
  return { denomination: bytes.readInt8(offset), serialNumber: bytes.readUInt32BE(offset + 1) };
}

function emitCoin({ denomination, serialNumber }: TwinCoin): Buffer {
  const bytes = Buffer.alloc(COIN);
  bytes.writeInt8(denomination);
  bytes.writeUInt32BE(serialNumber, 1);
  return bytes;
}

/** 241, 242, or 243 with a bitmap: bit i % 8 of byte i / 8 is coin i. */
function aggregate(good: readonly boolean[]): Outcome {
  if (good.every((one) => one)) return { status: Status.ALL_PASS };
  if (!good.some((one) => one)) return { status: Status.ALL_FAIL };
  const bitmap = Buffer.alloc(Math.ceil(good.length / 8));
  for (const [index, one] of good.entries()) {
    if (one) bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index % 8));
  }
  return { status: Status.MIXED, payload: bitmap };
}
