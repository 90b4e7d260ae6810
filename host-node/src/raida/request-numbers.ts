/**
 * What one engine instance has counted of its requests, and its latest records, read out of the
 * shared memory (assembly/core/requests.ts). The instance may run in another thread and
 * write meanwhile: numbers are whole, records that change under the reading are left out.
 */
import { Flag } from '@andvari/host-common/engine/generated/layout';
import { REQUEST_RECORDS, REQUEST_TIMES } from '@andvari/host-common/engine/generated/limits';
import { RequestRecord, Requests } from '@andvari/host-common/engine/generated/requests';

const TWO_32 = 4294967296;
const STATUSES = 256;
const COMMANDS = 16 * 256;
const RECORD_WORDS = RequestRecord.BYTES >>> 2;

/** A record as it stands in the ring; the address is a number (Descriptor.ADDRESS). */
export interface RecordWords {
  arrivalUs: number;
  kind: number;
  serialNumber: number;
  executionUs: number;
  address: number;
  isIPv6: boolean;
  status: number;
}

export class RequestNumbers {
  readonly #u32: Uint32Array;
  readonly #u64: BigUint64Array;
  readonly #at: number;

  /** `at`: first byte of an instance's Region.REQUESTS. */
  constructor(memory: { readonly u32: Uint32Array; readonly u64: BigUint64Array }, at: number) {
    this.#u32 = memory.u32;
    this.#u64 = memory.u64;
    this.#at = at;
  }

  get replies(): number {
    return this.#number(Requests.REPLIES);
  }
  get refusedHeaders(): number {
    return this.#number(Requests.REFUSED_HEADERS);
  }
  get silent(): number {
    return this.#number(Requests.SILENT);
  }
  get executionUs(): number {
    return this.#number(Requests.EXECUTION);
  }

  /** Adds the counts by group * 256 + command, by status and by execution time to the sums. */
  addTo(sums: { commands: Float64Array; statuses: Float64Array; times: Float64Array }): void {
    this.#add(sums.commands, Requests.COMMANDS, COMMANDS);
    this.#add(sums.statuses, Requests.STATUSES, STATUSES);
    this.#add(sums.times, Requests.TIMES, REQUEST_TIMES);
  }

  /** Record `number`, 0 the first ever; undefined: it is not there (any more). */
  record(number: number): RecordWords | undefined {
    const u32 = this.#u32;
    const slot = number & (REQUEST_RECORDS - 1);
    const at = ((this.#at + Requests.RECENT) >>> 2) + slot * RECORD_WORDS;
    const word = (offset: number) => u32[at + (offset >>> 2)] ?? 0;
    const last = word(RequestRecord.STATUS);
    const record = {
      arrivalUs: word(RequestRecord.ARRIVAL) + word(RequestRecord.ARRIVAL + 4) * TWO_32,
      kind: word(RequestRecord.KIND),
      serialNumber: word(RequestRecord.SERIAL),
      executionUs: word(RequestRecord.EXECUTION),
      address: word(RequestRecord.ADDRESS),
      isIPv6: ((last >>> 8) & Flag.IPV6) !== 0,
      status: last & 255,
    };
    // Its number is the first that a new record writes.
    return Atomics.load(u32, at) === number >>> 0 ? record : undefined;
  }

  #add(sums: Float64Array, offset: number, count: number): void {
    const first = (this.#at + offset) >>> 3;
    for (let i = 0; i < count; i++) sums[i] = (sums[i] ?? 0) + Number(this.#u64[first + i] ?? 0n);
  }

  #number(offset: number): number {
    return Number(Atomics.load(this.#u64, (this.#at + offset) >>> 3));
  }
}
