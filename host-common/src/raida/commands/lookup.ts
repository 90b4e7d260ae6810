/** Group RPC (reference: RAIDA section 9): names of the servers' zone files, 12/120. */
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { FieldReader, FieldWriter } from '../fields.ts';
import type { Command, ServerOutcome } from '../outcome.ts';
import { textBytes } from './trade.ts';

const RECORD = { A: 1, SRV: 2 } as const;
const ADDRESS_BYTES = 4;
/** A request has the rest of its datagram for the name; no zone file has a longer one. */
const NAME_BYTES = { min: 1, max: 253 } as const;

export type LookupType = keyof typeof RECORD;

export interface LookupAddress {
  /** IPv4, dotted. */
  address: string;
  /** 0 for type A. */
  port: number;
}

const lookup = (name: string, type: LookupType): Command<LookupAddress> => ({
  group: 12,
  command: 120,
  payload: () => {
    const text = textBytes(name, 'name', NAME_BYTES);
    return new FieldWriter(1 + text.length).u8(RECORD[type]).block(text).bytes;
  },
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    const address = Array.from(reader.block(ADDRESS_BYTES)).join('.');
    const port = reader.u16BE();
    return reader.whole ? { address, port } : undefined;
  },
});

export class LookupCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /** The address of a name (12/120). NX_DOMAIN: no such zone; NX_RECORD: none of that type. */
  lookup(
    { name, type }: { name: string; type: LookupType },
    options?: AskOptions<LookupAddress>,
  ): Promise<ServerOutcome<LookupAddress>[]> {
    return this.asker.askEach(lookup(name, type), options);
  }
}
