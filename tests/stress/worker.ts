/**
 * Thread: one engine instance under load. It looks at the present AN of a coin in live memory and
 * often loses to the other worker; at times it bets on what the other is about to write, without
 * which a fault in the order of claims stays hidden (border.md).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '@andvari/host-common/engine/engine';
import { Descriptor, Effect, EffectKind, Flag } from '@andvari/host-common/engine/generated/layout';
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import type { Ring } from '@andvari/host-common/engine/ring';
import { randomFrom } from '../seeded-random.ts';
import {
  COINS_COUNT,
  COLD_RECORD,
  hotPage,
  MFS,
  type SharedState,
  TICKETS_KNOWN,
  Word,
} from './coins.ts';
import { CHECKED_MAX, RequestWriter, type Templates } from './request-writer.ts';

export interface WorkerOptions {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  worker: number;
  workers: number;
  state: SharedState;
  seed: number;
  requests: number;
  templates: Templates;
  /** A request that has no answer for so long will never have one. */
  stallMs: number;
}

export interface WorkerReport {
  /** Success bits of answered powns, by coin. */
  won: number[];
  lost: number;
  /** Replies 252: undone, or nobody knows. */
  unknown: number;
  /** Replies that left before what they tell was committed. */
  early: number;
  /** Pages loaded, and those among them that hold the 64 coins. */
  loads: number;
  hotLoads: number;
  /** Claims that were granted: ticket number * 32 + RAIDA. */
  claims: number[];
  tickets: number;
  /** process() took nothing although there were requests. */
  stopped: number;
  failure?: string;
}

const FRAMES = 256;
const SEND_MAX = 32;
const BATCH = 64;
const START_US = 1795219200000000;
/** The clock moves so far at a time: a ticket lives 300 s. */
const CLOCK_S = 50;

const options = workerData as WorkerOptions;
const { worker, workers, requests } = options;
const engine = Engine.attach(options.module, options.memory, worker);
const words = new Int32Array(options.state.words);
const stored = new Uint8Array(options.state.pages);
const random = randomFrom(options.seed);
const { templates } = options;
const writer = new RequestWriter({ engine, worker, workers, words, random, templates });
const report: WorkerReport = {
  ...{ won: Array(COINS_COUNT).fill(0), lost: 0, unknown: 0, early: 0 },
  ...{ claims: [], tickets: 0, loads: 0, hotLoads: 0, stopped: 0 },
};
const frames = Array.from({ length: FRAMES }, () => engine.frames.take());
const free = frames.map((_, number) => number);
/** Loads that have begun; they end at random moments. */
const loading: { slot: number; key: number; offset: number }[] = [];
let sent = 0;
let back = 0;

/** The same for all workers, in microseconds. */
const nowUs = () => START_US + Atomics.load(words, Word.CLOCK) * 1_000_000;

function send(): void {
  const nowHere = nowUs();
  const inUse = Atomics.load(words, Word.IN_USE);
  for (let i = 0; i < SEND_MAX && sent < requests; i++, sent++) {
    const number = free.pop();
    if (number === undefined) return;
    const frame = frames[number] ?? 0;
    const bytes = writer.write(frame, number, inUse);
    engine.rx.push(frame, frame, bytes, number, Flag.DATAGRAM, nowHere);
    // Every now and then other pages are in use, and those that are not may be driven out.
    if (worker !== 0 || sent % 3000 !== 0) continue;
    Atomics.store(words, Word.IN_USE, 1 + random(255));
    Atomics.add(words, Word.CLOCK, CLOCK_S);
  }
}

function serveEffects(): void {
  const { effects, u32 } = engine;
  for (; effects.used; effects.shift()) {
    const at = effects.first();
    const word = (offset: number) => u32[at + (offset >>> 2)] ?? 0;
    if (word(Effect.KIND) === EffectKind.FILL_RANDOM) continue;
    loading.push({
      ...{ slot: word(Effect.SLOT), key: word(Effect.KEY), offset: word(Effect.OFFSET) },
    });
  }
  const most = random(4) === 0 ? loading.length : random(loading.length + 1);
  for (const load of loading.splice(0, most)) finishLoad(load);
}

function finishLoad({ slot, key, offset }: { slot: number; key: number; offset: number }): void {
  const hot = hotPage(key);
  if (hot >= 0) {
    engine.u8.set(stored.subarray(hot * PAGE_BYTES, (hot + 1) * PAGE_BYTES), offset);
    report.hotLoads++;
  } else {
    const record = offset + COLD_RECORD * 17;
    engine.u8.fill(0, record, record + 16);
    engine.u8[record + 16] = MFS;
  }
  report.loads++;
  if (engine.exports.resume(slot, 0) !== Status.OK) throw new Error('resume of a slot not loading');
}

/** Takes replies out of a ring: READY to the end, HELD up to the committed position. */
function take(ring: Ring, held: boolean): number {
  let taken = 0;
  const { u32 } = engine;
  for (const committed = engine.committed(); ring.used; ring.shift()) {
    const at = ring.first();
    const word = (offset: number) => u32[at + (offset >>> 2)] ?? 0;
    const position = word(Descriptor.POSITION) + word(Descriptor.POSITION + 4) * 4294967296;
    const length = word(Descriptor.LENGTH);
    if (held && position > committed) break;
    if (length === 0) continue; // a frame alone: ours are named by the request
    if (position > engine.committed()) report.early++;
    taken++;
    check(word(Descriptor.PEER), word(Descriptor.OFFSET), word(Descriptor.STATUS));
  }
  return taken;
}

/** Shows all workers the ticket whose number lies at `at`. */
function keepTicket(at: number): void {
  const [a = 0, b = 0, c = 0, d = 0] = engine.u8.subarray(at, at + 4);
  const place = Atomics.add(words, Word.TICKETS_GIVEN, 1) & (TICKETS_KNOWN - 1);
  Atomics.store(words, Word.TICKETS + place, (a << 24) | (b << 16) | (c << 8) | d);
  report.tickets++;
}

/** What the reply to request `number` tells, against what is committed. */
function check(number: number, offset: number, status: number): void {
  free.push(number);
  back++;
  const { coins, generations, counts } = writer.asked;
  const count = counts[number] ?? 0;
  const changes = count > 0 && writer.changes[number] === 1;
  if (status === Status.INTERNAL) {
    report.unknown++;
    return;
  }
  if (engine.u8[offset + 2] !== status) throw new Error('descriptor and reply differ in status');
  if (writer.claims[number]) {
    if (status === Status.SUCCESS) report.claims.push(writer.claims[number] ?? 0);
    return;
  }
  if (writer.tickets[number] && (status === Status.ALL_PASS || status === Status.MIXED)) {
    keepTicket(offset + 32 + (status === Status.MIXED ? 1 : 0));
  }
  const bitmap = status === Status.MIXED ? (engine.u8[offset + 32] ?? 0) : 0;
  for (let i = 0; i < count; i++) {
    const passed = status === Status.ALL_PASS || ((bitmap >> i) & 1) === 1;
    if (!passed) {
      report.lost++;
      continue;
    }
    const coin = coins[number * CHECKED_MAX + i] ?? 0;
    const told = generations[number * CHECKED_MAX + i] ?? 0;
    if (changes) report.won[coin] = (report.won[coin] ?? 0) + 1;
    if (Atomics.load(words, Word.GENERATIONS + coin) < told) report.early++;
  }
}

function run(): void {
  let progressMs = performance.now();
  for (let turn = 0; back < requests && Atomics.load(words, Word.ABORT) === 0; turn++) {
    engine.random.top();
    send();
    const taken = engine.process(BATCH, nowUs());
    if (taken === 0 && engine.rx.used > 0) report.stopped++;
    serveEffects();
    if (turn % 64 === 0) engine.step(nowUs());
    const answered = take(engine.ready, false) + take(engine.held, true);
    if (answered > 0) progressMs = performance.now();
    else if (performance.now() - progressMs > options.stallMs) {
      const parked = engine.step(nowUs());
      const where = `rx ${engine.rx.used}, held ${engine.held.used}, parked ${parked}`;
      throw new Error(`worker ${worker} stalls: ${back} of ${sent} answered, ${where}`);
    }
    if (free.length === 0) Atomics.wait(words, Word.NEVER, 0, 0.05);
  }
}

try {
  run();
} catch (error) {
  report.failure = String(error);
  Atomics.store(words, Word.ABORT, 1);
}
// Pages that never come would hold up the other worker.
while (loading.length > 0) for (const load of loading.splice(0)) finishLoad(load);
parentPort?.postMessage(report);
