/**
 * Handshakes over a network with faults, in virtual time: whatever is lost, doubled, late or
 * damaged on the way, both come to the same keys or the caller gives up in time. ANDVARI_LONG=1:
 * more seeds.
 */
import { drawEphemeral, type Ephemeral } from '@andvari/host-common/transfer/elligator2';
import type { Agreed } from '@andvari/host-common/transfer/handshake-outcome';
import type { Initiator } from '@andvari/host-common/transfer/initiator';
import type { Heard, Responder } from '@andvari/host-common/transfer/responder';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from '../simulation/clock.ts';
import { HOME, must, World } from './handshake-world.ts';

const SEEDS = process.env.ANDVARI_LONG === '1' ? 20_000 : 150;
const DELAY_US = 30_000;

interface Faults {
  loss: number;
  double: number;
  damage: number;
  jitterUs: number;
}

/** Drawn once: the same representative in two handshakes of one responder would be a replay. */
const drawn: Ephemeral[] = [];
function keys(world: World) {
  let taken = 0;
  return {
    take() {
      const index = taken++;
      drawn[index] ??= drawEphemeral(world.random);
      const key = must(drawn[index]);
      return { ...key, secret: Uint8Array.from(key.secret) };
    },
  };
}

function seededRandom(seed: number): () => number {
  const below = randomFrom(seed);
  return () => below(2 ** 32) / 2 ** 32;
}

/** One call under faults; what both came to. */
class Run {
  readonly clock = new VirtualClock(1_000_000);
  readonly world: World;
  readonly initiator: Initiator;
  readonly responder: Responder;
  readonly agreed: Agreed[] = [];
  again = 0;
  toResponder = 0;
  fromResponder = 0;
  private readonly random: () => number;
  private readonly faults: Faults;

  constructor(seed: number, faults: Faults) {
    const world = new World(seed);
    world.provider = nodeX25519;
    this.world = world;
    this.random = seededRandom(seed);
    this.faults = faults;
    const stealth = seed % 2 === 0;
    const ephemerals = keys(world);
    this.responder = world.responder(2, { stealth, ephemerals });
    this.initiator = world.call(1, 2, { stealth, ephemerals });
  }

  go(): void {
    this.flush();
    this.arm();
    while (this.clock.step()) {
      // Everything that is to happen does within the timeout and a few delays.
      expect(this.clock.nowUs).toBeLessThan(13_000_000);
    }
  }

  private arm(): void {
    const { wakeUs } = this.initiator;
    if (wakeUs === Number.POSITIVE_INFINITY) return;
    this.clock.at(wakeUs, () => {
      this.world.us = this.clock.nowUs;
      if (wakeUs !== this.initiator.wakeUs) return;
      this.initiator.wake(this.world.now);
      this.flush();
      this.arm();
    });
  }

  private flush(): void {
    for (let next = this.initiator.take(); next; next = this.initiator.take()) {
      const datagram = next;
      this.carry(datagram, (bytes) => this.atResponder(bytes));
    }
  }

  private carry(datagram: Uint8Array, arrive: (bytes: Uint8Array) => void): void {
    const { loss, double, damage, jitterUs } = this.faults;
    const copies = this.random() < loss ? 0 : this.random() < double ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const bytes = Uint8Array.from(datagram);
      if (this.random() < damage) {
        const at = Math.floor(this.random() * Math.min(bytes.length, 96));
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(this.random() * 8));
      }
      this.clock.at(this.clock.nowUs + DELAY_US + this.random() * jitterUs, () => {
        this.world.us = this.clock.nowUs;
        arrive(bytes);
      });
    }
  }

  private atResponder(bytes: Uint8Array): void {
    const { responder, world } = this;
    this.toResponder += bytes.length;
    let heard: Heard = responder.receiveThird(bytes, HOME, world.now);
    if (heard.kind === 'other') heard = responder.receiveFirst(bytes, HOME, world.now);
    if (heard.kind === 'reply') {
      if (this.agreed.length === 0) this.fromResponder += heard.datagram.length;
      expect(this.fromResponder).toBeLessThanOrEqual(3 * this.toResponder);
      this.carry(heard.datagram, (reply) => {
        this.initiator.receive(reply, world.now);
        this.flush();
        this.arm();
      });
    }
    if (heard.kind === 'again') this.again++;
    if (heard.kind === 'agreed') this.agreed.push(heard.agreed);
    // Its PING, which may get lost like everything else.
    if (heard.kind === 'again' || heard.kind === 'agreed') {
      this.carry(new Uint8Array(68), () => this.initiator.confirm());
    }
  }
}

describe('a handshake over a bad network', () => {
  it('ends in the same keys, or in time', () => {
    let completed = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = seededRandom(1_000_000 + seed);
      const faults = {
        loss: random() * 0.5,
        double: random() * 0.5,
        damage: random() * 0.3,
        jitterUs: random() * 400_000,
      };
      const run = new Run(seed, faults);
      run.go();
      const { state, agreed } = run.initiator;
      const said = `seed ${seed}`;
      expect(['confirmed', 'failed'], said).toContain(state);
      if (state === 'failed') expect(run.initiator.error?.code, said).toContain('TIMEOUT');
      if (state !== 'confirmed') continue;
      completed++;
      const same = run.agreed.filter(
        ({ keys: { k1 } }) => Buffer.compare(k1, must(agreed).keys.k1) === 0,
      );
      expect(same.length, said).toBe(1);
      expect(same[0]?.keys, said).toEqual(agreed?.keys);
      expect(run.agreed.length, said).toBe(1);
    }
    expect(completed).toBeGreaterThan(0.8 * SEEDS);
  }, 600_000);

  it('without faults takes one round trip and a half', () => {
    const run = new Run(1, { loss: 0, double: 0, damage: 0, jitterUs: 0 });
    run.go();
    expect(run.initiator.agreed?.rttUs).toBe(2 * DELAY_US);
    expect(run.agreed[0]?.rttUs).toBe(2 * DELAY_US);
    expect(run.again).toBe(0);
  });
});
