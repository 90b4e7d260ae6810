/**
 * What a plain model of a server knows: coins, and lockers, tickets and reservations as lists and
 * maps that anybody can read. Written from reference RAIDA sections 7 and 9 alone.
 */
import { monthsFromStart, PAGE_RECORDS } from '../twin/twin-coins.ts';

export interface ModelCoin {
  denomination: number;
  serialNumber: number;
}

export interface ModelRecord {
  /** Hex; empty: random, so nobody knows it (a coin that left circulation). */
  an: string;
  mfs: number;
}

/** A coin and the AN that was shown for it, hex. */
interface Vouched {
  coin: ModelCoin;
  an: string;
}

interface Ticket {
  createdUs: number;
  vouched: Vouched[];
  claimed: Set<number>;
}

export type Purpose = 'create' | 'change';

interface Reservation {
  session: number;
  purpose: Purpose;
  address: number;
  sinceUs: number;
}

const TICKET_LIFE_US = 300_000_000;
const TICKET_GUARD_US = 600_000_000;
const RESERVATION_LIFE_US = 16_000_000;
const BREAK_WINDOW_S = 28800;
const BREAKS_MAX = 30;
const CHANGE_PAGES_MAX = 8;

export const nameOf = ({ denomination, serialNumber }: ModelCoin) =>
  `${denomination}:${serialNumber}`;
export const isLockerKey = (an: string) => an.endsWith('ffffffff');
export const isTradeKey = (an: string) => /0[012]eeee$/.test(an);
export const valueOfCoin = ({ denomination }: ModelCoin) => 10n ** BigInt(denomination + 8);

export class ModelState {
  readonly pages: number;
  /** Coins of every locker by its key, oldest first; lockers in the order in which they began. */
  readonly lockers = new Map<string, ModelCoin[]>();
  readonly tickets = new Map<number, Ticket>();
  /** Coins in use, by denomination + 8. */
  readonly counts: number[];
  nowUs = 0;
  readonly #ticketsMax: number;
  readonly #blank: (coin: ModelCoin) => ModelRecord;
  readonly #changed = new Map<string, ModelRecord>();
  readonly #reservations = new Map<string, Reservation>();
  readonly #breaks = new Map<number, { startS: number; count: number }>();

  constructor(of: {
    pages: number;
    ticketsMax: number;
    /** Coins in use at the start, by denomination + 8. */
    counts: readonly number[];
    blank: (coin: ModelCoin) => ModelRecord;
  }) {
    this.pages = of.pages;
    this.#ticketsMax = of.ticketsMax;
    this.#blank = of.blank;
    this.counts = [...of.counts];
  }

  get mfs(): number {
    return monthsFromStart(this.nowUs / 1000);
  }

  /** Sum of all coins in use, in units of 1e-8. */
  get value(): bigint {
    return this.counts.reduce((sum, count, i) => sum + BigInt(count) * 10n ** BigInt(i), 0n);
  }

  /** Undefined: there is no such coin. */
  read(coin: ModelCoin): ModelRecord | undefined {
    const { denomination, serialNumber } = coin;
    if (denomination < -8 || denomination > 6) return undefined;
    if (serialNumber >= this.pages * PAGE_RECORDS) return undefined;
    return this.#changed.get(nameOf(coin)) ?? this.#blank(coin);
  }

  isInUse(coin: ModelCoin): boolean {
    return (this.read(coin)?.mfs ?? 0) !== 0;
  }

  authentic(coin: ModelCoin, an: string): boolean {
    return this.isInUse(coin) && this.read(coin)?.an === an;
  }

  /** A coin in use gets an AN. */
  give(coin: ModelCoin, an: string): void {
    this.#move(coin, { an, mfs: this.mfs });
  }

  /** A coin leaves circulation. */
  take(coin: ModelCoin): void {
    this.#move(coin, { an: '', mfs: 0 });
  }

  #move(coin: ModelCoin, after: ModelRecord): void {
    const before = this.read(coin);
    if (!before) throw new Error(`model: no coin ${nameOf(coin)}`);
    const index = coin.denomination + 8;
    const by = Number(after.mfs !== 0) - Number(before.mfs !== 0);
    this.counts[index] = (this.counts[index] ?? 0) + by;
    this.#changed.set(nameOf(coin), after);
    if (before.mfs !== 0 && after.mfs !== 0 && before.an === after.an) return;
    if (before.mfs !== 0) this.#leave(coin, before.an);
    if (after.mfs === 0 || !(isLockerKey(after.an) || isTradeKey(after.an))) return;
    const coins = this.lockers.get(after.an) ?? [];
    this.lockers.set(after.an, [...coins, coin]);
  }

  #leave(coin: ModelCoin, key: string): void {
    const left = this.lockers.get(key)?.filter((other) => nameOf(other) !== nameOf(coin));
    if (!left) return;
    if (left.length > 0) this.lockers.set(key, left);
    else this.lockers.delete(key);
  }

  /** May another ticket be made? */
  hasTicketRoom(): boolean {
    const live = [...this.tickets.keys()].filter((number) => this.ticket(number));
    return live.length < this.#ticketsMax;
  }

  /** Takes the place of the oldest that only guards, when there is no other. */
  addTicket(number: number, vouched: Vouched[]): void {
    for (const [old, { createdUs }] of this.tickets) {
      const isOver = this.nowUs - createdUs > TICKET_GUARD_US;
      if (isOver || this.tickets.size >= this.#ticketsMax) this.tickets.delete(old);
    }
    this.tickets.set(number, { createdUs: this.nowUs, vouched, claimed: new Set() });
  }

  ticket(number: number): Ticket | undefined {
    const ticket = this.tickets.get(number);
    return ticket && this.nowUs - ticket.createdUs <= TICKET_LIFE_US ? ticket : undefined;
  }

  /** A ticket's coins that are still what was shown. */
  stillVouched({ vouched }: Ticket): ModelCoin[] {
    return vouched.filter(({ coin, an }) => this.authentic(coin, an)).map(({ coin }) => coin);
  }

  /** Names of the coins that a ticket guards, which it does longer than it vouches. */
  allVouched(): Set<string> {
    const guarding = [...this.tickets.values()].filter(
      ({ createdUs }) => this.nowUs - createdUs <= TICKET_GUARD_US,
    );
    const coins = guarding.flatMap((ticket) => this.stillVouched(ticket));
    return new Set(coins.map(nameOf));
  }

  /** `page`: of any coin on it. */
  reservation(coin: ModelCoin): Reservation | undefined {
    const found = this.#reservations.get(pageOf(coin));
    return found && this.nowUs - found.sinceUs < RESERVATION_LIFE_US ? found : undefined;
  }

  isReservedFor(coin: ModelCoin, session: number, purpose: Purpose): boolean {
    const found = this.reservation(coin);
    return session !== 0 && found?.session === session && found.purpose === purpose;
  }

  reserve(coin: ModelCoin, of: Omit<Reservation, 'sinceUs'>): void {
    this.#reservations.set(pageOf(coin), { ...of, sinceUs: this.nowUs });
  }

  /** 16 s more for whoever has it. */
  renew(coin: ModelCoin): void {
    const found = this.reservation(coin);
    if (found) found.sinceUs = this.nowUs;
  }

  changePagesLeft(address: number): number {
    const held = [...this.#reservations.values()].filter(
      (one) =>
        one.address === address &&
        one.purpose === 'change' &&
        this.nowUs - one.sinceUs < RESERVATION_LIFE_US,
    );
    return CHANGE_PAGES_MAX - held.length;
  }

  mayBreak(address: number): boolean {
    const second = Math.floor(this.nowUs / 1_000_000);
    const slot = this.#breaks.get(address & 0xffff);
    if (!slot || second - slot.startS >= BREAK_WINDOW_S) {
      this.#breaks.set(address & 0xffff, { startS: second, count: 0 });
      return true;
    }
    return slot.count < BREAKS_MAX;
  }

  countBreak(address: number): void {
    const slot = this.#breaks.get(address & 0xffff);
    if (slot) slot.count++;
  }
}

function pageOf({ denomination, serialNumber }: ModelCoin): string {
  return `${denomination}/${Math.floor(serialNumber / PAGE_RECORDS)}`;
}
