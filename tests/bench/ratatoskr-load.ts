/**
 * Child of the Ratatoskr bench (pinned-load.ts): one transport to one server, for as long as the
 * bench lasts. It is told to prepare a run, then to drive it; answers with its figures. What an
 * answer says is checked after the clock has stopped.
 */
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import {
  CONNECTIONS,
  DEVICES,
  openPeer,
  openRatatoskrSession,
  type Peer,
  requestOf,
  type Transport,
  WINDOW,
} from './ratatoskr-peers.ts';
import { percentiles } from './timing.ts';

export interface LoadTarget {
  transport: Transport;
  port: number;
  /** A server of ours; else it echoes whatever comes. */
  isRatatoskr: boolean;
}

export type Mode = 'full' | 'alone' | 'half';

/** Of one run. */
export interface Figures {
  requests: number;
  seconds: number;
  p50Us: number;
  p99Us: number;
  /** Sent that much after their time: the load's own delay, part of the p99. */
  lateP99Us: number;
  /** The longest of this process. */
  collectionMs: number;
}

export interface Connects {
  perSecond: number;
  p50Us: number;
  p99Us: number;
}

/**
 * Over all connections. At half load some three seconds: in fewer a single collection more or less
 * decides the p99.
 */
const REQUESTS: Record<Mode, number> = { full: 5000, alone: 500, half: 12_000 };
/** Of these not measured: what has rested is slow at first, its code was taken away meanwhile. */
const WARM_UP: Record<Mode, number> = { full: 2000, alone: 0, half: 2000 };
const CONNECTS = 50;
const SETTLE_MS = 300;
const ANSWER_BYTES_MAX = 1024;

setFlagsFromString('--expose-gc');
/** What the preparation has thrown away is collected before the clock runs, not while it does. */
const collect = runInNewContext('gc') as () => void;

/** One message under way. */
interface Sent {
  requestId: string;
  /** Milliseconds: when it was sent, or should have been. */
  atMs: number;
}

interface Lane {
  peer: Peer;
  /** Signed beforehand. */
  supply: { requestId: string; bytes: Uint8Array }[];
  /** In the order of their answers. */
  sent: Sent[];
}

/** Answers until they are checked, in one block: as many objects would be collected meanwhile. */
class Answers {
  readonly #bytes: Buffer;
  readonly #ends: number[] = [0];
  readonly #requestIds: string[] = [];

  constructor(count: number) {
    this.#bytes = Buffer.alloc(count * ANSWER_BYTES_MAX);
  }

  get count(): number {
    return this.#requestIds.length;
  }

  add(requestId: string, bytes: Uint8Array): void {
    const end = this.#ends.at(-1) as number;
    this.#bytes.set(bytes, end);
    this.#ends.push(end + bytes.length);
    this.#requestIds.push(requestId);
  }

  *[Symbol.iterator]() {
    for (const [index, requestId] of this.#requestIds.entries()) {
      yield { requestId, bytes: this.#bytes.subarray(this.#ends[index], this.#ends[index + 1]) };
    }
  }
}

/** Collections of this process: times that they lengthen are not the server's. */
class LoadCollections {
  #longestMs = 0;
  readonly #observer = new PerformanceObserver((list) => this.#look(list.getEntries()));

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  longestMs(): number {
    this.#look(this.#observer.takeRecords());
    this.#observer.disconnect();
    return this.#longestMs;
  }

  #look(entries: readonly PerformanceEntry[]): void {
    for (const { duration } of entries) this.#longestMs = Math.max(this.#longestMs, duration);
  }
}

class Load {
  readonly #target: LoadTarget;
  readonly #codec: RatatoskrCodec;
  #run: { lanes: Lane[]; window: number; perSecond: number | undefined } | undefined;
  /** Each run has devices that rested, or their 8192 live nonces are used up. */
  #opened = 0;

  constructor(target: LoadTarget, codec: RatatoskrCodec) {
    this.#target = target;
    this.#codec = codec;
  }

  async prepare(mode: Mode, perSecond: number): Promise<void> {
    const lanes = await this.#openLanes(mode);
    const pace = {
      window: mode === 'alone' ? 1 : WINDOW,
      perSecond: mode === 'half' ? perSecond : undefined,
    };
    if (WARM_UP[mode] > 0) {
      const rest = lanes.map(({ supply }) => supply.splice(WARM_UP[mode] / lanes.length));
      await drive(lanes, pace);
      lanes.forEach((lane, i) => void lane.supply.push(...(rest[i] as Lane['supply'])));
    }
    this.#run = { lanes, ...pace };
    collect();
    // Native objects end after the collection, in turns of the loop that would be the run's.
    await pause(SETTLE_MS);
  }

  async drive(): Promise<Figures> {
    if (!this.#run) throw new Error('nothing is prepared');
    const { lanes, ...pace } = this.#run;
    this.#run = undefined;
    const collections = new LoadCollections();
    const start = performance.now();
    const { times, lates, answered } = await drive(lanes, pace);
    const seconds = (performance.now() - start) / 1000;
    const collectionMs = collections.longestMs();
    for (const { peer } of lanes) peer.close();
    if (this.#target.isRatatoskr) this.#check(answered);
    const lateP99Us = percentiles(lates).p99Us;
    return { requests: times.length, seconds, ...percentiles(times), lateP99Us, collectionMs };
  }

  /** From nothing to a session, one after the other. */
  async connects(): Promise<Connects> {
    const { transport, port } = this.#target;
    const times: number[] = [];
    const start = performance.now();
    for (let i = 0; i < CONNECTS; i++) {
      const from = performance.now();
      const peer = await openPeer(transport, port);
      await openRatatoskrSession(this.#codec, peer, DEVICES[i] as string);
      times.push(performance.now() - from);
      peer.close();
    }
    const perSecond = (times.length / (performance.now() - start)) * 1000;
    return { perSecond, ...percentiles(times) };
  }

  async #openLanes(mode: Mode): Promise<Lane[]> {
    const { transport, port, isRatatoskr } = this.#target;
    const count = mode === 'alone' ? 1 : CONNECTIONS;
    const each = Math.floor(REQUESTS[mode] / count);
    const lanes: Lane[] = [];
    for (let i = 0; i < count; i++) {
      const deviceId = DEVICES[this.#opened++ % DEVICES.length] as string;
      const peer = await openPeer(transport, port);
      if (isRatatoskr) await openRatatoskrSession(this.#codec, peer, deviceId);
      const supply = Array.from({ length: each }, () => {
        const request = requestOf(this.#codec, deviceId);
        return { requestId: request.requestId, bytes: this.#codec.encodeRequest(request) };
      });
      lanes.push({ peer, supply, sent: [] });
    }
    return lanes;
  }

  #check(answered: Answers): void {
    for (const { requestId, bytes } of answered) {
      const opened = this.#codec.openResponse(bytes);
      if (opened.ok && opened.response.success && opened.response.requestId === requestId) continue;
      throw new Error(`a wrong answer: ${opened.ok ? opened.response.errorCode : opened.reason}`);
    }
  }
}

/**
 * Sends all that the lanes have and waits for the answers. `perSecond`: of all lanes, at fixed
 * times whatever the server does; undefined: `window` a lane under way, as fast as it goes.
 */
function drive(
  lanes: Lane[],
  { window, perSecond }: { window: number; perSecond: number | undefined },
) {
  const times: number[] = [];
  const lates: number[] = [];
  const total = lanes.reduce((sum, { supply }) => sum + supply.length, 0);
  const answered = new Answers(total);
  const send = (lane: Lane, atMs = performance.now()) => {
    const next = lane.supply.pop();
    if (!next) return;
    lane.sent.push({ requestId: next.requestId, atMs });
    lates.push(performance.now() - atMs);
    lane.peer.send(next.bytes);
  };
  return new Promise<{ times: number[]; lates: number[]; answered: Answers }>((resolve) => {
    for (const lane of lanes) {
      lane.peer.onMessage = (bytes) => {
        const { requestId, atMs } = lane.sent.shift() as Sent;
        times.push(performance.now() - atMs);
        answered.add(requestId, bytes);
        if (answered.count === total) resolve({ times, lates, answered });
        else if (perSecond === undefined) send(lane);
      };
    }
    if (perSecond === undefined) {
      for (const lane of lanes) for (let i = 0; i < window; i++) send(lane);
      return;
    }
    const start = performance.now();
    let sent = 0;
    const tick = () => {
      for (; sent < total && performance.now() - start >= (sent / perSecond) * 1000; sent++) {
        send(lanes[sent % lanes.length] as Lane, start + (sent / perSecond) * 1000);
      }
      // A loop that never sleeps would have its core taken away where others want it.
      if (sent < total) setTimeout(tick, 1);
    };
    tick();
  });
}

const load = new Load(
  JSON.parse(process.argv[2] ?? '') as LoadTarget,
  RatatoskrCodec.create({ module: await plainEngine() }),
);
type Question = 'drive' | 'connects' | { prepare: Mode; perSecond: number };
const answerTo = (question: Question) => {
  if (question === 'drive') return load.drive();
  if (question === 'connects') return load.connects();
  return load.prepare(question.prepare, question.perSecond).then(() => 'prepared');
};
process.on('message', async (question) => {
  process.send?.(await answerTo(question as Question));
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');
