import { describe, expect, it } from 'vitest';
import { placesForTests } from '../testing/places.ts';
import { type RatatoskrPlace, USER } from '../testing/ratatoskr-place.ts';
import { AuditLimits, type AuditSource } from './audit-limits.ts';
import type { AuditEntry } from './audit-record.ts';

const MINUTE_MS = 60_000;
const refusal: AuditEntry = { event: 'error', success: false };

/** How many of so many records are kept. */
function kept(limits: AuditLimits, count: number, record: Partial<Recorded> = {}): number {
  const { source = 'server', entry = refusal, bytes = 100, nowMs = 0 } = record;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    if (limits.admit({ entry, source }, nowMs, () => 'x'.repeat(bytes)) !== undefined) sum++;
  }
  return sum;
}

interface Recorded {
  source: AuditSource;
  entry: AuditEntry;
  /** Length of the record. */
  bytes: number;
  nowMs: number;
}

describe('the limits of audit records', () => {
  it('keep a hundred refusals of a device, two a minute, and leave room for others', () => {
    const limits = new AuditLimits(0);
    const source = { deviceId: 'a' };
    expect(kept(limits, 5000, { source })).toBe(100);
    let nowMs = MINUTE_MS;
    for (; nowMs <= 60 * MINUTE_MS; nowMs += MINUTE_MS) {
      expect(kept(limits, 1200, { source, nowMs })).toBe(2);
    }
    expect(kept(limits, 100, { source: { deviceId: 'b' }, nowMs })).toBe(100);
    expect(kept(limits, 5000, { nowMs })).toBe(900);
    expect(kept(limits, 5000, { source: 'stranger', nowMs })).toBe(1000);
  });

  it('keep all that a device does with success, and what services fail in', () => {
    const limits = new AuditLimits(0);
    const source = { deviceId: 'a' };
    kept(limits, 5000, { source });
    const entry: AuditEntry = { event: 'message_delivered', success: true };
    expect(kept(limits, 5000, { source, entry })).toBe(5000);
    const failed = { ...entry, success: false };
    expect(kept(limits, 100, { source, entry: failed, nowMs: MINUTE_MS })).toBe(100);
  });

  it('count bytes: long ids cost more', () => {
    for (const [bytes, count] of [
      [512, 1000],
      [513, 500],
      [5120, 100],
    ] as const) {
      for (const source of ['stranger', 'server'] as const) {
        expect(kept(new AuditLimits(0), 2000, { source, bytes })).toBe(count);
      }
      const source = { deviceId: 'a' };
      expect(kept(new AuditLimits(0), 2000, { source, bytes })).toBe(count / 10);
    }
  });

  it('remember so many devices, and forget those that are as good as new', () => {
    const limits = new AuditLimits(0, 2);
    const of = (deviceId: string, nowMs = 0) => kept(limits, 1, { source: { deviceId }, nowMs });
    expect([of('a'), of('b'), of('c'), of('a')]).toEqual([1, 1, 0, 1]);
    // b has its token again, a only one of two.
    expect([of('c', MINUTE_MS / 2), of('d', MINUTE_MS / 2)]).toEqual([1, 0]);
  });
});

describe('the audit log of a server', () => {
  const start = placesForTests();

  const refusals = (place: RatatoskrPlace) => place.audit.recent().filter((one) => !one.success);

  it('names the device whose messages say nothing, and keeps a hundred of them', async () => {
    const place = await start({ connectionRate: { burst: 5000, perSecond: 5000 } });
    const peer = await place.connected('device-1');
    for (let i = 0; i < 1500; i++) peer.send(new Uint8Array());
    await peer.answer(1500);
    const of = (device: string) => refusals(place).filter((one) => one.device === device);
    expect(of('device-1')).toHaveLength(100);
    expect(of('device-1')[0]).toMatchObject({
      ...{ event: 'error', device: 'device-1', user: USER, connection: 0 },
      reason: expect.stringMatching(/^INVALID_REQUEST /),
    });
    expect(place.audit.lost).toBe(1400);
    const other = await place.connected('device-2');
    await other.ask(new Uint8Array());
    expect(of('device-2')).toHaveLength(1);
    await peer.ask(peer.request());
    expect(place.audit.recent().at(-1)).toMatchObject({
      ...{ event: 'message_delivered', success: true, device: 'device-1' },
    });
  });

  it('names both where a message names another device than its session has', async () => {
    const place = await start();
    const peer = await place.connected('device-1');
    await peer.ask(peer.request({ deviceId: 'device-2' }));
    expect(refusals(place)).toMatchObject([
      { event: 'authentication', device: 'device-2', owner: 'device-1' },
    ]);
    await peer.ask(peer.request({ userId: 'nobody' }));
    const [, own] = refusals(place);
    expect(own).toMatchObject({ device: 'device-1', user: 'nobody' });
    expect(own?.owner).toBeUndefined();
  });

  it('names nobody of whom nothing is known', async () => {
    const place = await start();
    const peer = await place.peer('device-1');
    await peer.ask(new Uint8Array());
    const [refused] = refusals(place);
    expect(refused).toMatchObject({ event: 'error', transport: 'websocket' });
    expect([refused?.device, refused?.user, refused?.owner]).toEqual([
      ...[undefined, undefined, undefined],
    ]);
  });
});
