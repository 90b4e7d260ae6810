/**
 * What each step of one echo costs between the two sockets: the figures of docs/architecture.md.
 */
import { Engine } from '@andvari/host-common/engine/engine';
import { Flag } from '@andvari/host-common/engine/generated/layout';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { nowUs } from '@andvari/host-node/raida/engine-loop';
import { type Candidate, measure } from './timing.ts';

const BATCH = 64;
const ECHO = Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 6, ...new Array<number>(24).fill(0)]);

export async function benchSteps(): Promise<Map<string, number>> {
  const engine = Engine.create({
    module: await sharedEngine(),
    shared: true,
    sizes: { pagesPerDenomination: 1, frames: BATCH, ringEntries: 256 },
    identity: { raidaId: 0, coinId: 6, wire: 'spec', version: '20261121' },
  });
  const arena = new Uint8Array(1 << 20);
  const frames = Array.from({ length: BATCH }, () => engine.frames.take());
  const { u8, u32, rx, ready } = engine;
  const receive = () => {
    for (const frame of frames) {
      u8.set(ECHO, frame);
      rx.push(frame, frame, ECHO.length, 1, Flag.DATAGRAM, 1795219200000000);
    }
  };
  const drain = () => {
    while (ready.used) ready.shift();
  };
  const process = () => engine.process(BATCH, 1795219200000000);
  const answer = () => {
    receive();
    process();
  };
  const nothing = () => {};
  const step = (name: string, prepare: () => void, run: () => void): Candidate => {
    return { name, units: BATCH, prepare, run };
  };
  const reset = () => {
    process();
    drain();
    engine.random.top();
  };
  return measure([
    step('time stamp', nothing, () => {
      for (let i = 0; i < BATCH; i++) nowUs();
    }),
    step('copy into the frame, descriptor', reset, receive),
    step(
      'engine: header to reply',
      () => {
        reset();
        receive();
      },
      process,
    ),
    step(
      'read the descriptor, copy out',
      () => {
        reset();
        answer();
      },
      () => {
        for (let at = 0; ready.used; at += 64) {
          const entry = ready.first();
          const offset = u32[entry + 1] ?? 0;
          arena.set(u8.subarray(offset, offset + (u32[entry + 2] ?? 0)), at);
          ready.shift();
        }
      },
    ),
  ]);
}
