/**
 * What a node counts of its requests: seed 000, section 8.2 (write_stat) asks for the time, the
 * client's address, the encryption coin, the command, the execution time and the status of each.
 * Everything lives in typed arrays of fixed size; a scrape reads them, a request only adds.
 */
import { Descriptor } from '@andvari/host-common/engine/generated/layout';
import { Status } from '@andvari/host-common/engine/generated/status';
import { Counter, type Metric, type Registry } from 'prom-client';
import type { Logger } from '../log/logger.ts';

/** Records kept for the terminal table and for whoever looks into a running node. */
export const RECENT_RECORDS_MAX = 1024;
/** Word offsets within a descriptor. */
const STATUS = Descriptor.STATUS / 4;
const ARRIVAL = Descriptor.ARRIVAL / 4;
const KIND = Descriptor.KIND / 4;
const SERIAL = Descriptor.SERIAL / 4;
const EXECUTION = Descriptor.EXECUTION / 4;
/** Command groups of the protocol (0 to 15); each has up to 256 commands. */
const GROUPS = 16;
const COMMANDS = 256;
/** Execution times are kept by powers of two: up to 1 us, 2 us, 4 us ... 2^24 us (17 s), above. */
const TIME_BUCKETS = 26;
/** A refused header: group and command are then a stranger's bytes, not a command of ours. */
const HEADER_REFUSALS = new Uint8Array(256);
for (const status of [
  Status.INVALID_ROUTING,
  Status.INVALID_SPLIT_ID,
  Status.INVALID_RAIDA_ID,
  Status.INVALID_SHARD_ID,
  Status.INVALID_COMMAND_GROUP,
  Status.INVALID_COMMAND,
]) {
  HEADER_REFUSALS[status] = 1;
}

function add(counters: Float64Array, index: number): void {
  counters[index] = (counters[index] as number) + 1;
}

/** One request, as the log and the tables show it. */
export interface RequestRecord {
  /** Arrival, microseconds since the epoch. */
  timeUs: number;
  address: string;
  encryptionType: number;
  /** The encryption coin; 0, 0 when the type has none. */
  denomination: number;
  serialNumber: number;
  group: number;
  command: number;
  /** Microseconds from arrival to answer. */
  executionUs: number;
  status: number;
}

export interface StatisticsOptions {
  logger: Logger;
  registry: Registry;
}

export class RaidaStatistics {
  readonly #logger: Logger;
  #requests = 0;
  #dropped = 0;
  #executionUs = 0;
  readonly #commands = new Float64Array(GROUPS * COMMANDS);
  #refusedHeaders = 0;
  readonly #statuses = new Float64Array(256);
  readonly #times = new Float64Array(TIME_BUCKETS);
  // The ring of recent records, one array per field: writing a record makes no object.
  readonly #recentTime = new Float64Array(RECENT_RECORDS_MAX);
  readonly #recentWords = new Uint32Array(RECENT_RECORDS_MAX * 4);
  readonly #recentAddress: string[] = new Array<string>(RECENT_RECORDS_MAX).fill('');

  constructor(options: StatisticsOptions) {
    this.#logger = options.logger;
    this.#register(options.registry);
  }

  /** Requests answered since the start. */
  get requests(): number {
    return this.#requests;
  }

  /** Messages that got no answer: too short to have one, or more than a queue could hold. */
  get droppedMessages(): number {
    return this.#dropped;
  }

  /** Wire status of the latest reply; -1 before the first. */
  get lastStatus(): number {
    if (this.#requests === 0) return -1;
    return this.#recentWords[((this.#requests - 1) % RECENT_RECORDS_MAX) * 4 + 3] as number;
  }

  /**
   * Count one answered request. On the hot path: it allocates nothing unless the log is at debug
   * level.
   * @param address the client's address, kept by reference
   * @param words the engine's memory, or any words that hold the descriptor that came back
   * @param at index of the descriptor's first word (assembly/core/layout.ts, Descriptor)
   */
  record(address: string, words: Uint32Array, at: number): void {
    const kind = words[at + KIND] as number;
    const executionUs = words[at + EXECUTION] as number;
    const status = (words[at + STATUS] as number) & 255;
    const slot = this.#requests++ % RECENT_RECORDS_MAX;
    add(this.#statuses, status);
    const command = (kind >>> 24) | (((kind >>> 16) & 255) << 8);
    if (HEADER_REFUSALS[status] === 1 || command >= GROUPS * COMMANDS) this.#refusedHeaders++;
    else add(this.#commands, command);
    this.#executionUs += executionUs;
    add(this.#times, Math.min(32 - Math.clz32(Math.max(executionUs, 1) - 1), TIME_BUCKETS - 1));

    this.#recentTime[slot] =
      (words[at + ARRIVAL + 1] as number) * 2 ** 32 + (words[at + ARRIVAL] as number);
    const record = slot * 4;
    this.#recentWords[record] = kind;
    this.#recentWords[record + 1] = words[at + SERIAL] as number;
    this.#recentWords[record + 2] = executionUs;
    this.#recentWords[record + 3] = status;
    this.#recentAddress[slot] = address;
    if (this.#logger.isLevelEnabled('debug')) this.#logger.debug(this.#read(slot), 'request');
  }

  /** Count one message that got no answer. */
  recordDropped(): void {
    this.#dropped++;
  }

  /** The latest records, newest first, at most RECENT_RECORDS_MAX. */
  recent(count: number = RECENT_RECORDS_MAX): RequestRecord[] {
    const held = Math.min(count, this.#requests, RECENT_RECORDS_MAX);
    return Array.from({ length: held }, (_, age) =>
      this.#read((this.#requests - 1 - age) % RECENT_RECORDS_MAX),
    );
  }

  #read(slot: number): RequestRecord {
    const [kind = 0, serialNumber = 0, executionUs = 0, status = 0] = this.#recentWords.subarray(
      slot * 4,
      slot * 4 + 4,
    );
    return {
      timeUs: this.#recentTime[slot] as number,
      address: this.#recentAddress[slot] as string,
      encryptionType: kind & 255,
      denomination: (kind << 16) >> 24,
      serialNumber,
      group: (kind >>> 16) & 255,
      command: kind >>> 24,
      executionUs,
      status,
    };
  }

  #register(registry: Registry): void {
    const registers = [registry];
    const statistics = this;
    new Counter({
      name: 'andvari_raida_requests_total',
      help: 'Answered requests by command; group and command are "refused" for a bad header.',
      labelNames: ['group', 'command'],
      registers,
      collect() {
        this.reset();
        statistics.#commands.forEach((count, index) => {
          if (count > 0) this.inc({ group: index >>> 8, command: index & 255 }, count);
        });
        const refused = statistics.#refusedHeaders;
        if (refused > 0) this.inc({ group: 'refused', command: 'refused' }, refused);
      },
    });
    new Counter({
      name: 'andvari_raida_replies_total',
      help: 'Replies by wire status.',
      labelNames: ['status'],
      registers,
      collect() {
        this.reset();
        statistics.#statuses.forEach((count, status) => {
          if (count > 0) this.inc({ status }, count);
        });
      },
    });
    new Counter({
      name: 'andvari_raida_dropped_total',
      help: 'Messages that got no answer.',
      registers,
      collect() {
        this.reset();
        this.inc(statistics.#dropped);
      },
    });
    registry.registerMetric(executionTimes(this.#times, () => this.#executionUs));
  }
}

/**
 * The execution times as a Prometheus histogram in seconds. prom-client's own Histogram observes
 * one value at a time; this object only answers what a registry asks of a metric.
 */
function executionTimes(times: Float64Array, totalUs: () => number): Metric {
  const name = 'andvari_raida_execution_seconds';
  const help = 'Time from the arrival of a request to its answer.';
  const get = () => {
    let count = 0;
    const values: { metricName: string; labels: { le?: string }; value: number }[] = [];
    times.forEach((inBucket, bucket) => {
      count += inBucket;
      const le = bucket === TIME_BUCKETS - 1 ? '+Inf' : String(2 ** bucket / 1e6);
      values.push({ metricName: `${name}_bucket`, labels: { le }, value: count });
    });
    values.push({ metricName: `${name}_sum`, labels: {}, value: totalUs() / 1e6 });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return Promise.resolve({ name, help, type: 'histogram', values, aggregator: 'sum' });
  };
  return { name, help, type: 'histogram', get } as unknown as Metric;
}
