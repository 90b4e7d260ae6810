/**
 * Servers that know coins, tickets, lockers and change by heart, behind a codec that puts a request
 * in clear bytes: clients and wallets can be tested apart from the engine. Reference: RAIDA
 * section 9, as a server of good will reads it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Status } from '../../host-common/src/engine/generated/status.ts';
import {
  type RaidaCodec,
  type RaidaRequest,
  ReplyError,
  type SealedRequest,
} from '../../host-common/src/raida/codec.ts';
import type { Coin } from '../../host-common/src/raida/coin.ts';
import { FaultyNetwork, type NetworkServer } from '../twin/faulty-network.ts';

const COIN = 5;
const AN = 16;

export interface Answer {
  status: number;
  payload?: Uint8Array;
}

/** Request and reply as [group, command, payload] and [status, payload]. */
export class FakeCodec implements RaidaCodec {
  /** What was sealed last. */
  last: RaidaRequest | undefined;

  seal(request: RaidaRequest): SealedRequest {
    this.last = { ...request, payload: new Uint8Array(request.payload) };
    const bytes = new Uint8Array([request.group, request.command, ...request.payload]);
    return {
      bytes,
      echo: 0,
      open: (reply) => {
        const [status] = reply;
        if (status === undefined) throw new ReplyError(Status.REPLY_SIZE);
        return { status, payload: reply.slice(1), executionUs: 0 };
      },
      dispose: () => {},
    };
  }
}

const name = ({ denomination, serialNumber }: Coin) => `${denomination}:${serialNumber}`;

export class FakeServer implements NetworkServer {
  readonly raidaId: number;
  /** Coins in use. */
  readonly coins = new Map<string, Buffer>();
  readonly tickets = new Map<number, { coins: Set<string>; claimed: Set<number> }>();
  /** Pages of change, by session. */
  session = 0;
  network: readonly FakeServer[] = [];
  private nextTicket = 1;

  constructor(raidaId: number) {
    this.raidaId = raidaId;
  }

  held(coin: Coin): Buffer | undefined {
    return this.coins.get(name(coin));
  }

  answer(request: Uint8Array): Buffer {
    const [group, command] = request;
    const { status, payload = Buffer.alloc(0) } = this.handle(
      `${group}/${command}`,
      Buffer.from(request.subarray(2)),
    );
    return Buffer.concat([Buffer.from([status]), payload]);
  }

  private handle(command: string, body: Buffer): Answer {
    switch (command) {
      case '1/10':
        return aggregate(list(body, COIN + AN).map((entry) => this.holds(entry, COIN)));
      case '1/20':
        return aggregate(list(body, COIN + 2 * AN).map((entry) => this.pown(entry)));
      case '2/40':
        return this.ticket(body);
      case '2/60':
        return this.find(body);
      case '2/80':
        return this.fix(body);
      case '8/82':
        return this.put(body);
      case '8/83':
        return this.peek(body);
      case '8/84':
        return this.remove(body);
      case '9/91':
        return this.offer(body);
      case '9/92':
      case '9/93':
        return this.change(body, command === '9/92');
      default:
        return { status: Status.INVALID_COMMAND };
    }
  }

  private holds(entry: Buffer, at: number): boolean {
    return this.coins.get(name(coinAt(entry)))?.equals(entry.subarray(at, at + AN)) ?? false;
  }

  private pown(entry: Buffer): boolean {
    const right = this.holds(entry, COIN);
    if (right) this.coins.set(name(coinAt(entry)), Buffer.from(entry.subarray(COIN + AN)));
    return right;
  }

  private ticket(body: Buffer): Answer {
    const entries = list(body, COIN + AN);
    const good = entries.map((entry) => this.holds(entry, COIN));
    const outcome = aggregate(good);
    if (outcome.status === Status.ALL_FAIL) return outcome;
    const number = this.nextTicket++;
    const coins = new Set(entries.filter((_, i) => good[i]).map((entry) => name(coinAt(entry))));
    this.tickets.set(number, { coins, claimed: new Set() });
    const ticket = Buffer.alloc(4);
    ticket.writeUInt32BE(number);
    return {
      status: outcome.status,
      payload: Buffer.concat([outcome.payload ?? Buffer.alloc(0), ticket]),
    };
  }

  private find(body: Buffer): Answer {
    const entries = list(body, COIN + 2 * AN);
    const found = entries.map((entry) =>
      this.holds(entry, COIN) ? 1 : this.holds(entry, COIN + AN) ? 2 : 0,
    );
    return { status: Status.FIND_MIXED, payload: Buffer.from(found) };
  }

  private fix(body: Buffer): Answer {
    const end = body.length - AN - 100;
    const generator = body.subarray(end, end + AN);
    const votes = this.network.map((other, id) => {
      const ticket = other.tickets.get(body.readUInt32BE(end + AN + id * 4));
      if (!ticket || ticket.claimed.has(this.raidaId)) return new Set<string>();
      ticket.claimed.add(this.raidaId);
      return ticket.coins;
    });
    return aggregate(
      list(body.subarray(0, end), COIN).map((entry) => {
        const coin = name(coinAt(entry));
        if (votes.filter((coins) => coins.has(coin)).length < 13) return false;
        const hash = createHash('md5')
          .update(Buffer.from([this.raidaId]))
          .update(entry);
        this.coins.set(coin, hash.update(generator).digest());
        return true;
      }),
    );
  }

  private put(body: Buffer): Answer {
    const end = body.length - 2 * AN;
    const names = list(body.subarray(0, end), COIN).map((entry) => name(coinAt(entry)));
    const sum = Buffer.alloc(AN);
    for (const coin of names) {
      this.coins.get(coin)?.forEach((byte, index) => {
        sum[index] = (sum[index] ?? 0) ^ byte;
      });
    }
    if (!sum.equals(body.subarray(end, end + AN))) return { status: Status.ALL_FAIL };
    for (const coin of names) this.coins.set(coin, Buffer.from(body.subarray(end + AN)));
    return { status: Status.ALL_PASS };
  }

  private peek(key: Buffer): Answer {
    const found = [...this.coins].filter(([, an]) => an.equals(key)).map(([coin]) => coin);
    if (found.length === 0) return { status: Status.ALL_FAIL };
    const payload = Buffer.alloc(found.length * COIN);
    for (const [index, coin] of found.entries()) {
      const [denomination, serialNumber] = coin.split(':').map(Number);
      payload.writeInt8(denomination ?? 0, index * COIN);
      payload.writeUInt32BE(serialNumber ?? 0, index * COIN + 1);
    }
    return { status: Status.ALL_PASS, payload };
  }

  private remove(body: Buffer): Answer {
    const key = body.subarray(0, AN);
    if (![...this.coins.values()].some((an) => an.equals(key))) return { status: Status.ALL_FAIL };
    const good = list(body.subarray(AN), COIN + AN).map((entry) => {
      const coin = name(coinAt(entry));
      const there = this.coins.get(coin)?.equals(key) ?? false;
      if (there) this.coins.set(coin, Buffer.from(entry.subarray(COIN)));
      return there;
    });
    const payload = Buffer.alloc(Math.floor(good.length / 8) + 1);
    payload.set(bitmap(good));
    return { status: aggregate(good).status, payload };
  }

  private offer(body: Buffer): Answer {
    this.session = body.readUInt32BE(0);
    const denomination = body.readInt8(5) + (body[4] === 1 ? -1 : 1);
    const free: number[] = [];
    // Every server offers a little else.
    for (let serialNumber = this.raidaId; free.length < 64; serialNumber++) {
      if (!this.coins.has(name({ denomination, serialNumber }))) free.push(serialNumber);
    }
    const payload = Buffer.alloc(1 + free.length * 4);
    payload.writeInt8(denomination);
    for (const [index, number] of free.entries()) payload.writeUInt32BE(number, 1 + index * 4);
    return { status: Status.SUCCESS, payload };
  }

  private change(body: Buffer, isBreak: boolean): Answer {
    const [large, ...small] = list(body.subarray(4), COIN + AN);
    const [given, made] = isBreak ? [[large as Buffer], small] : [small, [large as Buffer]];
    if (body.readUInt32BE(0) !== this.session) return { status: Status.PAGE_NOT_RESERVED };
    if (!given.every((entry) => this.holds(entry, COIN))) return { status: Status.ALL_FAIL };
    for (const entry of given) this.coins.delete(name(coinAt(entry)));
    for (const entry of made) {
      this.coins.set(name(coinAt(entry)), Buffer.from(entry.subarray(COIN)));
    }
    return { status: Status.SUCCESS };
  }
}

function list(bytes: Buffer, each: number): Buffer[] {
  return Array.from({ length: bytes.length / each }, (_, index) =>
    bytes.subarray(index * each, (index + 1) * each),
  );
}

function coinAt(entry: Buffer): Coin {
  return { denomination: entry.readInt8(0), serialNumber: entry.readUInt32BE(1) };
}

function bitmap(good: readonly boolean[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil(good.length / 8));
  for (const [index, one] of good.entries()) {
    if (one) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index % 8));
  }
  return bytes;
}

function aggregate(good: readonly boolean[]): Answer {
  if (good.every((one) => one)) return { status: Status.ALL_PASS };
  if (!good.some((one) => one)) return { status: Status.ALL_FAIL };
  return { status: Status.MIXED, payload: bitmap(good) };
}

/** 25 fake servers that can ask each other, and be made to fail. */
export class FakeNetwork extends FaultyNetwork<FakeServer> {
  constructor() {
    const servers = Array.from({ length: 25 }, (_, raidaId) => new FakeServer(raidaId));
    super(servers);
    for (const server of servers) server.network = servers;
  }

  /** A coin in use on all servers, with random ANs: 400 bytes. */
  mint(coin: Coin): Coin & { authenticationNumbers: Uint8Array } {
    const authenticationNumbers = new Uint8Array(randomBytes(25 * AN));
    for (const { raidaId, coins } of this.servers) {
      const an = authenticationNumbers.slice(raidaId * AN, (raidaId + 1) * AN);
      coins.set(name(coin), Buffer.from(an));
    }
    return { ...coin, authenticationNumbers };
  }

  /** The servers forget what the coin's AN was. */
  frack(coin: Coin, raidaIds: readonly number[]): void {
    for (const id of raidaIds) this.server(id).coins.set(name(coin), randomBytes(AN));
  }
}
