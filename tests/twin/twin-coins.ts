/** The coins and tickets of one server twin: reference RAIDA section 7. */

export const PAGE_RECORDS = 1024;
const TICKETS_MAX = 512;
const TICKET_LIFE_MS = 300_000;

export interface TwinRecord {
  an: Buffer;
  /** 0: free, authentic to no command. */
  mfs: number;
}

export interface TwinCoin {
  denomination: number;
  serialNumber: number;
}

/** Months from the start, Feb 2023 = 0, UTC. Never 0 or above 255: 0 would free the coin. */
export function monthsFromStart(nowMs: number): number {
  const date = new Date(nowMs);
  const months = (date.getUTCFullYear() - 2023) * 12 + date.getUTCMonth() + 1 - 2;
  return Math.min(255, Math.max(1, months));
}

/** The records of 15 denominations; what was never changed comes from `blank`. */
export class TwinCoins {
  readonly pages: number;
  private readonly blank: (coin: TwinCoin) => TwinRecord;
  private readonly changed = new Map<string, TwinRecord>();

  constructor(pages: number, blank: (coin: TwinCoin) => TwinRecord) {
    this.pages = pages;
    this.blank = blank;
  }

  /** Undefined: no such denomination or page. */
  read(coin: TwinCoin): TwinRecord | undefined {
    const { denomination, serialNumber } = coin;
    if (denomination < -8 || denomination > 6) return undefined;
    if (Math.floor(serialNumber / PAGE_RECORDS) >= this.pages) return undefined;
    return this.changed.get(`${denomination}:${serialNumber}`) ?? this.blank(coin);
  }

  write({ denomination, serialNumber }: TwinCoin, record: TwinRecord): void {
    this.changed.set(`${denomination}:${serialNumber}`, { ...record, an: Buffer.from(record.an) });
  }

  /** The AN belongs to a coin in circulation. */
  authentic(coin: TwinCoin, an: Uint8Array): boolean {
    const record = this.read(coin);
    return record !== undefined && record.mfs !== 0 && record.an.equals(an);
  }

  /** Records in circulation of one denomination. */
  count(denomination: number): number {
    let count = 0;
    for (let serialNumber = 0; serialNumber < this.pages * PAGE_RECORDS; serialNumber++) {
      if (this.read({ denomination, serialNumber })?.mfs !== 0) count++;
    }
    return count;
  }
}

/** A coin and the AN that was shown for it. */
export interface TwinVouched {
  coin: TwinCoin;
  an: Uint8Array;
}

interface TwinTicket {
  createdMs: number;
  vouched: TwinVouched[];
  claimed: Set<number>;
}

/** 512 tickets that live 300 seconds, claimed once by each of 25 servers. */
export class TwinTickets {
  private readonly tickets = new Map<number, TwinTicket>();

  /** A new ticket's number, never 0 and never one in use; undefined: the pool is full. */
  make(vouched: TwinVouched[], nowMs: number, random: () => number): number | undefined {
    this.sweep(nowMs);
    if (this.tickets.size >= TICKETS_MAX) return undefined;
    let number = 0;
    while (number === 0 || this.tickets.has(number)) number = random();
    this.tickets.set(number, { createdMs: nowMs, vouched, claimed: new Set() });
    return number;
  }

  /** Undefined: never made, or more than 300 seconds old. */
  find(number: number, nowMs: number): TwinTicket | undefined {
    this.sweep(nowMs);
    return this.tickets.get(number);
  }

  private sweep(nowMs: number): void {
    for (const [number, { createdMs }] of this.tickets) {
      if (nowMs - createdMs > TICKET_LIFE_MS) this.tickets.delete(number);
    }
  }
}
