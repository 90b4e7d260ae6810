/**
 * The engine alone, without sockets and store: nanoseconds a request in batches of 64, plain and
 * shared build.
 */
import { Engine } from '@andvari/host-common/engine/engine';
import {
  Control,
  Descriptor,
  Effect,
  Flag,
  Region,
} from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { aes, anOf, auth, back, coin, lock, many, PAGES, peek, there, unlock } from './requests.ts';
import { type Candidate, measure } from './timing.ts';

const BATCH = 64;
const NOW_US = 1795219200000000;

function loadAll(engine: Engine): void {
  while (engine.effects.used) {
    const at = engine.effects.first();
    const key = engine.u32[at + (Effect.KEY >>> 2)] ?? 0;
    const offset = engine.u32[at + (Effect.OFFSET >>> 2)] ?? 0;
    const denomination = Math.floor(key / PAGES) - 8;
    for (let i = 0; i < 1024; i++) {
      engine.u8.set(anOf(denomination, (key % PAGES) * 1024 + i), offset + i * 17);
      engine.u8[offset + i * 17 + 16] = 30;
    }
    engine.exports.resume(engine.u32[at + (Effect.SLOT >>> 2)] ?? 0, 0);
    engine.effects.shift();
  }
}

export interface Build {
  module: WebAssembly.Module;
  shared: boolean;
  wire: 'spec' | 'legacy';
  nativeCtr?: NativeCtr | undefined;
}

export interface Work {
  name: string;
  /** Requests of a batch [BATCH]. */
  batch?: number;
  /** Done once, before anything is timed. */
  before?(codec: EngineCodec, i: number): Uint8Array;
  /** The messages of request `i`, in turn (a pown there and back). */
  messages(codec: EngineCodec, i: number): Uint8Array[];
}

const detect = (i: number) => coin(0, i, anOf(0, i));
const detect16 = (i: number) =>
  Array.from({ length: 16 }, (_, page) =>
    coin(0, page * 1024 + i, anOf(0, page * 1024 + i)),
  ).flat();

const WORK: Work[] = [
  {
    name: 'echo, header only',
    messages: (codec) => [
      codec.seal({ raidaId: 0, group: 0, command: 0, payload: new Uint8Array(0), noBody: true })
        .bytes,
    ],
  },
  { name: 'detect 1 coin, clear', messages: (c, i) => [c.seal(auth(10, detect(i))).bytes] },
  { name: 'detect 1 coin, AES', messages: (c, i) => [c.seal(auth(10, detect(i), aes(i))).bytes] },
  {
    name: 'detect 16 coins on 16 pages, AES',
    messages: (c, i) => [c.seal(auth(10, detect16(i), aes(i))).bytes],
  },
  {
    name: 'detect 400 coins, AES',
    batch: 4,
    messages: (c, i) => [c.seal(auth(10, many(), aes(i))).bytes],
  },
  {
    name: 'locker put and remove in turn, 1 coin, clear',
    messages: (c, i) => [lock(i), unlock(i)].map((request) => c.seal(request).bytes),
  },
  {
    name: 'locker peek, 1 coin, clear',
    before: (c, i) => c.seal(lock(i)).bytes,
    messages: (c, i) => [c.seal(peek(i)).bytes],
  },
  {
    name: 'pown 1 coin, clear',
    messages: (c, i) => [there(i), back(i)].map((list) => c.seal(auth(20, list)).bytes),
  },
  {
    name: 'pown 1 coin, AES',
    messages: (c, i) => [there(i), back(i)].map((list) => c.seal(auth(20, list, aes(i))).bytes),
  },
];

export function candidateOf(build: Build, codec: EngineCodec, work: Work): Candidate {
  const { module, shared, wire, nativeCtr } = build;
  const { batch = BATCH, before, name } = work;
  const engine = Engine.create({
    module,
    shared,
    nativeCtr,
    sizes: { pagesPerDenomination: PAGES, frames: BATCH, ringEntries: 256 },
    identity: { raidaId: 0, coinId: 6, wire, version: '20261121' },
  });
  const messages = Array.from({ length: batch }, (_, i) => work.messages(codec, i));
  const large = (messages[0]?.[0]?.length ?? 0) > engine.frames.frameBytes;
  const pool = large ? engine.largeFrames : engine.frames;
  const frames = messages.map(() => pool.take());
  const committed = (engine.region(Region.CONTROL) + Control.COMMITTED) >>> 3;
  const drain = () => {
    Atomics.store(engine.u64, committed, BigInt(engine.journalHead()));
    for (const ring of [engine.ready, engine.held]) while (ring.used) ring.shift();
  };
  const receive = (message: Uint8Array, i: number) => {
    const frame = frames[i] ?? 0;
    engine.u8.set(message, frame);
    engine.rx.push(frame, frame, message.length, i + 1, Flag.DATAGRAM, NOW_US);
  };
  let round = 0;
  const prepare = () => {
    drain();
    engine.random.top();
    for (const [i, turns] of messages.entries()) {
      receive(turns[round % turns.length] ?? new Uint8Array(0), i);
    }
    round++;
  };
  const run = () => {
    if (engine.process(batch, NOW_US) !== batch) throw new Error(`${name}: batch not taken`);
  };
  // Pages come in before anything is timed; then every answer must be a good one.
  const settle = () => {
    run();
    for (let i = 0; i < 20; i++) {
      loadAll(engine);
      engine.step(NOW_US);
    }
  };
  if (before) {
    engine.random.top();
    for (const i of messages.keys()) receive(before(codec, i), i);
    settle();
  }
  prepare();
  settle();
  drain();
  prepare();
  run();
  checkAnswers(engine, name, batch);
  return { name: `${name}|${wire}|${shared ? 'shared' : 'plain'}`, units: batch, prepare, run };
}

function checkAnswers(engine: Engine, name: string, batch: number): void {
  let good = 0;
  for (const ring of [engine.ready, engine.held]) {
    for (; ring.used; ring.shift()) {
      const status = engine.u32[ring.first() + (Descriptor.STATUS >>> 2)];
      if (status === 241 || status === 250) good++;
    }
  }
  if (good !== batch) throw new Error(`${name}: ${good} of ${batch} answers are good`);
}

/** Rows of the table: name, and ns a request by wire and build. */
export async function benchEngine(): Promise<Map<string, number>> {
  const plain = await plainEngine();
  const shared = await sharedEngine();
  const candidates: Candidate[] = [];
  for (const wire of ['legacy', 'spec'] as const) {
    const codec = new EngineCodec(plain, { wire, coinId: 6 });
    for (const work of WORK) {
      candidates.push(candidateOf({ module: plain, shared: false, wire }, codec, work));
      candidates.push(candidateOf({ module: shared, shared: true, wire }, codec, work));
    }
  }
  return measure(candidates);
}
