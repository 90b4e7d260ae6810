/**
 * Requests of all kinds for a server with the vectors' base state, drawn from one seed: good ones,
 * the recorded ones, and each of them cut, lengthened, with turned bits or a wrong size; and bytes
 * that are no request at all.
 */
import type { WireName } from '@andvari/host-common/engine/configuration';
import type { Dice } from '../engine/twin-run.ts';
import { casesHere } from '../engine/vector-cases.ts';
import { fromHex, PAGES } from '../engine/vector-state.ts';
import type { TwinServer } from '../twin/raida-twin.ts';
import type { TwinCoin } from '../twin/twin-coins.ts';
import { buildRequest, type TwinEncryption } from '../twin/twin-wire.ts';
import { VECTOR_ADMIN_KEY, VECTOR_RAIDA_ID } from '../twin/vector-state.ts';

/** The most that a datagram carries. */
const DATAGRAM_BYTES_MAX = 65507;
const HEADER_BYTES_MIN = 32;
const HEADER_BYTES_MAX = 48;
const SURPLUS_BYTES_MAX = 40_000;
const COINS_MAX = 40;

/** Commands over a list of coins; 16 bytes behind each coin for `an`, 32 for `pan`. */
const LISTS = [
  [1, 10, 'an'],
  [2, 40, 'an'],
  [1, 20, 'pan'],
  [2, 60, 'pan'],
] as const;
/** Commands over names of coins, their sum and so many bytes more. */
const SUMS = [
  [1, 11, 0],
  [1, 21, 16],
] as const;

export type Damage = 'none' | 'random' | 'cut' | 'long' | 'bits' | 'size';
const DAMAGES: readonly Damage[] = [
  'none',
  'none',
  'random',
  'cut',
  'long',
  'bits',
  'bits',
  'size',
];

export class FuzzRequests {
  /** Numbers of tickets that were given. */
  readonly tickets: Buffer[] = [];
  readonly #dice: Dice;
  readonly #twin: TwinServer;
  readonly #wire: WireName;
  readonly #recorded: Buffer[];
  readonly #usual: TwinCoin[];

  constructor(dice: Dice, twin: TwinServer, wire: WireName) {
    this.#dice = dice;
    this.#twin = twin;
    this.#wire = wire;
    const recorded = casesHere().map(({ request_hex }) => Buffer.from(fromHex(request_hex)));
    this.#recorded = recorded.filter(({ length }) => length >= HEADER_BYTES_MIN);
    this.#usual = Array.from({ length: 16 }, () => ({
      denomination: dice.roll(15) - 8,
      serialNumber: dice.roll(PAGES * 1024),
    }));
  }

  /** The next request, and what was done to it; one that the twin can answer. */
  next(): { request: Buffer; damage: Damage } {
    let drawn = this.#drawn();
    while (!this.#twin.knows(drawn.request)) drawn = this.#drawn();
    return drawn;
  }

  #drawn(): { request: Buffer; damage: Damage } {
    const damage = this.#dice.pick(DAMAGES);
    const good = this.#dice.roll(5) === 0 ? this.#dice.pick(this.#recorded) : this.#made();
    return { request: this.#damaged(Buffer.from(good), damage), damage };
  }

  /** Bytes with some of a header in front. */
  noise(): Buffer {
    const { length, bytes } = { length: this.#dice.roll(120), bytes: Buffer.of(1, 0, 14, 0, 1) };
    const noise = this.#dice.bytes(this.#dice.roll(30) === 0 ? length * 100 : length);
    bytes.copy(noise, 0, 0, this.#dice.roll(6));
    return noise;
  }

  #damaged(request: Buffer, damage: Damage): Buffer {
    const dice = this.#dice;
    if (damage === 'random') return this.noise();
    if (damage === 'cut') return request.subarray(0, dice.roll(request.length + 1));
    if (damage === 'long') {
      const room = Math.min(SURPLUS_BYTES_MAX, DATAGRAM_BYTES_MAX - request.length);
      const surplus = Buffer.alloc(1 + dice.roll(dice.roll(4) ? 50 : room), dice.roll(256));
      return Buffer.concat([request, surplus]);
    }
    if (damage === 'size') request.writeUInt16BE(dice.roll(65536), dice.pick([17, 22]));
    if (damage === 'bits') this.#turnBits(request);
    return request;
  }

  #turnBits(request: Buffer): void {
    const dice = this.#dice;
    const within = dice.roll(2) ? Math.min(HEADER_BYTES_MAX, request.length) : request.length;
    for (let turns = 1 + dice.roll(4); turns > 0; turns--) {
      const at = dice.roll(within);
      request[at] = (request[at] ?? 0) ^ (1 << dice.roll(8));
    }
  }

  #made(): Buffer {
    const dice = this.#dice;
    const [group, command, payload] = this.#command();
    const noBody = dice.roll(12) === 0;
    const encryption = this.#encryption();
    const { bytes } = buildRequest(this.#wire, {
      ...{ raidaId: VECTOR_RAIDA_ID, group, command, noBody },
      payload: noBody ? Buffer.alloc(0) : payload,
      nonce: dice.bytes(encryption.type >= 4 ? 24 : 8),
      challenge: dice.bytes(12),
      encryption,
    });
    return bytes;
  }

  #command(): [number, number, Buffer] {
    const dice = this.#dice;
    const kind = dice.roll(10);
    if (kind < 5) {
      const [group, command, what] = dice.pick(LISTS);
      return [group, command, this.#list(what === 'an' ? 1 : 2)];
    }
    if (kind < 7) {
      const [group, command, more] = dice.pick(SUMS);
      return [group, command, this.#sum(more)];
    }
    if (kind === 7) return [2, 50, this.#claim()];
    // To count all coins is slow for the twin.
    if (dice.roll(40) === 0) return [0, 3, Buffer.alloc(0)];
    if (kind === 8) return [0, 2, dice.pick([VECTOR_ADMIN_KEY, dice.bytes(16), dice.bytes(5)])];
    return [0, dice.roll(2), dice.bytes(dice.roll(60))];
  }

  /** Mostly of the newest tickets by few servers, so that some are claimed twice. */
  #claim(): Buffer {
    const dice = this.#dice;
    const among = dice.roll(3) ? this.tickets.slice(-2) : this.tickets;
    const number = among.length ? dice.pick(among) : dice.bytes(4);
    return Buffer.concat([Buffer.of(dice.roll(3) ? dice.roll(2) : dice.roll(27)), number]);
  }

  #coin(): TwinCoin {
    if (this.#dice.roll(15) > 0) return this.#dice.pick(this.#usual);
    const serialNumber = this.#dice.pick([PAGES * 1024, 0xffffffff, 512, 0]);
    return { denomination: this.#dice.pick([-128, -9, -8, 6, 7]), serialNumber };
  }

  #an(coin: TwinCoin): Buffer {
    const held = this.#twin.held(coin);
    return held && this.#dice.roll(4) > 0 ? Buffer.from(held) : this.#dice.bytes(16);
  }

  #list(ans: number): Buffer {
    const coins = Array.from({ length: 1 + this.#dice.roll(COINS_MAX) }, () => this.#coin());
    const parts = coins.flatMap((coin) => [
      named(coin),
      ...Array.from({ length: ans }, () => this.#an(coin)),
    ]);
    return Buffer.concat(parts);
  }

  #sum(more: number): Buffer {
    const coins = [...new Set(Array.from({ length: 1 + this.#dice.roll(5) }, () => this.#coin()))];
    const sum = Buffer.alloc(16);
    for (const coin of coins) {
      const an = this.#twin.held(coin);
      for (let i = 0; i < 16; i++) sum[i] = (sum[i] ?? 0) ^ (an?.[i] ?? 0);
    }
    if (this.#dice.roll(4) === 0) sum[7] = (sum[7] ?? 0) ^ 1;
    return Buffer.concat([...coins.map(named), sum, this.#dice.bytes(more)]);
  }

  #encryption(): TwinEncryption {
    const type = this.#dice.pick([0, 0, 0, 1, 1, 1, 2, 4, 5] as const);
    if (type === 0) return { type };
    const [coin, other] = [this.#coin(), this.#coin()];
    const key = this.#an(coin);
    if (type === 2) return { type, key };
    if (type !== 5) return { type, key, ...coin };
    const { denomination: denomination2, serialNumber: serialNumber2 } = other;
    return { type, key, ...coin, denomination2, serialNumber2, key2: this.#an(other) };
  }
}

function named({ denomination, serialNumber }: TwinCoin): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeInt8(denomination);
  bytes.writeUInt32BE(serialNumber, 1);
  return bytes;
}
