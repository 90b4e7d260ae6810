import { Descriptor } from '@andvari/host-common/engine/generated/layout';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from '../log/logger.ts';
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
}

/** A descriptor as the engine hands it back, somewhere in a larger memory. */
function descriptor(numbers: Numbers): Uint32Array {
  const view = new DataView(new Uint8Array(128).fill(0xa5).buffer);
  const at = 64;
  view.setUint32(at + Descriptor.STATUS, numbers.status, true);
  view.setBigUint64(at + Descriptor.ARRIVAL, BigInt(numbers.arrivalUs ?? 0), true);
  view.setUint8(at + Descriptor.KIND, numbers.encryptionType ?? 0);
  view.setInt8(at + Descriptor.KIND + 1, numbers.denomination ?? 0);
  view.setUint8(at + Descriptor.KIND + 2, numbers.group ?? 0);
  view.setUint8(at + Descriptor.KIND + 3, numbers.command ?? 0);
  view.setUint32(at + Descriptor.SERIAL, numbers.serialNumber ?? 0, true);
  view.setUint32(at + Descriptor.EXECUTION, numbers.executionUs ?? 0, true);
  return new Uint32Array(view.buffer);
}

function record(statistics: RaidaStatistics, numbers: Numbers, address = '127.0.0.1'): void {
  statistics.record(address, descriptor(numbers), 16);
}

function make(level: LogLevel = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ level, json: true, write: (line) => lines.push(line) });
  const registry = new Registry();
  return { statistics: new RaidaStatistics({ logger, registry }), registry, lines };
}

describe('RaidaStatistics', () => {
  it('counts by command and by status, and prints both when scraped', async () => {
    const { statistics, registry } = make();
    const detect = { group: 1, command: 10, executionUs: 5 };
    record(statistics, { executionUs: 3, status: 250 });
    record(statistics, { ...detect, status: 241 });
    record(statistics, { ...detect, status: 242 });
    statistics.recordDropped();
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
    const { statistics, registry } = make();
    for (let command = 0; command < 256; command++) {
      record(statistics, { group: 9, command, status: 6 });
    }
    record(statistics, { group: 200, command: 1, status: 250 });
    const text = await registry.metrics();
    expect(text).toContain('andvari_raida_requests_total{group="refused",command="refused"} 257');
    expect(text).not.toContain('group="9"');
  });

  it('keeps the latest records, newest first, and no more than its ring', () => {
    const { statistics } = make();
    expect(statistics.recent()).toEqual([]);
    expect(statistics.lastStatus).toBe(-1);
    const coin = { encryptionType: 1, denomination: -2, serialNumber: 4294967295 };
    const numbers = { ...coin, group: 1, command: 20, status: 250 };
    const started = 1_700_000_000_000_000;
    for (let i = 0; i < RECENT_RECORDS_MAX + 10; i++) {
      record(statistics, { ...numbers, arrivalUs: started + i, executionUs: i }, `10.0.0.${i}`);
    }
    expect(statistics.recent()).toHaveLength(RECENT_RECORDS_MAX);
    const last = RECENT_RECORDS_MAX + 9;
    expect(statistics.recent(1)).toEqual([
      { ...numbers, timeUs: started + last, executionUs: last, address: `10.0.0.${last}` },
    ]);
    expect(statistics.requests).toBe(RECENT_RECORDS_MAX + 10);
    expect(statistics.lastStatus).toBe(250);
  });

  it('takes an execution time of any size', async () => {
    const { statistics, registry } = make();
    for (const executionUs of [0, 1, 2 ** 31, 4294967295]) {
      record(statistics, { executionUs, status: 250 });
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
    record(quiet.statistics, { ...numbers, arrivalUs: 7 }, '::1');
    expect(quiet.lines).toEqual([]);
    const { statistics, lines } = make('debug');
    record(statistics, { ...numbers, arrivalUs: 7 }, '::1');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ ...numbers, address: '::1' });
  });
});
