/**
 * The replay cache against a model that forgets nothing but what is stale. A failure prints the
 * seed (ANDVARI_SEED).
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import type { RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { bytesOf, type Recorded } from './replay-instance.ts';
import { NOW_S, requestOf } from './vectors.ts';

const RUNS = process.env.ANDVARI_LONG ? 200 : 12;
const STEPS = 3000;
const TIMEOUT_MS = 300_000;
const AGE_S = 300;
const PER_DEVICE_MAX = 8192;

interface Seen {
  device: string;
  nonce: string;
  digest: string;
  timestamp: number;
}

const codecOf = async (replayEntries: number) =>
  RatatoskrCodec.create({ module: await plainEngine(), replayEntries });

/** A request of this device and nonce; its digest is `digest` spelled in bytes. */
function record(codec: RatatoskrCodec, seen: Recorded, nowS: number, skewS = 0) {
  const request: RatatoskrRequest = {
    ...requestOf(),
    deviceId: seen.device,
    nonce: bytesOf(seen.nonce, 8 + (seen.nonce % 57)),
    timestamp: BigInt(seen.timestamp),
  };
  return codec.recordReplay(request, bytesOf(seen.digest, 32), nowS, skewS);
}

/** What a cache of `entries` must say at `nowS`. */
class Model {
  private seen: Seen[] = [];
  private readonly entries: number;

  constructor(entries: number) {
    this.entries = entries;
  }

  record(request: Seen, nowS: number, skewS: number) {
    const live = this.seen.filter(({ timestamp }) => timestamp >= nowS - AGE_S - skewS);
    const { device, nonce, digest } = request;
    const known = live.some(
      (one) => one.device === device && (one.nonce === nonce || one.digest === digest),
    );
    if (known) return 'NONCE_REPLAYED';
    if (live.length >= this.entries) return 'NONCE_CACHE_FULL';
    this.seen.push(request);
    return 'ok';
  }
}

describe('the replay cache', () => {
  it('says what a model says, while the clock goes on', { timeout: TIMEOUT_MS }, async () => {
    const seed = seedOfRun();
    const counts = { ok: 0, NONCE_REPLAYED: 0, NONCE_CACHE_FULL: 0 };
    for (let run = 0; run < RUNS; run++) {
      const random = randomFrom(seed + run);
      const entries = 1 + random(60);
      const skewS = random(2) ? random(60) : 0;
      const codec = await codecOf(entries);
      const model = new Model(entries);
      let nowS = NOW_S;
      for (let step = 0; step < STEPS; step++) {
        if (random(8) === 0) nowS += random(random(10) ? 30 : 700);
        const timestamp = nowS - AGE_S + random(AGE_S + skewS + 1);
        const request = {
          device: `device-${random(4)}`,
          nonce: random(80),
          digest: random(80),
          timestamp,
        };
        const wanted = model.record(
          { ...request, nonce: `${request.nonce}`, digest: `${request.digest}` },
          nowS,
          skewS,
        );
        const where = `ANDVARI_SEED=${seed}, run ${run}, step ${step}`;
        expect(record(codec, request, nowS, skewS), where).toBe(wanted);
        counts[wanted]++;
      }
    }
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(RUNS);
  });

  it('takes nothing twice, whatever the clock does', { timeout: TIMEOUT_MS }, async () => {
    const seed = seedOfRun();
    let replays = 0;
    for (let run = 0; run < RUNS; run++) {
      const random = randomFrom(seed + run);
      const codec = await codecOf(1 + random(60));
      const taken: Recorded[] = [];
      const names = new Set<string>();
      let nowS = NOW_S;
      for (let step = 0; step < STEPS; step++) {
        if (random(20) === 0) nowS += random(1200) - 600;
        // Half of the time something that was taken before, if the clock makes it fresh again.
        const old = random(2) ? taken[random(taken.length || 1)] : undefined;
        const isFresh = old && old.timestamp <= nowS && old.timestamp >= nowS - AGE_S;
        const request = (isFresh && old) || {
          device: `device-${random(4)}`,
          nonce: step,
          digest: step,
          timestamp: nowS - random(AGE_S + 1),
        };
        if (isFresh && random(3) === 0) request.digest = step;
        const where = `ANDVARI_SEED=${seed}, run ${run}, step ${step}`;
        const verdict = record(codec, request, nowS);
        const name = `${request.device} ${request.nonce}`;
        if (names.has(name)) {
          expect(verdict, where).not.toBe('ok');
          replays++;
        }
        if (verdict !== 'ok') continue;
        names.add(name);
        taken.push({ ...request });
      }
    }
    expect(replays).toBeGreaterThan(RUNS * 20);
  });

  it('says what a model says, whatever the clock does, while there is room for what is stale', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const seed = seedOfRun();
    const counts = { ok: 0, NONCE_REPLAYED: 0, NONCE_CACHE_FULL: 0 };
    for (let run = 0; run < RUNS; run++) {
      const random = randomFrom(seed + run);
      // One place in sixteen may hold what is stale.
      const codec = await codecOf(16 * STEPS);
      const model = new Model(16 * STEPS);
      let nowS = NOW_S;
      for (let step = 0; step < STEPS / 4; step++) {
        if (random(8) === 0) nowS += random(30);
        if (random(40) === 0) nowS += random(random(2) ? 20_000 : 600) - (random(2) ? 10_000 : 300);
        const request = {
          device: `device-${random(4)}`,
          nonce: random(400),
          digest: random(400),
          timestamp: nowS - random(AGE_S + 1),
        };
        const seen = { ...request, nonce: `${request.nonce}`, digest: `${request.digest}` };
        const where = `ANDVARI_SEED=${seed}, run ${run}, step ${step}`;
        const wanted = model.record(seen, nowS, 0);
        expect(record(codec, request, nowS), where).toBe(wanted);
        counts[wanted]++;
      }
    }
    expect(counts.ok).toBeGreaterThan(RUNS * 100);
    expect(counts.NONCE_REPLAYED).toBeGreaterThan(RUNS * 100);
  });

  it.each([
    ['with room for what is stale', 65_536, 0],
    ['without', 40, 8],
  ])('a clock two hours ahead that is put right stops nobody, %s', async (_, entries, lost) => {
    const codec = await codecOf(entries);
    const HOURS_S = 7200;
    const taken: Recorded[] = [];
    let nonce = 0;
    const ask = (device: string, nowS: number) => {
      const one = { device, nonce: ++nonce, digest: nonce, timestamp: nowS };
      const verdict = record(codec, one, nowS);
      if (verdict === 'ok') taken.push(one);
      return verdict;
    };
    for (const device of ['a', 'b']) expect(ask(device, NOW_S)).toBe('ok');
    // One device speaks, 20 s for each message; the other says nothing.
    for (let second = 0; second < 13 * 60; second += 20) {
      expect(ask('a', NOW_S + HOURS_S + second)).toBe('ok');
    }
    const refused: number[] = [];
    for (let minute = 13; minute < 180; minute++) {
      const nowS = NOW_S + 60 * minute + 1;
      const before = taken.filter(({ timestamp: at }) => at <= nowS && at >= nowS - AGE_S);
      for (const device of ['a', 'b']) if (ask(device, nowS) !== 'ok') refused.push(minute);
      // Whatever is fresh, or fresh again, has been taken once.
      for (const one of before) expect(record(codec, one, nowS)).toBe('NONCE_REPLAYED');
    }
    // Two of each minute whose messages had to make room, when the right time comes there.
    expect(refused.every((minute) => minute >= 120 && minute < 120 + lost)).toBe(true);
    expect(refused).toHaveLength(2 * lost);
  });

  it('a device that is full of the future has room when the clock is put right', async () => {
    const codec = await codecOf(16 * PER_DEVICE_MAX);
    const ahead = NOW_S + 7200;
    const of = (nonce: number, timestamp: number) => {
      return { device: 'a', nonce, digest: nonce, timestamp };
    };
    for (let i = 0; i < PER_DEVICE_MAX; i++) {
      expect(record(codec, of(i, ahead + (i >> 6)), ahead + (i >> 6))).toBe('ok');
    }
    const end = ahead + (PER_DEVICE_MAX >> 6);
    expect(record(codec, of(9000, end), end)).toBe('NONCE_CACHE_FULL');
    for (let i = 0; i < PER_DEVICE_MAX; i++) {
      expect(record(codec, of(10_000 + i, NOW_S), NOW_S)).toBe('ok');
    }
    expect(record(codec, of(20_000, NOW_S), NOW_S)).toBe('NONCE_CACHE_FULL');
    expect(record(codec, of(10_000, NOW_S), NOW_S)).toBe('NONCE_REPLAYED');
    // Later everything of these seconds is refused, and what comes after them is not.
    for (let i = 0; i < PER_DEVICE_MAX; i += 97) {
      expect(record(codec, of(i, ahead + (i >> 6)), end)).toBe('NONCE_REPLAYED');
    }
    expect(record(codec, of(20_000, end), end)).toBe('ok');
  });

  it('a clock that was behind and is put right stops nobody, and takes nothing twice', async () => {
    for (const entries of [65_536, 15]) {
      const codec = await codecOf(entries);
      const ask = (device: string, nonce: number, nowS: number) =>
        record(codec, { device, nonce, digest: nonce, timestamp: nowS }, nowS);
      expect(ask('a', 1, NOW_S)).toBe('ok');
      for (let i = 0; i < 8; i++) expect(ask('a', 10 + i, NOW_S - 7200 + 60 * i)).toBe('ok');
      for (const device of ['a', 'b']) expect(ask(device, 2, NOW_S + 60)).toBe('ok');
      expect(ask('a', 1, NOW_S)).toBe('NONCE_REPLAYED');
      for (let i = 0; i < 8; i++) {
        expect(ask('a', 10 + i, NOW_S - 7200 + 60 * i)).toBe('NONCE_REPLAYED');
      }
    }
  });

  it('is not stopped by a clock that went forward and was put right', async () => {
    const codec = await codecOf(16);
    const one = { device: 'a', nonce: 1, digest: 1, timestamp: NOW_S };
    expect(record(codec, one, NOW_S)).toBe('ok');
    const ahead = NOW_S + 100_000;
    const other = { device: 'b', nonce: 2, digest: 2, timestamp: ahead };
    expect(record(codec, other, ahead)).toBe('ok');
    // What was forgotten while the clock was ahead is refused, what came later is taken.
    expect(record(codec, one, NOW_S + 1)).toBe('NONCE_REPLAYED');
    expect(record(codec, { ...one, nonce: 3, digest: 3, timestamp: NOW_S + 1 }, NOW_S + 1)).toBe(
      'ok',
    );
    expect(record(codec, other, ahead)).toBe('NONCE_REPLAYED');
  });

  it('knows the same bytes behind another border, and devices apart', async () => {
    const codec = await codecOf(16);
    const one = { device: 'a', nonce: 1, digest: 1, timestamp: NOW_S };
    expect(record(codec, one, NOW_S)).toBe('ok');
    expect(record(codec, { ...one, nonce: 2 }, NOW_S)).toBe('NONCE_REPLAYED');
    expect(record(codec, { ...one, digest: 2 }, NOW_S)).toBe('NONCE_REPLAYED');
    expect(record(codec, { ...one, device: 'b' }, NOW_S)).toBe('ok');
    expect(record(codec, { ...one, nonce: 2, digest: 2 }, NOW_S)).toBe('ok');
    // A shorter nonce with the same beginning, an id that goes on where the other ends.
    const short = { ...requestOf(), nonce: bytesOf(1, 8) };
    expect(codec.recordReplay(short, bytesOf(9, 32), NOW_S)).toBe('ok');
    const long = { ...requestOf(), nonce: bytesOf(1, 9) };
    expect(codec.recordReplay(long, bytesOf(10, 32), NOW_S)).toBe('ok');
  });

  it('keeps an entry through second 300 and the skew, and not longer', async () => {
    for (const skewS of [0, 7]) {
      const codec = await codecOf(1);
      const one = { device: 'a', nonce: 1, digest: 1, timestamp: NOW_S };
      const later = { device: 'a', nonce: 2, digest: 2, timestamp: NOW_S + 400 };
      expect(record(codec, one, NOW_S, skewS)).toBe('ok');
      const end = NOW_S + AGE_S + skewS;
      expect(record(codec, later, end, skewS)).toBe('NONCE_CACHE_FULL');
      expect(record(codec, one, end, skewS)).toBe('NONCE_REPLAYED');
      expect(record(codec, later, end + 1, skewS)).toBe('ok');
    }
  });

  it('holds 8192 of one device and others besides, and room comes back', async () => {
    const codec = await codecOf(PER_DEVICE_MAX + 10);
    const at = (i: number) => NOW_S + Math.floor(i / 100);
    for (let i = 0; i < PER_DEVICE_MAX; i++) {
      expect(record(codec, { device: 'a', nonce: i, digest: i, timestamp: at(i) }, at(i))).toBe(
        'ok',
      );
    }
    const now = at(PER_DEVICE_MAX);
    const more = { device: 'a', nonce: 9999, digest: 9999, timestamp: now };
    expect(record(codec, more, now)).toBe('NONCE_CACHE_FULL');
    expect(record(codec, { ...more, nonce: 5 }, now)).toBe('NONCE_REPLAYED');
    expect(record(codec, { ...more, device: 'b' }, now)).toBe('ok');
    const expired = NOW_S + AGE_S + 1;
    expect(record(codec, { ...more, timestamp: expired }, expired)).toBe('ok');
    // Hours later everything is stale at once, of which a call removes a few.
    const hours = expired + 10_000;
    for (let i = 0; i < PER_DEVICE_MAX; i++) {
      const nonce = 20_000 + i;
      const request = { device: 'a', nonce, digest: nonce, timestamp: hours };
      expect(record(codec, request, hours), `${i}`).toBe('ok');
    }
    expect(record(codec, { ...more, timestamp: hours }, hours)).toBe('NONCE_CACHE_FULL');
  });

  it('refuses everything where there is none, and what no request has', async () => {
    const none = await codecOf(0);
    const one = { device: 'a', nonce: 1, digest: 1, timestamp: NOW_S };
    expect(record(none, one, NOW_S)).toBe('NONCE_CACHE_FULL');
    const codec = await codecOf(1);
    const request = requestOf();
    const digest = new Uint8Array(32);
    const long = { ...request, deviceId: 'x'.repeat(257) };
    expect(() => codec.recordReplay(long, digest, NOW_S)).toThrow(RangeError);
    const nonce = new Uint8Array(65);
    expect(() => codec.recordReplay({ ...request, nonce }, digest, NOW_S)).toThrow(RangeError);
    expect(() => codec.recordReplay(request, digest.subarray(1), NOW_S)).toThrow(RangeError);
    expect(() => codec.recordReplay(request, digest, NOW_S, 3601)).toThrow(RangeError);
    expect(() => codec.recordReplay(request, digest, -1)).toThrow(RangeError);
    expect(codec.recordReplay(request, digest, NOW_S)).toBe('ok');
    await expect(codecOf(1_000_001)).rejects.toThrow(RangeError);
  });
});
