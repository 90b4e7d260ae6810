/**
 * Two endpoints that call each other at about the same time over a network with faults, in virtual
 * time: what connect() gives is never closed for another session's sake, and what is written to it
 * at once arrives. ANDVARI_LONG=1: more seeds, and new ones; ANDVARI_SEED names the first.
 */
import { CloseError } from '@andvari/host-common/engine/generated/transfer';
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import type { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import { expect, it } from 'vitest';
import { firstSeed } from '../simulation/first-seed.ts';
import { type Link, PERFECT } from '../simulation/network.ts';
import { bytesOf, pattern, writeAll } from './endpoint-world.ts';
import { VirtualWorld } from './virtual-world.ts';

const SEEDS = process.env.ANDVARI_LONG === '1' ? 3000 : 20;
/** In which all calls have come to an end, and in which what was written arrives. */
const CALLS_US = 12_000_000;
const READ_US = 25_000_000;
const STEP_US = 1_000_000;
/** After which a message 3 that was lost four times does not keep the peer's session away. */
const POSTPONED_US = 2_000_000;
const BYTES = pattern(3000);

type Side = 1 | 2;

interface Call {
  /** It began with a session that the peer had begun. */
  knew: boolean;
  beganUs: number;
  endedUs: number;
  session?: TransferSession;
  error?: unknown;
}

class Meeting {
  readonly calls: Call[] = [];
  /** Sessions as either side has them, and those of them that came by `incoming`. */
  readonly sessions = new Set<TransferSession>();
  readonly accepted: Record<Side, Set<TransferSession>> = { 1: new Set(), 2: new Set() };
  /** Names of streams: one for each call, written to what it gave. */
  readonly written: string[] = [];
  readonly read: string[] = [];
  private readonly world: VirtualWorld;
  private readonly planned: { side: Side; afterUs: number }[];

  constructor(seed: number) {
    this.world = new VirtualWorld(seed);
    const { below, network } = this.world;
    const delayUs = 1000 + below(60_000);
    const link = (): Link => ({
      ...PERFECT,
      delayUs: delayUs + below(20_000),
      jitterUs: below(3) * delayUs,
      loss: below(3) * 1200,
      duplicate: below(2) * 1000,
      straggle: below(3) * 300,
    });
    network.setLink(1, link());
    network.setLink(2, link());
    const sides: Side[] = [1, 2];
    // Sometimes either of them calls once more.
    if (below(4) === 0) sides.push(below(2) ? 1 : 2);
    if (below(8) === 0) sides.push(below(2) ? 1 : 2);
    this.planned = sides.map((side) => ({ side, afterUs: below(5 * delayUs) }));
  }

  /** What is wrong in the end. */
  async run(): Promise<string[]> {
    const { world } = this;
    const ends = { 1: await world.endpoint(1), 2: await world.endpoint(2) };
    const accepting = [this.accept(ends[1], 1), this.accept(ends[2], 2)];
    const calling = this.planned.map(({ side, afterUs }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      world.clock.at(world.clock.nowUs + afterUs, () => resolve(this.call(ends[side], side)));
      return promise;
    });
    await world.run(CALLS_US, Promise.all(calling));
    for (let us = 0; us < READ_US && this.read.length < this.written.length; us += STEP_US) {
      await world.run(STEP_US);
    }
    // Whoever ends a session for the other's sake has said so by then.
    await world.run(STEP_US);
    const wrong = await this.wrong();
    await world.run(CALLS_US, Promise.all([ends[1].close(), ends[2].close(), ...accepting]));
    return wrong;
  }

  private async wrong(): Promise<string[]> {
    const wrong = this.calls.flatMap(({ error }) => (error ? [String(error)] : []));
    const isClosed = this.calls.some(({ session }) => session && !session.isOpen);
    if (isClosed) wrong.push('connect() gave a session that was closed');
    for (const session of this.sessions) {
      // A caller whose time is over just then gives up; nobody else has a reason.
      const end = session.isOpen ? undefined : await session.closed;
      if (end?.error === CloseError.NONE) wrong.push(`a session was closed: ${end.reason}`);
    }
    const unread = this.written.filter((name) => !this.read.includes(name));
    if (unread.length > 0) wrong.push('what was written has not arrived');
    // With more calls it depends on which of them crossed.
    const isLate = this.calls.some(({ beganUs, endedUs }) => endedUs - beganUs > POSTPONED_US);
    if (this.calls.length > 2 || isLate) return wrong;
    const wanted = this.calls.some(({ knew }) => knew) ? 2 : 1;
    const names = new Set([...this.sessions].map((session) => session.authenticationString));
    if (names.size !== wanted) wrong.push(`${names.size} sessions, not ${wanted}`);
    return wrong;
  }

  private async call(one: TransferEndpoint, side: Side): Promise<void> {
    const { world } = this;
    const other = 3 - side;
    const knew = this.accepted[side].size > 0;
    const call: Call = { knew, beganUs: world.clock.nowUs, endedUs: Number.NaN };
    this.calls.push(call);
    const name = `${this.calls.length}`;
    try {
      call.session = await one.connect(world.identity(other).peerId, world.address(other));
      call.endedUs = world.clock.nowUs;
      this.serve(call.session);
      this.written.push(name);
      const metadata = new TextEncoder().encode(name);
      await writeAll(await call.session.openStream({ bidi: false, metadata }), BYTES);
    } catch (error) {
      call.error = error;
    }
  }

  private async accept(one: TransferEndpoint, side: Side): Promise<void> {
    for await (const session of one.incoming) {
      this.accepted[side].add(session);
      this.serve(session);
    }
  }

  private serve(session: TransferSession): void {
    if (this.sessions.has(session)) return;
    this.sessions.add(session);
    void this.readStreams(session);
  }

  private async readStreams(session: TransferSession): Promise<void> {
    for await (const stream of session.incoming) void this.readStream(stream);
  }

  private async readStream(stream: TransferStream): Promise<void> {
    const bytes = await bytesOf(stream).catch(() => new Uint8Array(0));
    const isWhole = bytes.join() === BYTES.join();
    if (isWhole) this.read.push(new TextDecoder().decode(stream.metadata));
  }
}

const first = firstSeed(1);

it(`calls that cross lose nothing, ${SEEDS} seeds from ${first}`, {
  timeout: 3_600_000,
}, async () => {
  const failures: string[] = [];
  for (let seed = first; seed < first + SEEDS; seed++) {
    const wrong = await new Meeting(seed).run();
    if (wrong.length > 0) failures.push(`seed ${seed}: ${wrong.join('; ')}`);
  }
  expect(failures, `ANDVARI_SEED=${first} npm test -- tests/transfer/crossed`).toEqual([]);
});
