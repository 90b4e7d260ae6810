/** A peer, or somebody on the way, who wants more than a direct way. */
import { writeFarEnd } from '@andvari/host-common/transfer/far-end';
import {
  CANDIDATES_MAX,
  type Candidate,
  emitCandidates,
  isLoopback,
  mayProbe,
  parseCandidates,
} from '@andvari/host-common/transfer/upgrade/candidates';
import {
  openProbe,
  PROBE_BYTES,
  ProbeKind,
  sealProbe,
} from '@andvari/host-common/transfer/upgrade/probe';
import { ProbeRound, ROUND_US } from '@andvari/host-common/transfer/upgrade/probe-round';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../seeded-random.ts';
import { met, NatWorld, place, SECOND, says } from './nat-world.ts';

const below = randomFrom(1);
const random = (count: number) => Uint8Array.from({ length: count }, () => below(256));
const key = random(32);
const there = place([192, 0, 2, 1], 5000);
const candidate = (farEnd: Uint8Array): Candidate => ({ kind: 'host', farEnd });

function ipv6(text: string, port = 5000) {
  const address = Uint8Array.from(Buffer.from(text, 'hex'));
  return writeFarEnd({ address, port, handle: 0 });
}

describe('addresses of a peer', () => {
  const whole = { isAnswer: true, round: 0x1234, key };

  it('are read as they were written', () => {
    const candidates: Candidate[] = [
      candidate(there),
      { kind: 'reflexive', farEnd: ipv6('20010db8000000000000000000000001') },
    ];
    const bytes = emitCandidates({ ...whole, candidates });
    expect(bytes).toHaveLength(37 + 8 + 20);
    expect(parseCandidates(bytes)).toEqual({ ...whole, candidates });
    const empty = emitCandidates({ ...whole, isAnswer: false, candidates: [] });
    expect(parseCandidates(empty)).toMatchObject({ isAnswer: false, candidates: [] });
  });

  it('and a question to be asked again, which is an answer to others', () => {
    const again = { ...whole, isAgain: true, round: 0, candidates: [] };
    const bytes = emitCandidates(again);
    expect(parseCandidates(bytes)).toEqual(again);
    bytes[1] = 2; // no answer, then: the flag means nothing
    expect(parseCandidates(bytes)).not.toHaveProperty('isAgain');
  });

  it('are none if they are cut, too long, too many, or of no kind', () => {
    const bytes = emitCandidates({ ...whole, candidates: [candidate(there)] });
    for (let length = 0; length < bytes.length; length++) {
      expect(parseCandidates(bytes.subarray(0, length))).toBeUndefined();
    }
    const many = Array.from({ length: CANDIDATES_MAX + 1 }, () => candidate(there));
    const longer = Uint8Array.from([...bytes, 0]);
    expect(parseCandidates(longer)).toBeUndefined();
    expect(parseCandidates(emitCandidates({ ...whole, candidates: many }))).toBeUndefined();
    for (const [at, byte] of [
      [0, 2],
      [37, 0],
      [37, 3],
      [38, 5],
    ] as const) {
      const other = bytes.slice();
      other[at] = byte;
      expect(parseCandidates(other)).toBeUndefined();
    }
  });

  it.each([
    ['0.1.2.3', place([0, 1, 2, 3], 5000)],
    ['the wildcard', place([0, 0, 0, 0], 5000)],
    ['link-local', place([169, 254, 1, 1], 5000)],
    ['multicast', place([224, 0, 0, 251], 5353)],
    ['reserved', place([240, 0, 0, 1], 5000)],
    ['broadcast', place([255, 255, 255, 255], 5000)],
    ['port 0', place([192, 0, 2, 1], 0)],
    ['another relay', place([192, 0, 2, 1], 5000, 1)],
    ['the wildcard of IPv6', ipv6('0'.repeat(32))],
    ['multicast of IPv6', ipv6(`ff02${'0'.repeat(27)}1`)],
    ['link-local of IPv6', ipv6(`fe80${'0'.repeat(27)}1`)],
    ['IPv4-compatible', ipv6(`${'0'.repeat(24)}c0000201`)],
  ])('are not asked: %s', (_, farEnd) => {
    expect([mayProbe(farEnd, false), mayProbe(farEnd, true)]).toEqual([false, false]);
  });

  it('are asked on this machine only if it has named itself', () => {
    for (const farEnd of [place([127, 0, 0, 1], 5000), ipv6(`${'0'.repeat(31)}1`)]) {
      expect([mayProbe(farEnd, false), mayProbe(farEnd, true)]).toEqual([false, true]);
      expect(isLoopback({ address: farEnd.subarray(0, 16) })).toBe(true);
    }
    for (const farEnd of [there, place([10, 0, 0, 1], 1), ipv6(`20010db8${'0'.repeat(23)}1`)]) {
      expect(mayProbe(farEnd, false)).toBe(true);
    }
  });

  it('that may not be asked get nothing, whatever else is named', async () => {
    const nat = new NatWorld(1);
    const wrong = [
      [127, 0, 0, 1],
      [224, 0, 0, 1],
      [255, 255, 255, 255],
      [0, 0, 0, 0],
    ];
    const candidates = wrong.map((ipv4) => candidate(place(ipv4, 5000)));
    const [caller, called] = await met(nat, ['none', 'none'], [{ candidates }, { candidates: [] }]);
    await nat.world.run(6 * SECOND);
    expect(caller.way).toBe('relayed');
    expect(called.upgrade.refused).toEqual({ questions: 0, probes: 0, addresses: 4 });
    expect(nat.direct).toEqual([]);
  });

  it('that are others get few small packets, and an end', async () => {
    const nat = new NatWorld(2);
    const strangers = Array.from({ length: 8 }, (_, i) => candidate(place([192, 0, 2, i + 1], 53)));
    const [caller] = await met(
      nat,
      ['none', 'none'],
      [{ candidates: [] }, { candidates: strangers }],
    );
    caller.keepalive(true);
    await nat.world.run(6 * SECOND);
    const { length } = nat.direct;
    expect(length).toBeGreaterThan(8);
    expect(length).toBeLessThanOrEqual(64);
    for (const { bytes } of nat.direct) expect(bytes).toHaveLength(PROBE_BYTES);
  });
});

describe('a peer that asks without end', () => {
  it('is answered a few times, and keeps its session', async () => {
    const nat = new NatWorld(3);
    const off = { upgrade: undefined };
    const [caller, called] = await met(nat, ['none', 'none'], [off, { candidates: [] }]);
    for (let round = 1; round <= 30; round++) {
      says(caller, emitCandidates({ isAnswer: false, round, key, candidates: [candidate(there)] }));
      await nat.world.run(SECOND / 10);
    }
    expect(called.upgrade.attempts).toBeLessThanOrEqual(5);
    expect(called.upgrade.attempts).toBeGreaterThan(3);
    expect(called.upgrade.refused.questions).toBe(30 - called.upgrade.attempts);
    // A round takes the place of the one before: never more than one is paced.
    expect(nat.direct.length).toBeLessThanOrEqual(3.2 * 20);
    expect([caller.isOpen, called.isOpen]).toEqual([true, true]);
  });

  it('is not heard with nonsense, an old round, or in the wrong part', async () => {
    const nat = new NatWorld(4);
    const off = { upgrade: undefined };
    const [caller, called] = await met(nat, ['none', 'none'], [off, { candidates: [] }]);
    const candidates = [candidate(there)];
    says(caller, emitCandidates({ isAnswer: false, round: 7, key, candidates }));
    await nat.world.run(SECOND / 10);
    for (const bytes of [
      emitCandidates({ isAnswer: false, round: 7, key, candidates }),
      emitCandidates({ isAnswer: false, round: 6, key, candidates }),
      emitCandidates({ isAnswer: true, round: 8, key, candidates }),
      new Uint8Array(0),
      random(1112),
    ]) {
      says(caller, bytes);
      await nat.world.run(SECOND / 10);
    }
    expect(called.upgrade.attempts).toBe(1);
    expect(called.upgrade.refused.questions).toBe(5);
    expect(called.isOpen).toBe(true);
  });
});

describe('a probe', () => {
  const probe = { kind: ProbeKind.ASK, round: 513, id: random(8) };
  const plain = { random, stealth: false };

  it('is opened by its key alone, and not if a bit is another', () => {
    const sealed = sealProbe(probe, key, plain);
    expect(sealed).toHaveLength(PROBE_BYTES);
    expect(openProbe(sealed, key)).toEqual(probe);
    expect(openProbe(sealed, random(32))).toBeUndefined();
    for (let at = 0; at < PROBE_BYTES; at++) {
      const other = sealed.slice();
      other[at] = (other[at] as number) ^ 1;
      expect(openProbe(other, key)).toBeUndefined();
    }
    expect(openProbe(sealed.subarray(0, 95), key)).toBeUndefined();
    expect(openProbe(new Uint8Array(700), key)).toBeUndefined();
    const stealthy = sealProbe(probe, key, { random, stealth: true });
    expect(openProbe(stealthy, key)).toEqual(probe);
  });

  it('never begins as a marker', () => {
    let drawn = 0;
    const marking = (count: number) =>
      count === 24 && drawn++ < 3 ? new Uint8Array(24).fill(drawn === 1 ? 0 : 0xff) : random(count);
    const sealed = sealProbe(probe, key, { random: marking, stealth: false });
    expect(drawn).toBe(4);
    expect(openProbe(sealed, key)).toEqual(probe);
  });
});

describe('a round', () => {
  const peerKey = random(32);
  const options = {
    ...{ round: 1, ownKey: key, peerKey, candidates: [candidate(there)] },
    ...{ mayProbe: (farEnd: Uint8Array) => mayProbe(farEnd, false), random, stealth: false },
  };
  const asked = (id = random(8), round = 1) =>
    sealProbe({ kind: ProbeKind.ASK, round, id }, key, { random, stealth: false });
  const answerTo = (bytes: Uint8Array) => {
    const question = openProbe(bytes, peerKey) as { id: Uint8Array };
    const answer = { kind: ProbeKind.ANSWER, round: 1, id: question.id };
    return sealProbe(answer, key, { random, stealth: false });
  };

  it('takes an answer from where it asked, and from nowhere else', () => {
    const round = new ProbeRound(options, 0);
    const question = round.ask(0)?.bytes as Uint8Array;
    const bytes = answerTo(question);
    const elsewhere = place([192, 0, 2, 1], 5001);
    expect(round.receive({ bytes, farEnd: elsewhere }, 1).kind).toBe('refused');
    expect(
      round.receive(
        {
          bytes: answerTo(sealProbe({ kind: 1, round: 1, id: random(8) }, peerKey, options)),
          farEnd: there,
        },
        1,
      ).kind,
    ).toBe('refused');
    expect(round.receive({ bytes, farEnd: there }, 9)).toMatchObject({
      ...{ kind: 'answered', place: 'host', roundTripUs: 9 },
    });
    // What went out is no answer when it comes back.
    expect(round.receive({ bytes: question, farEnd: there }, 2).kind).toBe('nothing');
  });

  it('answers a question once, whoever repeats it, and none through a relay', () => {
    const round = new ProbeRound(options, 0);
    const bytes = asked();
    const relayed = place([192, 0, 2, 9], 0, 1);
    expect(round.receive({ bytes, farEnd: relayed }, 1).kind).toBe('nothing');
    expect(round.receive({ bytes, farEnd: there }, 1).kind).toBe('asked');
    expect(round.receive({ bytes, farEnd: there }, 2).kind).toBe('refused');
    const victim = place([203, 0, 113, 5], 53);
    expect(round.receive({ bytes, farEnd: victim }, 2).kind).toBe('refused');
    expect(round.size).toBe(1);
    for (const wrong of [place([127, 0, 0, 1], 53), place([224, 0, 0, 1], 53)]) {
      expect(round.receive({ bytes: asked(), farEnd: wrong }, 3).kind).toBe('refused');
    }
    expect(round.receive({ bytes: asked(random(8), 2), farEnd: there }, 3).kind).toBe('nothing');
    expect(round.receive({ bytes: asked(), farEnd: there }, ROUND_US).kind).toBe('nothing');
  });

  it('asks 16 addresses and answers 128 questions at the most, one question in 50 ms', () => {
    const round = new ProbeRound(options, 0);
    let answered = 0;
    for (let i = 0; i < 300; i++) {
      const farEnd = place([198, 18, i >> 8, i & 255], 9);
      if (round.receive({ bytes: asked(), farEnd }, 1).kind === 'asked') answered++;
    }
    expect([round.size, answered]).toEqual([16, 128]);
    let sent = 0;
    for (let us = 0; us < 2 * ROUND_US; us += 10_000) if (round.ask(us)) sent++;
    expect(sent).toBe(64);
    expect(round.wakeUs).toBe(ROUND_US);
  });
});
