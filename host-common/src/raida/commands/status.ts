/** Group Status, what operators ask (reference: RAIDA section 9): show stats 0/2, audit 0/3. */
import { DENOMINATIONS } from '../../engine/generated/limits.ts';
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { AN_BYTES, DENOMINATION_MIN } from '../coin.ts';
import { FieldReader, FieldWriter, want16 } from '../fields.ts';
import type { Command, ServerOutcome } from '../outcome.ts';

/** Counters since the server's start. */
export interface ServerStatistics {
  echoes: bigint;
  powns: bigint;
  /** Units of 1e-8. */
  pownedUnits: bigint;
  /** Requests by UDP. */
  datagrams: bigint;
}

/** Coins in circulation of one denomination. */
export interface AuditCount {
  denomination: number;
  count: number;
}

const showStatistics = (adminKey: Uint8Array): Command<ServerStatistics> => ({
  group: 0,
  command: 2,
  payload: () => new FieldWriter(AN_BYTES).block(want16(adminKey, 'admin key')).bytes,
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    const statistics = {
      echoes: reader.u64LE(),
      powns: reader.u64LE(),
      pownedUnits: reader.u64LE(),
      datagrams: reader.u64LE(),
    };
    return reader.whole ? statistics : undefined;
  },
});

const audit: Command<AuditCount[]> = {
  group: 0,
  command: 3,
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    const counts = Array.from({ length: DENOMINATIONS }, () => ({
      denomination: reader.denomination(),
      count: reader.u32BE(),
    }));
    const inOrder = counts.every(({ denomination }, i) => denomination === DENOMINATION_MIN + i);
    return reader.whole && inOrder ? counts : undefined;
  },
};

export class StatusCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /** What each server has counted (0/2). `adminKey`: 16 bytes; ADMIN_AUTH if it is not theirs. */
  statistics(
    adminKey: Uint8Array,
    options?: AskOptions<ServerStatistics>,
  ): Promise<ServerOutcome<ServerStatistics>[]> {
    return this.asker.askEach(showStatistics(adminKey), options);
  }

  /** Coins in circulation by denomination, the smallest first (0/3). No key is needed. */
  audit(options?: AskOptions<AuditCount[]>): Promise<ServerOutcome<AuditCount[]>[]> {
    return this.asker.askEach(audit, options);
  }
}
