import { describe, expect, it } from 'vitest';
import { MemoryAnswerStore } from './answers/answer-store.ts';
import { ClockWatch, StartLine, type TwoClocks } from './set-clocks.ts';
import { placesForTests } from './testing/places.ts';
import { type PlaceOptions, TestClock } from './testing/ratatoskr-place.ts';
import type { TestPeer } from './testing/test-peer.ts';

const START_S = 1_800_000_000;

describe('the start, by a clock that may be set', () => {
  /** `elapsedS` after a start, the wall clock set by `setS`, and read somewhat later. */
  const moment = (elapsedS: number, setS = 0): TwoClocks => ({
    wallMs: (START_S + 0.9 + elapsedS + setS) * 1000 + ((elapsedS * 1000) % 3),
    steadyMs: 5000 + elapsedS * 1000,
  });

  it('stays where it was while nobody sets the clock', () => {
    const line = new StartLine(START_S + 1, moment(0));
    for (let elapsedS = 0; elapsedS < 400; elapsedS += 0.05) {
      expect(line.at(moment(elapsedS))).toBe(START_S + 1);
    }
  });

  it.each([-3600, -5.5, 5.5, 3600])('goes along when it is set by %d s', (setS) => {
    const line = new StartLine(START_S + 1, moment(0));
    for (let elapsedS = 0.05; elapsedS < 400; elapsedS += 0.05) {
      const at = line.at(moment(elapsedS, setS));
      // Not before the real start, or what came before it would be taken; not long after it.
      expect(at).toBeGreaterThanOrEqual(START_S + 1 + setS);
      expect(at).toBeLessThan(START_S + 2 + setS);
    }
  });

  it('is told once for each time, and not as time passes', () => {
    const watch = new ClockWatch(moment(0));
    const looks = [moment(5.03), moment(10, 7200), moment(15, 7200), moment(20), moment(90)];
    expect(looks.map((look) => watch.look(look))).toEqual([0, 7200, 0, -7200, 0]);
  });
});

describe('a server whose clock is set', () => {
  const startPlace = placesForTests();

  async function start(options: PlaceOptions = {}) {
    const executed: string[] = [];
    const handle = ({ requestId }: { requestId: string }) => {
      executed.push(requestId);
      return new Uint8Array();
    };
    const answers = new MemoryAnswerStore();
    const place = await startPlace({
      bus: { fallback: { name: 'counts', handle }, answers },
      ...options,
    });
    return { place, executed };
  }

  const told = async (peer: TestPeer, request = peer.request()) => {
    const answer = await peer.ask(request);
    return answer.success ? 'ok' : answer.errorCode;
  };

  it('ahead at the start and put right: takes what is new, and nothing older', async () => {
    const { place } = await start();
    place.clock.pass(20);
    place.clock.wall -= 3600;
    const peer = await place.connected();
    const now = BigInt(place.clock.wallS());
    expect(await told(peer)).toBe('ok');
    expect(await told(peer, peer.request({ timestamp: now - 20n }))).toBe('ok');
    expect(await told(peer, peer.request({ timestamp: now - 21n }))).toBe('TIMESTAMP_INVALID');
  });

  it('behind at the start and put right: takes what is new, and nothing older', async () => {
    const { place } = await start();
    place.clock.pass(20);
    place.clock.wall += 3600;
    const peer = await place.connected();
    const now = BigInt(place.clock.wallS());
    expect(await told(peer)).toBe('ok');
    expect(await told(peer, peer.request({ timestamp: now - 20n }))).toBe('ok');
    // An earlier process, whose clock was right, may have taken it.
    expect(await told(peer, peer.request({ timestamp: now - 21n }))).toBe('TIMESTAMP_INVALID');
  });

  it.each([
    ['ahead', 7200],
    ['behind', -7200],
  ])(
    '%s for 13 minutes and put right: stops nobody, and executes nothing twice',
    async (_, byS) => {
      const { place, executed } = await start({ rates: { perMinute: 10_000, perHour: 100_000 } });
      place.clock.pass(400);
      const [loud, quiet] = [await place.connected(), await place.connected('device-2')];
      let replays = 0;
      const sent: { peer: TestPeer; request: ReturnType<TestPeer['request']> }[] = [];
      const ask = async (peer: TestPeer) => {
        const request = peer.request();
        sent.push({ peer, request });
        expect(await told(peer, request)).toBe('ok');
      };
      for (const peer of [loud, quiet]) await ask(peer);
      place.clock.wall += byS;
      for (let minute = 0; minute < 13; minute++) {
        await ask(loud);
        place.clock.pass(60);
      }
      place.clock.wall -= byS;
      // Until the right time has come by the wrong one's, and beyond.
      for (let minute = 13; minute < 150; minute += minute < 115 ? 15 : 1) {
        for (const peer of [loud, quiet]) await ask(peer);
        const nowS = BigInt(place.clock.wallS());
        for (const { peer, request } of sent) {
          const ageS = nowS - request.timestamp;
          if (ageS < -60n || ageS > 360n) continue;
          const code = ageS < 0n || ageS > 300n ? 'TIMESTAMP_INVALID' : 'REPLAY';
          expect(await told(peer, request)).toBe(code);
          replays++;
        }
        place.clock.pass(60 * (minute < 115 ? 15 : 1));
      }
      expect(replays).toBeGreaterThan(40);
      expect(new Set(executed).size).toBe(executed.length);
      expect(executed).toHaveLength(sent.length);
    },
  );

  it('set back to the time of a process before: tells its outcome, executes nothing', async () => {
    const answers = new MemoryAnswerStore();
    const executed: string[] = [];
    const handle = ({ requestId }: { requestId: string }) => {
      executed.push(requestId);
      return new TextEncoder().encode(`${executed.length}`);
    };
    const bus = { fallback: { name: 'counts', handle }, answers };
    const before = (await start({ bus })).place;
    const first = await before.connected();
    const request = first.request();
    expect(await told(first, request)).toBe('ok');
    const clock = new TestClock();
    clock.pass(1);
    const after = (await start({ bus, clock })).place;
    const second = await after.connected();
    expect(await told(second, request)).toBe('TIMESTAMP_INVALID');
    clock.pass(5);
    clock.wall -= 60;
    clock.pass(60);
    const again = await second.ask(request);
    expect(new TextDecoder().decode(again.payload)).toBe('1');
    expect(await told(second, request)).toBe('REPLAY');
    expect(await told(second)).toBe('ok');
    expect(executed).toHaveLength(2);
  });

  it('says that it was set', async () => {
    const set: number[] = [];
    const clock = new TestClock();
    const { place } = await start({ clock, clockSet: (byS) => void set.push(byS) });
    for (const byS of [0, 7200, 0, -7200, 1]) {
      clock.pass(5);
      clock.wall += byS;
      place.server.sweep();
    }
    expect(set).toEqual([7200, -7200]);
  });
});
