/**
 * Group Shard (reference: RAIDA section 9). 170, 171 and 174 need the back end of another shard,
 * which no server has any more, and 173 is answered "not implemented": 172 is what is left.
 */
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { FieldWriter } from '../fields.ts';
import type { Command, ServerOutcome } from '../outcome.ts';
import { denominationFlags, type FreeSerials, readFreeSerials } from '../serial-ranges.ts';

interface SerialQuestion {
  session: number;
  /** 3 or 4: which direction of a switch the numbers are for; servers answer both alike. */
  operation: 3 | 4;
  denominations: readonly number[];
}

const serials = ({
  session,
  operation,
  denominations,
}: SerialQuestion): Command<FreeSerials[]> => ({
  group: 10,
  command: 172,
  payload: () => {
    const flags = denominationFlags(denominations);
    return new FieldWriter(5 + flags.length).u32BE(session).u8(operation).block(flags).bytes;
  },
  good: [Status.SUCCESS],
  read: ({ payload }) => readFreeSerials(payload),
});

export class ShardCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /** Free serial numbers, without a reservation (10/172). */
  freeSerials(
    question: SerialQuestion,
    options?: AskOptions<FreeSerials[]>,
  ): Promise<ServerOutcome<FreeSerials[]>[]> {
    return this.asker.askEach(serials(question), options);
  }
}
