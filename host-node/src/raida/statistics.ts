/**
 * What a node tells of its requests: seed 000, section 8.2 (write_stat) asks for the time, the
 * client's address, the encryption coin, the command, the execution time and the status of each.
 * The engine counts and keeps the latest records, each instance its own (request-numbers.ts); here
 * they are summed up when somebody looks.
 */
import { REQUEST_RECORDS, REQUEST_TIMES } from '@andvari/host-common/engine/generated/limits';
import { Counter, type Metric, type Registry } from 'prom-client';
import type { Logger } from '../log/logger.ts';
import { formatNumber } from './address-numbers.ts';
import type { RecordWords, RequestNumbers } from './request-numbers.ts';

/** Records kept for the terminal table and for whoever looks into a running node. */
export const RECENT_RECORDS_MAX = REQUEST_RECORDS;
/** Groups of the protocol (0 to 15), each with up to 256 commands. */
const COMMANDS = 16 * 256;
/** How often the log at debug level looks for what other threads have recorded. */
const LOG_MS = 100;

/** One request, as the log and the tables show it. */
export interface RequestRecord {
  /** Arrival, microseconds since the epoch. */
  timeUs: number;
  /** An IPv6 network that this thread has not met is shown by its number. */
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
  /** One of each engine instance; instances may come later. */
  instances: readonly RequestNumbers[];
  /** The address behind the number of an IPv6 network, as far as known. */
  networkOf?: (number: number) => string | undefined;
}

interface Sums {
  commands: Float64Array;
  statuses: Float64Array;
  times: Float64Array;
}

export class RaidaStatistics {
  readonly #logger: Logger;
  readonly #instances: readonly RequestNumbers[];
  readonly #networkOf: (number: number) => string | undefined;
  /** Records of each instance that the log has had. */
  readonly #logged: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor({ logger, registry, instances, networkOf }: StatisticsOptions) {
    this.#logger = logger;
    this.#instances = instances;
    this.#networkOf = networkOf ?? (() => undefined);
    this.#register(registry);
    if (logger.isLevelEnabled('debug')) {
      this.#timer = setInterval(() => this.logNew(), LOG_MS).unref();
    }
  }

  /** Requests answered since the start. */
  get requests(): number {
    return this.#sum((numbers) => numbers.replies);
  }

  /** Messages that got no answer: too short to have one. */
  get droppedMessages(): number {
    return this.#sum((numbers) => numbers.silent);
  }

  /** Wire status of the latest reply; -1 before the first. */
  get lastStatus(): number {
    return this.recent(1)[0]?.status ?? -1;
  }

  /** The latest records, newest first, at most RECENT_RECORDS_MAX. */
  recent(count: number = RECENT_RECORDS_MAX): RequestRecord[] {
    const most = Math.min(count, RECENT_RECORDS_MAX);
    const lists = this.#instances.map((numbers) => {
      const end = numbers.replies;
      return this.#records(numbers, Math.max(0, end - most), end).reverse();
    });
    const [only = []] = lists;
    if (lists.length === 1) return only;
    const answered = (record: RequestRecord) => record.timeUs + record.executionUs;
    return lists
      .flat()
      .sort((a, b) => answered(b) - answered(a))
      .slice(0, most);
  }

  /** Writes what is new to the log at debug level: after each batch, and by a timer. */
  logNew(): void {
    if (this.#timer === undefined) return;
    for (const [i, numbers] of this.#instances.entries()) {
      const [from, end] = [this.#logged[i] ?? 0, numbers.replies];
      if (from === end) continue;
      this.#logged[i] = end;
      const records = this.#records(numbers, Math.max(from, end - RECENT_RECORDS_MAX), end);
      for (const record of records) this.#logger.debug(record, 'request');
      const lost = end - from - records.length;
      if (lost > 0) this.#logger.debug({ lost }, 'more requests than the log can follow');
    }
  }

  /** The log has the last records; nothing is looked at any more. */
  close(): void {
    this.logNew();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Records from, including `from`, to `end`; the oldest first. */
  #records(numbers: RequestNumbers, from: number, end: number): RequestRecord[] {
    const records: RequestRecord[] = [];
    for (let number = from; number < end; number++) {
      const words = numbers.record(number);
      if (words) records.push(this.#emit(words));
    }
    return records;
  }

  #emit({ arrivalUs, kind, address, isIPv6, ...rest }: RecordWords): RequestRecord {
    return {
      timeUs: arrivalUs,
      address: (isIPv6 ? this.#networkOf(address) : undefined) ?? formatNumber(address, isIPv6),
      encryptionType: kind & 255,
      denomination: (kind << 16) >> 24,
      serialNumber: rest.serialNumber,
      group: (kind >>> 16) & 255,
      command: kind >>> 24,
      executionUs: rest.executionUs,
      status: rest.status,
    };
  }

  #sum(of: (numbers: RequestNumbers) => number): number {
    return this.#instances.reduce((sum, numbers) => sum + of(numbers), 0);
  }

  #sums(): Sums {
    const sums = {
      commands: new Float64Array(COMMANDS),
      statuses: new Float64Array(256),
      times: new Float64Array(REQUEST_TIMES),
    };
    for (const numbers of this.#instances) numbers.addTo(sums);
    return sums;
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
        statistics.#sums().commands.forEach((count, index) => {
          if (count > 0) this.inc({ group: index >>> 8, command: index & 255 }, count);
        });
        const refused = statistics.#sum((numbers) => numbers.refusedHeaders);
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
        statistics.#sums().statuses.forEach((count, status) => {
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
        this.inc(statistics.droppedMessages);
      },
    });
    registry.registerMetric(
      executionTimes(
        () => this.#sums().times,
        () => this.#sum((numbers) => numbers.executionUs),
      ),
    );
  }
}

/**
 * The execution times as a Prometheus histogram in seconds. prom-client's own Histogram observes
 * one value at a time; this object only answers what a registry asks of a metric.
 */
function executionTimes(times: () => Float64Array, totalUs: () => number): Metric {
  const name = 'andvari_raida_execution_seconds';
  const help = 'Time from the arrival of a request to its answer.';
  const get = () => {
    let count = 0;
    const values: { metricName: string; labels: { le?: string }; value: number }[] = [];
    times().forEach((inBucket, bucket) => {
      count += inBucket;
      const le = bucket === REQUEST_TIMES - 1 ? '+Inf' : String(2 ** bucket / 1e6);
      values.push({ metricName: `${name}_bucket`, labels: { le }, value: count });
    });
    values.push({ metricName: `${name}_sum`, labels: {}, value: totalUs() / 1e6 });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return Promise.resolve({ name, help, type: 'histogram', values, aggregator: 'sum' });
  };
  return { name, help, type: 'histogram', get } as unknown as Metric;
}
