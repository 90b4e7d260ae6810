/**
 * One attempt of two peers to reach each other: each asks all addresses that the other has named,
 * paced, again and again, and answers what comes. A NAT lets in what has gone out to there before,
 * so both have to ask at once. An address from which a good question comes is asked too: it may be
 * one that a NAT has made for us alone. No sockets and no clock: time is an argument. Reference:
 * transfer, section 8 (Ta 50 ms, [T] 5 s).
 */
import { nameOf, type RandomBytes } from '../byte-strings.ts';
import type { Datagram } from '../datagram-transport.ts';
import { hasHandle, placeOf } from '../far-end.ts';
import type { Candidate, CandidateKind } from './candidates.ts';
import { openProbe, PROBE_ID_BYTES, ProbeKind, sealProbe } from './probe.ts';

/** Between two questions, whichever way they go. */
const PACE_US = 50_000;
/** Between two questions to one address, at first; each time twice as long up to the last. */
const AGAIN_US = 100_000;
const AGAIN_US_MAX = 800_000;
export const ROUND_US = 5_000_000;
/** Questions of a round, answers to those of the other, and addresses that are asked. */
const ASKS_MAX = 64;
const ANSWERS_MAX = 128;
const PLACES_MAX = 16;

/** Where a direct way was found: named by the peer, or where its question came from. */
export type PlaceKind = CandidateKind | 'peer-reflexive';

interface Place {
  kind: PlaceKind;
  farEnd: Uint8Array;
  nextUs: number;
  againUs: number;
}

export interface RoundOptions {
  round: number;
  /** Probes to us and to the peer are sealed with these. */
  ownKey: Uint8Array;
  peerKey: Uint8Array;
  /** Those of the peer's that may be asked. */
  candidates: readonly Candidate[];
  /** May a question be answered, and its place asked? */
  mayProbe(farEnd: Uint8Array): boolean;
  random: RandomBytes;
  stealth: boolean;
}

/** What a datagram was to a round. */
export type Heard =
  | { kind: 'nothing' }
  /** Seen before, perhaps from elsewhere; more than are answered; from where nothing goes. */
  | { kind: 'refused' }
  | { kind: 'asked'; answer: Datagram }
  /** The way to that place and back is open. */
  | { kind: 'answered'; place: PlaceKind; farEnd: Uint8Array; roundTripUs: number };

export class ProbeRound {
  readonly endUs: number;
  /** Questions that went, and those of the peer that were answered. */
  readonly counts = { asked: 0, answered: 0 };
  private readonly options: RoundOptions;
  private readonly places = new Map<string, Place>();
  /** Our questions: where each went, and when. */
  private readonly asks = new Map<string, { place: Place; us: number }>();
  private readonly seen = new Set<string>();
  private paceUs: number;

  constructor(options: RoundOptions, nowUs: number) {
    this.options = options;
    this.endUs = nowUs + ROUND_US;
    this.paceUs = nowUs;
    for (const { kind, farEnd } of options.candidates) this.add(kind, farEnd, nowUs);
  }

  /** Addresses that are asked. */
  get size(): number {
    return this.places.size;
  }

  /** When ask() has something, or the round is over. */
  get wakeUs(): number {
    if (this.asks.size >= ASKS_MAX) return this.endUs;
    let dueUs = Number.POSITIVE_INFINITY;
    for (const { nextUs } of this.places.values()) dueUs = Math.min(dueUs, nextUs);
    return Math.min(Math.max(dueUs, this.paceUs), this.endUs);
  }

  /** The next question, if it is time for one. */
  ask(nowUs: number): Datagram | undefined {
    if (nowUs < this.paceUs || nowUs >= this.endUs || this.asks.size >= ASKS_MAX) return undefined;
    let next: Place | undefined;
    for (const place of this.places.values()) {
      if (place.nextUs <= nowUs && (!next || place.nextUs < next.nextUs)) next = place;
    }
    if (!next) return undefined;
    const { round, peerKey, random } = this.options;
    const id = random(PROBE_ID_BYTES).slice();
    this.asks.set(nameOf(id), { place: next, us: nowUs });
    this.counts.asked++;
    next.nextUs = nowUs + next.againUs;
    next.againUs = Math.min(2 * next.againUs, AGAIN_US_MAX);
    this.paceUs = nowUs + PACE_US;
    const bytes = sealProbe({ kind: ProbeKind.ASK, round, id }, peerKey, this.options);
    return { bytes, farEnd: next.farEnd };
  }

  /** What a datagram is that no session takes; the view is not kept. */
  receive({ bytes, farEnd }: Datagram, nowUs: number): Heard {
    // A relay may bring what it has seen: then it says nothing of a direct way.
    if (hasHandle(farEnd) || nowUs >= this.endUs) return { kind: 'nothing' };
    const probe = openProbe(bytes, this.options.ownKey);
    if (!probe || probe.round !== this.options.round) return { kind: 'nothing' };
    if (probe.kind === ProbeKind.ASK) return this.asked(probe.id, farEnd, nowUs);
    return probe.kind === ProbeKind.ANSWER
      ? this.answered(probe.id, farEnd, nowUs)
      : { kind: 'refused' };
  }

  private asked(id: Uint8Array, farEnd: Uint8Array, nowUs: number): Heard {
    const place = placeOf(farEnd);
    const { mayProbe, round, peerKey } = this.options;
    const isNew = !this.seen.has(nameOf(id)) && this.seen.size < ANSWERS_MAX;
    if (!isNew || !mayProbe(place)) return { kind: 'refused' };
    this.seen.add(nameOf(id));
    this.counts.answered++;
    const known = this.places.get(nameOf(place));
    if (known) known.nextUs = Math.min(known.nextUs, nowUs);
    else this.add('peer-reflexive', place, nowUs);
    const bytes = sealProbe({ kind: ProbeKind.ANSWER, round, id }, peerKey, this.options);
    return { kind: 'asked', answer: { bytes, farEnd: farEnd.slice() } };
  }

  private answered(id: Uint8Array, farEnd: Uint8Array, nowUs: number): Heard {
    const ask = this.asks.get(nameOf(id));
    const place = ask?.place;
    // From elsewhere than was asked: there is no way there.
    if (!ask || !place || nameOf(place.farEnd) !== nameOf(placeOf(farEnd))) {
      return { kind: 'refused' };
    }
    const roundTripUs = nowUs - ask.us;
    return { kind: 'answered', place: place.kind, farEnd: place.farEnd, roundTripUs };
  }

  private add(kind: PlaceKind, farEnd: Uint8Array, nowUs: number): void {
    const name = nameOf(farEnd);
    if (this.places.size >= PLACES_MAX || this.places.has(name)) return;
    this.places.set(name, { kind, farEnd, nextUs: nowUs, againUs: AGAIN_US });
  }
}
