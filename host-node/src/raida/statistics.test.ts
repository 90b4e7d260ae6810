import { Flag } from '@andvari/host-common/engine/generated/layout';
import { REQUEST_RECORDS } from '@andvari/host-common/engine/generated/limits';
import { RequestRecord, Requests } from '@andvari/host-common/engine/generated/requests';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../log/log-level.ts';
import { createLogger } from '../log/logger.ts';
import { RequestNumbers } from './request-numbers.ts';
import { RaidaStatistics, RECENT_RECORDS_MAX } from './statistics.ts';

interface Numbers {
  arrivalUs?: number;
  encryptionType?: number;
  denomination?: number;
  group?: number;
  command?: number;
  serialNumber?: number;
  executionUs?: number;
  status: number;
  address?: number;
  isIPv6?: boolean;
  refused?: boolean;
}

/** Region.REQUESTS of an instance, written as assembly/raida/request-log.ts writes it. */
class Instance {
  readonly numbers: RequestNumbers;
  readonly #view: DataView;
  /** Somewhere in a larger memory. */
  readonly #at = 4096;

  constructor() {
    const buffer = new ArrayBuffer(131_072);
    this.#view = new DataView(buffer);
    const memory = { u32: new Uint32Array(buffer), u64: new BigUint64Array(buffer) };
    this.numbers = new RequestNumbers(memory, this.#at);
  }

  add(offset: number, value: number): number {
    const at = this.#at + offset;
    const before = Number(this.#view.getBigUint64(at, true));
    this.#view.setBigUint64(at, BigInt(before + value), true);
    return before;
  }

  record(numbers: Numbers): void {
    const { group = 0, command = 0, executionUs = 0, status } = numbers;
    if (numbers.refused) this.add(Requests.REFUSED_HEADERS, 1);
    else this.add(Requests.COMMANDS + 8 * (group * 256 + command), 1);
    this.add(Requests.STATUSES + 8 * status, 1);
    this.add(Requests.EXECUTION, executionUs);
    const bucket = Math.min(32 - Math.clz32(Math.max(executionUs, 1) - 1), 25);
    this.add(Requests.TIMES + 8 * bucket, 1);
    const number = this.add(Requests.REPLIES, 1);
    const at = this.#at + Requests.RECENT + (number % REQUEST_RECORDS) * RequestRecord.BYTES;
    const view = this.#view;
    view.setUint32(at + RequestRecord.NUMBER, number, true);
    view.setUint8(at + RequestRecord.KIND, numbers.encryptionType ?? 0);
    view.setInt8(at + RequestRecord.KIND + 1, numbers.denomination ?? 0);
    view.setUint8(at + RequestRecord.KIND + 2, group);
    view.setUint8(at + RequestRecord.KIND + 3, command);
    view.setBigUint64(at + RequestRecord.ARRIVAL, BigInt(numbers.arrivalUs ?? 0), true);
    view.setUint32(at + RequestRecord.SERIAL, numbers.serialNumber ?? 0, true);
    view.setUint32(at + RequestRecord.EXECUTION, executionUs, true);
    view.setUint32(at + RequestRecord.ADDRESS, numbers.address ?? 0x7f000001, true);
    const flags = numbers.isIPv6 ? Flag.IPV6 : 0;
    view.setUint32(at + RequestRecord.STATUS, status | (flags << 8), true);
  }
}

function make(level: LogLevel = 'info', workers = 1) {
  const lines: string[] = [];
  const logger = createLogger({ level, json: true, write: (line) => lines.push(line) });
  const registry = new Registry();
  const instances = Array.from({ length: workers }, () => new Instance());
  const statistics = new RaidaStatistics({
    ...{ logger, registry, instances: instances.map(({ numbers }) => numbers) },
    networkOf: (number) => (number === 7 ? '2001:db8::1' : undefined),
  });
  return { statistics, registry, lines, instances, instance: instances[0] as Instance };
}

describe('RaidaStatistics', () => {
  it('counts by command and by status, and prints both when scraped', async () => {
    const { registry, instance } = make();
    const detect = { group: 1, command: 10, executionUs: 5 };
    instance.record({ executionUs: 3, status: 250 });
    instance.record({ ...detect, status: 241 });
    instance.record({ ...detect, status: 242 });
    instance.add(Requests.SILENT, 1);
    const text = await registry.metrics();
    expect(text).toContain('andvari_raida_requests_total{group="0",command="0"} 1');
    expect(text).toContain('andvari_raida_requests_total{group="1",command="10"} 2');
    expect(text).toContain('andvari_raida_replies_total{status="242"} 1');
    expect(text).toContain('andvari_raida_dropped_total 1');
    expect(text).toContain('andvari_raida_execution_seconds_bucket{le="0.000004"} 1');
    expect(text).toContain('andvari_raida_execution_seconds_bucket{le="0.000008"} 3');
    expect(text).toContain('andvari_raida_execution_seconds_bucket{le="+Inf"} 3');
    expect(text).toContain('andvari_raida_execution_seconds_sum 0.000013');
    expect(text).toContain('andvari_raida_execution_seconds_count 3');
    expect(await registry.metrics()).toBe(text);
  });

  it('does not let a stranger choose labels with a refused header', async () => {
    const { registry, instance } = make();
    for (let command = 0; command < 256; command++) {
      instance.record({ group: 9, command, status: 6, refused: true });
    }
    const text = await registry.metrics();
    expect(text).toContain('andvari_raida_requests_total{group="refused",command="refused"} 256');
    expect(text).not.toContain('group="9"');
  });

  it('sums up what all instances have counted', async () => {
    const { statistics, registry, instances } = make('info', 3);
    for (const [i, instance] of instances.entries()) {
      const name = { group: 1, command: 10 };
      instance.record({ ...name, status: 241, arrivalUs: 10 * i, executionUs: 2, address: i });
      instance.record({ status: 250, arrivalUs: 100 - i, executionUs: 2 * i, address: 3 + i });
      instance.add(Requests.SILENT, 2);
    }
    const text = await registry.metrics();
    expect(text).toContain('andvari_raida_requests_total{group="1",command="10"} 3');
    expect(text).toContain('andvari_raida_replies_total{status="250"} 3');
    expect(text).toContain('andvari_raida_dropped_total 6');
    expect(text).toContain('andvari_raida_execution_seconds_sum 0.000012');
    expect(statistics.requests).toBe(6);
    const numbers = statistics.recent().map(({ address }) => Number(address.split('.')[3]));
    expect(numbers).toEqual([5, 4, 3, 2, 1, 0]);
    expect(statistics.recent(2)).toHaveLength(2);
    expect(statistics.lastStatus).toBe(250);
  });

  it('names the client by its address, as far as known', () => {
    const { statistics, instance } = make();
    instance.record({ status: 250, address: 0xcb0071fe });
    instance.record({ status: 250, address: 7, isIPv6: true });
    instance.record({ status: 250, address: 8, isIPv6: true });
    const addresses = statistics.recent().map(({ address }) => address);
    expect(addresses).toEqual(['IPv6 network 00000008', '2001:db8::1', '203.0.113.254']);
  });

  it('keeps the latest records, newest first, and no more than its ring', () => {
    const { statistics, instance } = make();
    expect(statistics.recent()).toEqual([]);
    expect(statistics.lastStatus).toBe(-1);
    const coin = { encryptionType: 1, denomination: -2, serialNumber: 4294967295 };
    const numbers = { ...coin, group: 1, command: 20, status: 250 };
    const started = 1_700_000_000_000_000;
    for (let i = 0; i < RECENT_RECORDS_MAX + 10; i++) {
      instance.record({ ...numbers, arrivalUs: started + i, executionUs: i, address: i });
    }
    expect(statistics.recent()).toHaveLength(RECENT_RECORDS_MAX);
    const last = RECENT_RECORDS_MAX + 9;
    expect(statistics.recent(1)).toEqual([
      { ...numbers, timeUs: started + last, executionUs: last, address: '0.0.4.9' },
    ]);
    expect(statistics.requests).toBe(RECENT_RECORDS_MAX + 10);
    expect(statistics.lastStatus).toBe(250);
  });

  it('takes an execution time of any size', async () => {
    const { registry, instance } = make();
    for (const executionUs of [0, 1, 2 ** 31, 4294967295]) {
      instance.record({ executionUs, status: 250 });
    }
    const text = await registry.metrics();
    expect(text).toContain('andvari_raida_execution_seconds_bucket{le="0.000001"} 2');
    expect(text).toContain('andvari_raida_execution_seconds_bucket{le="+Inf"} 4');
  });

  it('writes every field of the record at debug level, and nothing above it', () => {
    const quiet = make('info');
    const numbers = {
      timeUs: 7,
      encryptionType: 1,
      denomination: 2,
      serialNumber: 5,
      group: 1,
      command: 10,
      executionUs: 11,
      status: 241,
    };
    quiet.instance.record({ ...numbers, arrivalUs: 7 });
    quiet.statistics.logNew();
    expect(quiet.lines).toEqual([]);
    const { statistics, lines, instance } = make('debug');
    instance.record({ ...numbers, arrivalUs: 7 });
    statistics.logNew();
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ ...numbers, address: '127.0.0.1' });
    statistics.logNew();
    expect(lines).toHaveLength(1);
    for (let i = 0; i < RECENT_RECORDS_MAX + 5; i++) instance.record(numbers);
    statistics.close();
    expect(lines).toHaveLength(1 + RECENT_RECORDS_MAX + 1);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ lost: 5 });
  });
});
