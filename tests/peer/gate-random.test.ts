/**
 * The gate against a simple model of the same rules: random connections, handshakes, bans, lists
 * and clocks. Signatures are not made: the model says what the host would have found. A failure
 * prints the seed (ANDVARI_SEED) and the step.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerGate } from '@andvari/host-common/peer/gate';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../engine/vector-state.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { GateModel, idOf, type ShownHandshake, US } from './gate-model.ts';

const STEPS = process.env.ANDVARI_LONG ? 200_000 : 15_000;
/** Low, so that they are met. */
const LIMITS = { target: 3, requests: 2, broadcasts: 1 };
const PEERS = 6;
/** Points of Ed25519 that are none of the small ones: the base point, twice and three times it. */
const KEYS = [
  '5866666666666666666666666666666666666666666666666666666666666666',
  'c9a3f86aae465f0e56513864510f3997561fa2c9e85ea21dc2292309f3cd6022',
  'd4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712',
].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));

describe('the gate and a model of it', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await plainEngine();
  });

  it('say the same', { timeout: 600_000 }, () => {
    const seed = seedOfRun();
    const below = randomFrom(seed);
    const { target: targetPeers, ...limits } = LIMITS;
    const gate = PeerGate.create({ module, peerId: US, targetPeers, limits });
    const model = new GateModel(LIMITS);
    let now = 1_767_225_600_000;
    let handles: number[] = [];
    let begun = 0;
    let heard = 0;
    const shown: ShownHandshake[] = [];
    const oneOf = <T>(list: readonly T[]): T => list[below(list.length)] as T;
    const newHandshake = (id: number): ShownHandshake => ({
      key: below(4) ? id % KEYS.length : below(KEYS.length),
      sender: below(8) ? id : below(PEERS),
      timeMs: now + below(8) * 1000 - (below(8) ? 4000 : 40_000),
      mark: shown.length % 2 ** 16,
    });
    const handshakeOf = (it: ShownHandshake) => {
      const signature = new Uint8Array(64);
      signature.set(KEYS[0] as Uint8Array);
      new DataView(signature.buffer).setUint16(32, it.mark);
      const msg = { sender: idOf(it.sender), timestampMs: BigInt(it.timeMs) };
      return { type: 'handshake' as const, publicKey: KEYS[it.key] as Uint8Array, signature, msg };
    };
    const steps: Record<string, () => [unknown, unknown]> = {
      connect: () => {
        const [id, address, isOurs] = [below(PEERS), below(2), below(3) === 0];
        const asked = isOurs ? gate.dial(idOf(id), now) : gate.accept(address, now);
        const wanted = model.ask(asked.handle, isOurs ? id : undefined, address, now);
        if (asked.answer !== 'OK') return [asked.answer, wanted];
        handles.push(asked.handle);
        if (below(8) === 0) return [asked.answer, wanted];
        const opened = gate.open(asked.handle, idOf(id), now);
        return [`OK ${opened}`, `${wanted} ${model.open(asked.handle, id, now)}`];
      },
      close: () => {
        const handle = oneOf(handles) ?? 0;
        return [gate.close(handle, now), model.close(handle, now)];
      },
      show: () => {
        const handle = oneOf(handles) ?? 0;
        const id = model.idOf(handle) ?? 0;
        const own = shown.filter(({ sender }) => sender === id);
        const it = own.length && below(3) === 0 ? oneOf(own.slice(-2)) : newHandshake(id);
        shown.push(it);
        const context = { wire: 2 as const, nowMs: now };
        const { answer } = gate.begin(handle, 'request', handshakeOf(it), context);
        begun = handle;
        return [answer, model.begin(handle, it, now)];
      },
      conclude: () => {
        const handle = below(4) ? begun : (oneOf(handles) ?? 0);
        const isGood = below(5) > 0;
        return [gate.conclude(handle, 'request', isGood, now), model.conclude(handle, isGood, now)];
      },
      receive: () => {
        const handle = oneOf(handles) ?? 0;
        return [gate.receive(handle, now), model.receive(handle, now)];
      },
      hear: () => {
        // often the same neighbour again: too many broadcasts of one end in a ban
        const handle = below(3) ? heard : (oneOf(handles) ?? 0);
        heard = handle;
        const from = below(3) ? (model.idOf(handle) ?? 0) : below(PEERS);
        const counted = gate.countGossip(handle, idOf(from), now);
        return [`gossip ${counted}`, `gossip ${model.countGossip(handle, from, now)}`];
      },
      ban: () => {
        const [id, until] = [below(PEERS), now + below(60_000)];
        return [gate.ban(idOf(id), until, now), model.ban(id, until, now)];
      },
      unban: () => {
        const id = below(PEERS);
        return [gate.unban(idOf(id)), model.unban(id)];
      },
      list: () => {
        const keys = KEYS.map((_, n) => n).filter(() => below(8) > 0);
        gate.replaceWhitelist(
          keys.map((n) => KEYS[n] as Uint8Array),
          now,
        );
        return [0, model.list(keys, now)];
      },
      wait: () => {
        now += oneOf([1, 1, 10, 500, 500, 3000, 10_000, 31_000, 200_000]);
        gate.tick(now);
        return [0, model.tick(now)];
      },
    };
    const often = [
      'connect',
      'connect',
      'show',
      'show',
      'conclude',
      'conclude',
      'receive',
      'hear',
      'hear',
      'close',
    ];
    const names = [...often, ...often, ...Object.keys(steps)];
    const met = new Set<unknown>();
    for (let step = 0; step < STEPS; step++) {
      const name = oneOf(names);
      const [got, wanted] = steps[name]?.() ?? [];
      const where = `seed ${seed}, step ${step}: ${name}`;
      expect(got, where).toBe(wanted);
      met.add(got);
      const taken = gate.takeClosing(now).map(({ handle, reason }) => `${handle} ${reason}`);
      expect(taken.sort(), where).toEqual(model.takeClosing(now).sort());
      for (let id = 0; id < PEERS; id++) {
        expect(gate.state(idOf(id)).phase, where).toBe(model.phase(id));
      }
      const bans = gate.bans().map(({ peerId, untilMs }) => `${toHex(peerId)} ${untilMs}`);
      expect(bans.sort(), where).toEqual(model.bansAsText(toHex).sort());
      handles = handles.slice(-8);
    }
    const gossip = ['OK', 'RATE_LIMITED', 'BANNED', 'NOT_VERIFIED'].map((it) => `gossip ${it}`);
    const wanted = [
      ...gossip,
      'RATE_LIMITED',
      'OK',
      'SENDER',
      'REPLAYED',
      'KEY_IN_USE',
      'UNLISTED',
      'BANNED',
      'SIGNATURE',
    ];
    const missed = wanted.filter((answer) => !met.has(answer));
    expect(missed, `seed ${seed}`).toEqual([]);
  });
});
